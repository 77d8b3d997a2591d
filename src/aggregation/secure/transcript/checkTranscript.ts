/**
 * Checks a transcript: would these messages, sent by honest pods, have let the coordinator learn more than the sum? Every
 * rule of pods and coordinator that needs no secret is applied again, from the transcript alone.
 *
 * It cannot show what the coordinator left out. That is no way around the verdict: only one list of survivors can have
 * enough signatures, and honest pods release shares for that list only.
 * @source docs/reference/secure-aggregation.md, section 16.
 * @module
 */
import { toHex } from '../../../base/index.ts';
import type { PeerId } from '../../../crypto/index.ts';
import type { Session } from '../context.ts';
import { type Finding, Findings } from './findings.ts';
import { checkKeys, checkShares } from './keyRules.ts';
import { TRANSCRIPT_PHASES, type Transcript, type TranscriptPhase, type TranscriptSession } from './lines.ts';
import { readMessages, type Said } from './readMessages.ts';
import { type ReadSession, readSession } from './readSession.ts';
import { checkReleased, checkSurvivors, type SurvivorList, sharesHeld } from './sumRules.ts';

/** Bytes by phase, without vectors and envelopes; phases with none are left out. */
export type PhaseBytes = Partial<Readonly<Record<TranscriptPhase, number>>>;

/** A pod of the roster, and how far it came. */
export interface CheckedPod {
  readonly name: string;
  readonly id: PeerId;
  /** Last phase it answered, or null. */
  readonly answered: TranscriptPhase | null;
  /** Phase in which the coordinator gave it up, or null. */
  readonly lostIn: TranscriptPhase | null;
  readonly sentBytes: PhaseBytes;
  readonly receivedBytes: PhaseBytes;
  /** SHA-256 of its masked vector, from its signed manifest, or null. */
  readonly vector: string | null;
  /** Shares of its secrets that were released to the coordinator: of the self mask and of the mask key. */
  readonly selfShares: number;
  readonly keyShares: number;
}

export interface TranscriptReport {
  /** Null when the first line is that of no session. */
  readonly session: Session | null;
  readonly at: string;
  readonly coordinator: PeerId | null;
  /** What all pods signed that they worked from. */
  readonly agreed: TranscriptSession['agreed'];
  readonly pods: readonly CheckedPod[];
  /** Names of the survivors that enough pods signed for, or null. */
  readonly survivors: readonly string[] | null;
  readonly signatures: number;
  readonly outcome: 'sum' | 'failed' | 'unfinished';
  /** Why it failed. */
  readonly reason: string;
  /** Whether pods were asked for shares: then this sum must never be tried again. */
  readonly isSpent: boolean;
  /** Messages that changed nothing; they are not in the transcript. */
  readonly passedOver: number;
  readonly findings: readonly Finding[];
  /** Advertised keys and revealed nonces, in hexadecimal: none may ever come again. */
  readonly onceOnly: readonly string[];
}

/** Applies every rule to `transcript`. Never throws for what it contains. */
export function checkTranscript(transcript: Transcript): TranscriptReport {
  const { session: said, entries } = transcript;
  const findings = new Findings();
  const read = readSession(said, findings);
  const messages = read && readMessages(read.session, entries, findings);
  const list = read && messages && judge(read.session, messages, findings);
  const ended = read && messages && checkOutcome(read.session, transcript, { said: messages, list }, findings);
  return {
    ...{ session: read?.session ?? null, at: said.at, coordinator: read?.coordinator.id ?? null, agreed: said.agreed },
    pods: read && messages ? checkedPods(read, messages) : [],
    survivors: read && list?.isSigned ? list.pods.map((pod) => read.session.roster[pod]!.name) : null,
    signatures: messages?.consistency.size ?? 0,
    ...(ended ?? { outcome: 'unfinished', reason: '' }),
    isSpent: (messages?.proof.size ?? 0) > 0 || (messages?.released.size ?? 0) > 0,
    passedOver: messages?.passedOver ?? 0,
    findings: findings.all,
    onceOnly: messages ? onceOnly(messages) : [],
  };
}

/** @returns the list of survivors, when there was one. */
function judge(session: Session, said: Said, findings: Findings): SurvivorList | null {
  const holders = checkKeys(session, said, findings);
  const dealers = holders && checkShares(session, said, holders, findings);
  const list = holders && dealers && checkSurvivors(session, said, { holders, dealers }, findings);
  checkReleased(session, said, list, findings);
  return list;
}

type Ended = Pick<TranscriptReport, 'outcome' | 'reason'>;

/** Whether the end that the coordinator gives fits what was said. */
function checkOutcome(
  session: Session,
  { entries }: Transcript,
  { said, list }: { readonly said: Said; readonly list: SurvivorList | null },
  findings: Findings,
): Ended {
  const at = entries.findIndex(({ type }) => type === 'sum' || type === 'failed');
  const last = entries[at];
  const line = at + 2;
  if (last?.type === 'failed') {
    if (last.spent !== said.proof.size > 0)
      findings.add(
        line,
        null,
        `says that shares were ${last.spent ? '' : 'not '}asked for, the messages say otherwise`,
      );
    return { outcome: 'failed', reason: last.reason };
  }
  if (last?.type !== 'sum') return { outcome: 'unfinished', reason: '' };
  const names = list?.isSigned ? list.pods.map((pod) => session.roster[pod]?.name ?? '') : [];
  if (names.join('\n') !== last.survivors.join('\n'))
    findings.add(line, null, 'the sum is said to be over others than the pods signed for');
  const dealers = new Set([...said.inbox.values()].flatMap(({ body }) => body.entries.map(({ pod }) => pod)));
  const held = sharesHeld(session, said);
  for (const pod of dealers) {
    const { self, key } = held[pod] ?? { self: 0, key: 0 };
    if (self + key < session.t)
      findings.add(
        line,
        session.roster[pod]?.name ?? null,
        `${self + key} shares of it were released, a sum needs ${session.t}`,
      );
  }
  return { outcome: 'sum', reason: '' };
}

function checkedPods({ session, pods }: ReadSession, said: Said): CheckedPod[] {
  const held = sharesHeld(session, said);
  const answers = {
    ...{ release: said.released, sign: said.consistency, upload: said.manifest },
    ...{ share: said.shares, advertise: said.advertise },
  };
  return session.roster.map(({ name }, pod) => {
    const manifest = said.manifest.get(pod);
    return {
      ...{ name, id: pods[pod]!.id },
      answered: TRANSCRIPT_PHASES.findLast((phase) => answers[phase].has(pod)) ?? null,
      lostIn: said.lostIn.get(pod) ?? null,
      ...{ sentBytes: bytesOfPod(said.fromPods, pod), receivedBytes: bytesOfPod(said.toPods, pod) },
      vector: manifest ? toHex(manifest.body.sha256) : null,
      ...{ selfShares: held[pod]!.self, keyShares: held[pod]!.key },
    };
  });
}

function bytesOfPod(traffic: Said['fromPods'], pod: number): PhaseBytes {
  const pairs = TRANSCRIPT_PHASES.map((phase) => [phase, traffic[phase].get(pod)] as const);
  return Object.fromEntries(pairs.filter(([, bytes]) => bytes !== undefined));
}

function onceOnly(said: Said): string[] {
  return [...said.advertise.values()].flatMap(({ body: { maskKey, channelKey, nonce } }) =>
    [maskKey, channelKey, ...(nonce.some((byte) => byte !== 0) ? [nonce] : [])].map(toHex),
  );
}
