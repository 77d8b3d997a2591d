/**
 * Rules about the sum: one list of survivors, signed by enough of them, and shares released for that list alone. Then no
 * pod's two secrets can both be rebuilt, and what can be opened is the sum of the survivors.
 * @module
 */
import { equalBytes, KonsilError, toHex } from '../../../base/index.ts';
import { sha256 } from '../../../crypto/index.ts';
import { hashSurvivors, sameList } from '../checks.ts';
import type { Session } from '../context.ts';
import { type Bodies, peekMessage } from '../messages.ts';
import type { Findings } from './findings.ts';
import type { Holders } from './keyRules.ts';
import type { Said } from './readMessages.ts';

/** The list of survivors that pods were asked to sign. */
export interface SurvivorList {
  /** By roster index, ascending. */
  readonly pods: readonly number[];
  readonly hash: Uint8Array;
  /** Whether enough of them signed it. */
  readonly isSigned: boolean;
}

/** @param dealers - U2. @returns null when there was no list. */
export function checkSurvivors(
  session: Session,
  said: Said,
  { holders, dealers }: { readonly holders: Holders; readonly dealers: ReadonlySet<number> },
  findings: Findings,
): SurvivorList | null {
  const [first, ...others] = [...said.survivors.values()];
  if (!first) return null;
  const { line, body } = first;
  for (const other of others)
    if (!equalBytes(other.bytes, first.bytes))
      findings.add(other.line, null, `second list of survivors, other than that of line ${line}`);
  const pods = body.uploads.map(({ pod }) => pod);
  const nameOf = (pod: number): string => session.roster[pod]?.name ?? `number ${pod}`;
  if (pods.length < session.minSurvivors)
    findings.add(line, null, `${pods.length} survivors, ${session.minSurvivors} are needed`);
  for (const { pod, manifestHash } of body.uploads) {
    const manifest = said.manifest.get(pod);
    if (!dealers.has(pod)) findings.add(line, nameOf(pod), 'is among the survivors, but its shares were not passed on');
    if (!manifest || !equalBytes(sha256(manifest.bytes), manifestHash))
      findings.add(line, nameOf(pod), 'is among the survivors with another manifest than it sent');
    else if (manifest.body.bytes !== session.wireBytes)
      findings.add(
        manifest.line,
        nameOf(pod),
        `its masked vector has ${manifest.body.bytes} bytes, not ${session.wireBytes}`,
      );
  }
  for (const dealer of dealers) {
    const left = holders[dealer]?.filter((holder) => pods.includes(holder)).length ?? 0;
    if (left < session.t)
      findings.add(line, nameOf(dealer), `${left} of its holders survived, ${session.t} are needed`);
  }
  const hash = hashSurvivors(session, body);
  return { pods, hash, isSigned: checkSignatures(session, said, { pods, hash }, findings) };
}

function checkSignatures(
  session: Session,
  said: Said,
  { pods, hash }: Omit<SurvivorList, 'isSigned'>,
  findings: Findings,
): boolean {
  const survivors = new Set(pods);
  let good = 0;
  for (const [pod, { line, body }] of said.consistency) {
    const { name } = session.roster[pod]!;
    const isListed = survivors.has(pod);
    const isSame = equalBytes(body.survivorsHash, hash);
    if (!isListed) findings.add(line, name, 'signed, but is not among the survivors');
    if (!isSame) findings.add(line, name, 'signed another list of survivors');
    if (isListed && isSame) good++;
  }
  const seen = new Set<Uint8Array>();
  for (const [pod, { line, bytes, body }] of said.proof) {
    if (seen.has(bytes)) continue; // one message to many
    seen.add(bytes);
    findings.guard(line, session.roster[pod]!.name, () => checkProof(session, said, body));
  }
  return good >= session.signatures;
}

/** @throws KonsilError when it does not quote enough of the signatures that pods sent. */
function checkProof(session: Session, said: Said, { messages }: Bodies['proof']): void {
  const bad = (why: string): KonsilError => new KonsilError('AGG_BAD_MESSAGE', why);
  const signers = messages.map((bytes) => {
    const { sender } = peekMessage(bytes);
    if (!equalBytes(bytes, said.consistency.get(sender)?.bytes ?? new Uint8Array(0)))
      throw bad(`the proof quotes a signature that ${session.roster[sender]?.name ?? `number ${sender}`} did not send`);
    return sender;
  });
  const distinct = new Set(signers).size;
  if (distinct < session.signatures)
    throw bad(`the proof has the signatures of ${distinct} pods, ${session.signatures} are needed`);
}

/** @param list - What was signed; null when there was no list. */
export function checkReleased(session: Session, said: Said, list: SurvivorList | null, findings: Findings): void {
  const survivors = new Set(list?.pods);
  const nameOf = (pod: number): string => session.roster[pod]!.name;
  for (const [pod, { line, shares, survivorsHash }] of said.released) {
    if (!list || survivorsHash !== toHex(list.hash))
      findings.add(line, nameOf(pod), 'released shares for another list of survivors than the one that was signed');
    const given = said.inbox.get(pod)?.body.entries.map((entry) => entry.pod) ?? [];
    const released = shares.map(({ of }) => of).sort((a, b) => a - b);
    if (!sameList(released, given))
      findings.add(line, nameOf(pod), 'released shares of other pods than those whose shares it was given');
    for (const { of, kind } of shares) {
      const due = survivors.has(of) ? 'self' : 'key';
      const fate = due === 'self' ? 'survived' : 'was lost';
      if (kind !== due) findings.add(line, nameOf(pod), `released a ${kind} share of ${nameOf(of)}, which ${fate}`);
    }
  }
  for (const [pod, { self, key }] of sharesHeld(session, said).entries())
    if (self > 0 && key > 0)
      findings.add(null, nameOf(pod), `both its secrets were asked for: ${self} self shares, ${key} key shares`);
}

/** Shares of each pod that were released, by roster index. */
export function sharesHeld(session: Session, said: Said): { readonly self: number; readonly key: number }[] {
  const held = session.roster.map(() => ({ self: 0, key: 0 }));
  for (const { shares } of said.released.values()) for (const { of, kind } of shares) held[of]![kind]++;
  return held;
}
