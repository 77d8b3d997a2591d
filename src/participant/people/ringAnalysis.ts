/**
 * `PrivateSetIntersection` among pods: this pod's place in the ring. Lists travel from pod to pod sealed for the next one; the
 * coordinator, which carries them, reads only what it compares in the end.
 * @module
 */
import { concatBytes, frame, KonsilError, u32be, utf8 } from '../../base/index.ts';
import { type Identity, openEnvelope, type PublicIdentity, randomBytes, sealEnvelope } from '../../crypto/index.ts';
import {
  BlindingPool,
  type KeySet,
  MAX_LIST,
  nextHop,
  openRing,
  RingPod,
  type RingSession,
} from '../../intersection/index.ts';
import { joinChunks, listBytes, readRingPlan, splitChunks } from '../../protocols/index.ts';
import type { IntersectionAlgorithm } from '../../tasks/index.ts';
import type { ExchangeParties, SiteAnalysis } from '../analysis/siteAnalysis.ts';

const ELEMENT_BYTES = 32;
/** An envelope and the ring's plan are smaller than this beside a list. */
const OVERHEAD_BYTES = 1 << 16;

export interface RingOptions {
  readonly keys: KeySet;
  /** How long the pod says that its list is. */
  readonly size: number;
  readonly maximumList: number;
  readonly identity: Identity;
  /** All pods of the task that its site compares lists with, by peer id, and itself. */
  readonly pods: ReadonlyMap<string, PublicIdentity>;
  /** Writes down that lists are compared. @throws KonsilError LIMITS_EXCEEDED, FILE_WRITE_FAILED: then they are not. */
  readonly record: (detail: string) => void;
  /** What blinds, when others share it: then it is theirs to close. @default threads of its own */
  readonly pool?: BlindingPool;
  /** Keeps who is shared by all; absent for the number alone. @param modeller - Peer id. */
  readonly keep?: (matches: Uint8Array, modeller: string) => void;
}

/** Ring and session of one run. */
interface Seat {
  readonly session: RingSession;
  readonly pod: RingPod;
  /** Index of this pod. */
  readonly self: number;
}

export class RingAnalysis implements SiteAnalysis {
  readonly exchange: NonNullable<SiteAnalysis['exchange']>;
  readonly #algorithm: IntersectionAlgorithm;
  readonly #options: RingOptions;
  readonly #pool: BlindingPool;
  #seat: Seat | null = null;
  #isAsked = false;
  /** Step that comes next: one after the other, each once. */
  #next = 0;

  constructor(algorithm: IntersectionAlgorithm, options: RingOptions) {
    this.#algorithm = algorithm;
    this.#options = options;
    this.#pool = options.pool ?? new BlindingPool();
    this.exchange = {
      // size, own list, one for each other pod's list, and what is shared
      steps: options.pods.size + 2,
      maxBytes: listBytes(Math.min(options.maximumList, MAX_LIST), ELEMENT_BYTES) + OVERHEAD_BYTES,
      answer: (step, sent, parties) => this.#answer(step, sent, parties),
    };
  }

  async close(): Promise<void> {
    this.#seat?.pod.close();
    if (!this.#options.pool) await this.#pool.close();
  }

  async #answer(step: number, sent: Uint8Array, parties: ExchangeParties): Promise<Uint8Array> {
    if (step !== this.#next) throw new KonsilError('PROTOCOL_VIOLATION', `step ${step} of a ring is out of order`);
    this.#next++;
    if (step === 0) return u32be(this.#options.size);
    if (step === 1) return this.#begin(sent, parties);
    const seat = this.#seat!;
    if (step <= seat.session.pods.length) return this.#pass(seat, step - 1, sent);
    const result = await seat.pod.finish(sent);
    if (result.kind !== 'intersection' || !this.#options.keep)
      throw new KonsilError('PROTOCOL_VIOLATION', 'who is shared was not asked for');
    this.#options.keep(result.matches, parties.modeller);
    return Uint8Array.of(1);
  }

  /** Takes its seat: its opening for the comparator, and its list for the next pod. */
  async #begin(sent: Uint8Array, { runId, modeller, pod: own, context }: ExchangeParties): Promise<Uint8Array> {
    const { size, keys, maximumList, pods: known, record, keep } = this.#options;
    if (this.#isAsked) throw new KonsilError('PROTOCOL_VIOLATION', 'one ring is made in a run');
    this.#isAsked = true;
    const pods = readRingPlan(sent);
    const self = pods.findIndex(({ id }) => id === own);
    if (pods[self]?.size !== size || pods.length < 2)
      throw new KonsilError('PROTOCOL_VIOLATION', 'the ring does not have this pod as it is, and another');
    for (const { id, size: length } of pods)
      if (!known.has(id) || length > maximumList)
        throw new KonsilError('PROTOCOL_VIOLATION', 'the ring has a pod, or a list, that this site did not agree to');
    record(`${this.#algorithm.kind} among ${pods.length} pods`);
    const session = openRing({
      ...{ runId, context, rule: this.#algorithm.rule, comparator: modeller, pods },
      kind: keep ? 'intersection' : 'cardinality',
    });
    const pod = new RingPod(session, own, { keys, pool: this.#pool, random: randomBytes });
    this.#seat = { session, pod, self };
    const opening = await pod.opening();
    return concatBytes(
      u32be(opening.length),
      opening,
      this.#onwards(session, self, 1, await joinChunks(pod.blinded())),
    );
  }

  /** Blinds the list that `hop` pods have blinded, and sends it on. */
  async #pass({ session, pod, self }: Seat, hop: number, sent: Uint8Array): Promise<Uint8Array> {
    const { pods } = session;
    const owner = (self - hop + pods.length) % pods.length;
    const { id: before } = pods[(self - 1 + pods.length) % pods.length]!;
    const { identity, pods: known } = this.#options;
    const { sender, header, body } = openEnvelope(identity, sent, (id) => known.get(id));
    const wanted = headerOf(session, owner, hop);
    if (sender.id !== before || Buffer.compare(header, wanted) !== 0)
      throw new KonsilError('PROTOCOL_VIOLATION', 'a list of the ring does not come from the pod before this one');
    const blinded: Uint8Array[] = [];
    for (const chunk of splitChunks(body)) {
      const passed = await pod.pass(pods[owner]!.id, chunk);
      blinded.push(u32be(passed.length), passed);
    }
    return this.#onwards(session, owner, hop + 1, concatBytes(...blinded));
  }

  /** A list that `hop` pods have blinded, for whoever is next. */
  #onwards(session: RingSession, owner: number, hop: number, list: Uint8Array): Uint8Array {
    const next = nextHop(session, session.pods[owner]!.id, hop);
    if (next === session.comparator) return list;
    const { identity, pods } = this.#options;
    return sealEnvelope(identity, pods.get(next)!, headerOf(session, owner, hop), list);
  }
}

function headerOf({ runId, base }: RingSession, owner: number, hop: number): Uint8Array {
  return frame(utf8('konsil/psi/ring/v1'), runId, base, owner, hop);
}
