/**
 * Rules about keys and shares: all pods worked from the same, were shown each other's keys unaltered, dealt shares to
 * exactly their holders, and were given exactly what was dealt to them.
 * @module
 */
import { equalBytes, KonsilError } from '../../../base/index.ts';
import { checkAdvertised, checkDealt, checkSameModel, sameList } from '../checks.ts';
import { isSparse, type Session } from '../context.ts';
import { checkNonce, drawGraph } from '../graph.ts';
import { peekMessage, type ShareEntry } from '../messages.ts';
import type { Findings } from './findings.ts';
import type { Said } from './readMessages.ts';

/** Holders of each pod's shares, by roster index. */
export type Holders = readonly (readonly number[])[];

/** @returns who holds whose shares; null when it never came to sharing, or the graph cannot be drawn. */
export function checkKeys(session: Session, said: Said, findings: Findings): Holders | null {
  const nameOf = (pod: number): string => session.roster[pod]!.name;
  for (const [pod, { line, body }] of said.advertise)
    findings.guard(line, nameOf(pod), () => {
      checkSameModel(session, pod, body);
      checkNonce(session, pod, body.nonce);
    });
  findings.guard(null, null, () => checkAdvertised([...said.advertise.values()].map(({ body }) => body)));
  if (said.roster.size === 0) return null;
  const nonces = isSparse(session) ? session.roster.map((_, pod) => said.advertise.get(pod)?.body.nonce) : [];
  if (!isComplete(nonces)) {
    findings.add(null, null, 'sharing began without the nonces of all pods');
    return null;
  }
  const holders = drawGraph(session, nonces);
  const quoted = new Map(
    [...said.roster].map(([pod, { line, body }]) => {
      if (!sameBytes(body.nonces, nonces)) findings.add(line, nameOf(pod), 'was shown other nonces than were revealed');
      return [pod, quotedSenders(session, said, findings, { pod, line, messages: body.messages })] as const;
    }),
  );
  const cohort = new Set([...quoted.values()].flat());
  const isHere = (pod: number): boolean => cohort.has(pod);
  const least = isSparse(session) ? session.n : session.minSurvivors;
  if (cohort.size < least) findings.add(null, null, `keys of ${cohort.size} pods were shared, ${least} are needed`);
  for (const [pod, senders] of quoted)
    if (!sameList(senders, holders[pod]!.filter(isHere)))
      findings.add(said.roster.get(pod)!.line, nameOf(pod), 'was shown keys of other pods than its holders');
  for (const [pod, { line, body }] of said.shares)
    findings.guard(line, nameOf(pod), () => checkDealt(body, holders[pod]!.filter(isHere)));
  return holders;
}

function isComplete<T>(items: readonly (T | undefined)[]): items is readonly T[] {
  return !items.includes(undefined);
}

/** Pods whose advertise messages were quoted; each must be the one that this pod sent, whose signature is checked. */
function quotedSenders(
  session: Session,
  said: Said,
  findings: Findings,
  { pod, line, messages }: { readonly pod: number; readonly line: number; readonly messages: readonly Uint8Array[] },
): number[] {
  const senders: number[] = [];
  findings.guard(line, session.roster[pod]!.name, () => {
    for (const bytes of messages) {
      const { sender } = peekMessage(bytes);
      if (!equalBytes(bytes, said.advertise.get(sender)?.bytes ?? new Uint8Array(0)))
        throw new KonsilError(
          'AGG_BAD_MESSAGE',
          `was shown other keys of ${session.roster[sender]?.name ?? `number ${sender}`} than that pod sent`,
        );
      senders.push(sender);
    }
  });
  return senders;
}

/** @returns the dealers whose shares were passed on: U2. */
export function checkShares(session: Session, said: Said, holders: Holders, findings: Findings): ReadonlySet<number> {
  const dealers = new Set([...said.inbox.values()].flatMap(({ body }) => body.entries.map(({ pod }) => pod)));
  if (said.inbox.size > 0 && dealers.size < session.minSurvivors)
    findings.add(null, null, `shares of ${dealers.size} pods were passed on, ${session.minSurvivors} are needed`);
  for (const [pod, { line, body }] of said.inbox) {
    const { name } = session.roster[pod]!;
    const due = holders[pod]!.filter((holder) => dealers.has(holder));
    const given = body.entries.map((entry) => entry.pod);
    if (!sameList(given, due)) findings.add(line, name, 'was given shares of other dealers than the others were');
    if (given.length < session.t)
      findings.add(line, name, `was given shares of ${given.length} dealers, ${session.t} are needed`);
    for (const { pod: dealer, ...entry } of body.entries) {
      const dealt = said.shares.get(dealer)?.body.entries.find((candidate) => candidate.pod === pod);
      if (!dealt || !isSameEntry(dealt, entry))
        findings.add(
          line,
          name,
          `was given other shares than ${session.roster[dealer]?.name ?? `number ${dealer}`} dealt to it`,
        );
    }
  }
  return dealers;
}

function isSameEntry(a: ShareEntry, b: Omit<ShareEntry, 'pod'>): boolean {
  const fields = ['selfCommitment', 'keyCommitment', 'nonce', 'sealed'] as const;
  return fields.every((field) => equalBytes(a[field], b[field]));
}

function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => equalBytes(bytes, b[i]!));
}
