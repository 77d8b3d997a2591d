/**
 * The messages of a transcript: opened, with signatures and contexts checked, in the order of the protocol, each an
 * answer to what came before it.
 * @module
 */
import { equalBytes } from '../../../base/index.ts';
import { indexOf, type Session } from '../context.ts';
import { type Bodies, COORDINATOR, type MessageType, openMessage, peekMessage } from '../messages.ts';
import type { Findings } from './findings.ts';
import { TRANSCRIPT_PHASES, type TranscriptEntry, type TranscriptPhase } from './lines.ts';

/** A message that opened, with its line. */
export interface Opened<K extends MessageType> {
  readonly line: number;
  readonly bytes: Uint8Array;
  readonly body: Bodies[K];
}

/** Whose shares a pod released. */
export interface Released {
  readonly line: number;
  readonly survivorsHash: string;
  /** By roster index; unknown names are left out, and found wrong. */
  readonly shares: readonly { readonly of: number; readonly kind: 'self' | 'key' }[];
}

type Sent = 'roster' | 'inbox' | 'survivors' | 'proof';
type Answer = 'advertise' | 'shares' | 'manifest' | 'consistency';
/** Messages of one type by pod: who said it, or whom it was said to. */
export type ByPod<K extends MessageType> = ReadonlyMap<number, Opened<K>>;

/** Everything that was said in an attempt. */
export type Said = { readonly [K in Sent | Answer]: ByPod<K> } & {
  readonly released: ReadonlyMap<number, Released>;
  /** Bytes by phase and pod, without vectors and envelopes. */
  readonly fromPods: Traffic;
  readonly toPods: Traffic;
  /** Phase in which the coordinator last gave a pod up. */
  readonly lostIn: ReadonlyMap<number, TranscriptPhase>;
  readonly passedOver: number;
};
/** Bytes of each pod in each phase. */
export type Traffic = Readonly<Record<TranscriptPhase, ReadonlyMap<number, number>>>;

/** Phase and the request of the coordinator that each answer belongs to. */
const ANSWERS: Readonly<Record<Answer, { readonly phase: TranscriptPhase; readonly to: Sent | null }>> = {
  advertise: { phase: 'advertise', to: null },
  shares: { phase: 'share', to: 'roster' },
  manifest: { phase: 'upload', to: 'inbox' },
  consistency: { phase: 'sign', to: 'survivors' },
};
const REQUESTS: Readonly<Record<Sent, TranscriptPhase>> = {
  ...{ roster: 'share', inbox: 'upload' },
  ...{ survivors: 'sign', proof: 'release' },
};

const traffic = (): Record<TranscriptPhase, Map<number, number>> => ({
  ...{ advertise: new Map(), share: new Map(), upload: new Map() },
  ...{ sign: new Map(), release: new Map() },
});
const isIn = <K extends string>(type: string, table: Readonly<Record<K, unknown>>): type is K => type in table;

/** Reads entry by entry; use {@link readMessages}. */
class Reader {
  readonly #session: Session;
  readonly #findings: Findings;
  readonly #requests = { roster: new Map(), inbox: new Map(), survivors: new Map(), proof: new Map() };
  readonly #answers = { advertise: new Map(), shares: new Map(), manifest: new Map(), consistency: new Map() };
  readonly #released = new Map<number, Released>();
  readonly #fromPods = traffic();
  readonly #toPods = traffic();
  readonly #lostIn = new Map<number, TranscriptPhase>();
  #passedOver = 0;
  #phase = 0;
  #isOver = false;

  constructor(session: Session, findings: Findings) {
    this.#session = session;
    this.#findings = findings;
  }

  said(): Said {
    return {
      ...this.#requests,
      ...this.#answers,
      ...{ released: this.#released, fromPods: this.#fromPods, toPods: this.#toPods },
      ...{ lostIn: this.#lostIn, passedOver: this.#passedOver },
    };
  }

  read(entry: TranscriptEntry, line: number): void {
    if (entry.type === 'passed') {
      this.#passedOver++;
      return;
    }
    if (this.#isOver) this.#findings.add(line, null, 'comes after the end of the attempt');
    if (entry.type === 'sum' || entry.type === 'failed') {
      this.#isOver = true;
      return;
    }
    const at = TRANSCRIPT_PHASES.indexOf(entry.phase);
    if (at < this.#phase)
      this.#findings.add(line, null, `phase ${entry.phase} comes after ${TRANSCRIPT_PHASES[this.#phase]!}`);
    this.#phase = Math.max(this.#phase, at);
    if (entry.type === 'sent') return this.#sent(entry, line);
    const pod = this.#podOf(entry.type === 'lost' ? entry.pod : entry.from, line);
    if (pod === null) return;
    if (entry.type === 'lost') this.#lostIn.set(pod, entry.phase);
    else if (entry.type === 'released') this.#release(pod, entry, line);
    else this.#accepted(pod, entry, line);
  }

  #podOf(name: string, line: number): number | null {
    const pod = indexOf(this.#session, name);
    if (pod >= 0) return pod;
    this.#findings.add(line, name, 'is not in the roster');
    return null;
  }

  #sent({ message, to, phase }: Extract<TranscriptEntry, { type: 'sent' }>, line: number): void {
    this.#findings.guard(line, null, () => {
      const { type } = peekMessage(message);
      if (!isIn(type, REQUESTS)) return this.#findings.add(line, null, `a coordinator sends no ${type} message`);
      const opened = { line, bytes: message, body: openMessage(this.#session, type, COORDINATOR, message) };
      this.#expect(line, null, type, REQUESTS[type], phase);
      for (const name of to) {
        const pod = this.#podOf(name, line);
        if (pod === null) continue;
        count(this.#toPods[phase], pod, message.length);
        this.#keep(this.#requests[type], pod, type, opened);
      }
    });
  }

  #accepted(pod: number, entry: Extract<TranscriptEntry, { type: 'accepted' }>, line: number): void {
    const { message: bytes, phase, from } = entry;
    this.#findings.guard(line, from, () => {
      const { type } = peekMessage(bytes);
      if (type !== 'complaint' && !isIn(type, ANSWERS))
        return this.#findings.add(line, from, `no ${type} message of a pod is kept as it was`);
      if (type === 'complaint') {
        openMessage(this.#session, type, pod, bytes);
        return count(this.#fromPods[phase], pod, bytes.length); // its sender left, which it may at any time
      }
      const opened = { line, bytes, body: openMessage(this.#session, type, pod, bytes) };
      count(this.#fromPods[phase], pod, bytes.length);
      const { phase: due, to } = ANSWERS[type];
      this.#expect(line, from, type, due, phase);
      if (to !== null && !this.#requests[to].has(pod))
        this.#findings.add(line, from, `answered with ${type}, but was not sent the ${to} message before`);
      this.#keep(this.#answers[type], pod, type, opened);
    });
  }

  #release(pod: number, entry: Extract<TranscriptEntry, { type: 'released' }>, line: number): void {
    const { from, self, key, bytes, survivorsHash, phase } = entry;
    this.#expect(line, from, 'release', 'release', phase);
    if (!this.#requests.proof.has(pod))
      this.#findings.add(line, from, 'released shares, but was not shown the signatures before');
    if (this.#released.has(pod)) this.#findings.add(line, from, 'released shares twice');
    count(this.#fromPods[phase], pod, bytes);
    const shares = [
      ...self.map((name) => ({ name, kind: 'self' as const })),
      ...key.map((name) => ({ name, kind: 'key' as const })),
    ];
    const known = shares.flatMap(({ name, kind }) => {
      const of = this.#podOf(name, line);
      return of === null ? [] : [{ of, kind }];
    });
    if (bytes !== releaseBytes(shares.length))
      this.#findings.add(
        line,
        from,
        `a release message of ${shares.length} shares has ${releaseBytes(shares.length)} bytes, not ${bytes}`,
      );
    this.#released.set(pod, { line, survivorsHash, shares: known });
  }

  #expect(line: number, pod: string | null, type: MessageType, due: TranscriptPhase, phase: TranscriptPhase): void {
    if (due !== phase) this.#findings.add(line, pod, `${type} message in phase ${phase}, it belongs to ${due}`);
  }

  #keep<K extends MessageType>(map: Map<number, Opened<K>>, pod: number, type: K, opened: Opened<K>): void {
    const before = map.get(pod);
    if (!before) map.set(pod, opened);
    else if (!equalBytes(before.bytes, opened.bytes))
      this.#findings.add(
        opened.line,
        this.#session.roster[pod]!.name,
        `second ${type} message, other than that of line ${before.line}`,
      );
  }
}

/** Header 36, hash 32, count 2, signature 64; 35 a share. */
const releaseBytes = (shares: number): number => 134 + 35 * shares;

function count(phase: Map<number, number>, pod: number, bytes: number): void {
  phase.set(pod, (phase.get(pod) ?? 0) + bytes);
}

/** Opens all messages of `entries`, which begin in line 2; what does not open is a finding and left out. */
export function readMessages(session: Session, entries: readonly TranscriptEntry[], findings: Findings): Said {
  const reader = new Reader(session, findings);
  for (const [i, entry] of entries.entries()) reader.read(entry, i + 2);
  return reader.said();
}
