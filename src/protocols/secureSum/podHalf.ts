/**
 * A pod's side of one secure sum over all its attempts: opens a client state machine per attempt, masks the vector when
 * the machine says with what, and enforces across attempts what one machine cannot: attempts only go up, and once this
 * pod released shares the sum is spent for good.
 * @module
 */
import {
  type ClientOutput,
  type ClientState,
  type CohortAssumptions,
  type Member,
  openSession,
  type PackOptions,
  type PodInput,
  packLanes,
  shapeOf,
  startClient,
  stepClient,
  toWire,
  type VectorSpec,
  wireBytes,
} from '../../aggregation/index.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import {
  allocateVector,
  type KeyPair,
  type MaskKey,
  type MaskPool,
  randomBytes,
  SECRET_BYTES,
  wipe,
} from '../../crypto/index.ts';
import type { Purpose } from '../../wire/index.ts';
import type { NonceChain } from './nonces.ts';

/** What a pod writes down before the message leaves that makes it true. */
export interface SumStage {
  readonly stage: 'opened' | 'uploaded' | 'signed' | 'released';
  readonly attempt: number;
  /** Who is summed, from `signed` on. */
  readonly survivors: readonly string[];
}

/** What this pod knows of the sum before any attempt. */
export interface PodSumOptions {
  readonly runId: string;
  readonly round: number;
  readonly purpose: Purpose;
  readonly self: string;
  readonly identity: KeyPair;
  /** Coordinator's Ed25519 key. */
  readonly coordinator: Uint8Array;
  /** Every pod of the run by name, with the key this pod has accepted for it. */
  readonly members: ReadonlyMap<string, Member>;
  /** Fewest pods in a sum, as task and site agree. */
  readonly minimumCohort: number;
  readonly assumptions: CohortAssumptions;
  readonly spec: VectorSpec;
  readonly publicHash: Uint8Array;
  readonly input: PodInput;
  /** Draws noise for one packing of `input`; absent when the sum is exact. */
  readonly drawNoise?: () => NonNullable<PackOptions['addNoise']>;
  /** This pod's nonces for neighbour graphs, committed to before it knew any cohort. */
  readonly nonces: NonceChain;
  /** Where vectors are masked. */
  readonly pool: MaskPool;
  /** The site's own rule about who may be summed, when up to `colluding` of them work with the coordinator. */
  readonly judge: (survivors: readonly string[], colluding: number) => KonsilError | null;
  readonly send: (attempt: number, body: Uint8Array, vector: Uint8Array | undefined) => void;
  /** Keeps the record; when it throws nothing is sent and the attempt is over. */
  readonly record: (stage: SumStage) => void;
  /** Told why an attempt ended or a message was refused, and that a sum is spent; never a secret. */
  readonly onEvent: (event: 'refused' | 'aborted' | 'released', error?: KonsilError) => void;
}

/** Stages a phase of the machine amounts to. */
const STAGES = { uploaded: 'uploaded', signed: 'signed', released: 'released' } as const;

/** One secure sum at a pod. */
export class PodSum {
  readonly #options: PodSumOptions;
  #attempt = -1;
  #state: ClientState | null = null;
  #spent = false;
  /** The masked vector of the present attempt, as it goes over the wire. */
  #vector: Uint8Array | null = null;
  /** Aborted when the attempt is: masking is under way on other threads then. */
  #masking = new AbortController();

  constructor(options: PodSumOptions) {
    this.#options = options;
  }

  /**
   * Takes part in attempt `attempt` with exactly `cohort`.
   * @param commitments - To the graph nonces of the cohort, in its order; empty where the graph is complete.
   * @throws KonsilError PROTOCOL_VIOLATION when the attempt is not new, the sum is spent, or the cohort is not one this
   *   pod agreed to; COHORT_TOO_SMALL when it is below the site's minimum; what `judge` and `record` throw.
   */
  open(attempt: number, cohort: readonly string[], commitments: readonly Uint8Array[] = []): void {
    const { members, self, minimumCohort, spec, identity, nonces } = this.#options;
    if (attempt <= this.#attempt) throw new KonsilError('PROTOCOL_VIOLATION', `attempt ${attempt} is not new`);
    if (this.#spent) throw new KonsilError('PROTOCOL_VIOLATION', 'this pod already released shares for this sum');
    if (cohort.length < minimumCohort)
      throw new KonsilError('COHORT_TOO_SMALL', `cohort of ${cohort.length} is below the minimum of ${minimumCohort}`);
    const roster = [...new Set(cohort)].map((name) => members.get(name));
    if (roster.length !== cohort.length || roster.includes(undefined) || !cohort.includes(self))
      throw new KonsilError(
        'PROTOCOL_VIOLATION',
        'cohort repeats a pod, leaves this pod out or names one that is not in the task',
      );
    this.stop();
    const { runId, round, purpose, coordinator, publicHash, assumptions } = this.#options;
    const session = openSession({
      ...{ runId, round, attempt, purpose, coordinator, publicHash, assumptions, minimum: minimumCohort },
      roster: roster as Member[],
      commitments: new Map(commitments.map((commitment, i) => [cohort[i]!, commitment])),
      ...{ shape: shapeOf(spec), wireBytes: wireBytes(spec) },
    });
    const judge = (survivors: readonly string[]): KonsilError | null =>
      this.#options.judge(survivors, session.colluding);
    // an attempt with everybody must be possible; with whom it ends is judged again before anything is signed
    const objection = judge(session.roster.map(({ name }) => name));
    if (objection) throw objection;
    const nonce = nonces.reveal(attempt);
    this.#attempt = attempt;
    this.#options.record({ stage: 'opened', attempt, survivors: [] });
    this.#take(startClient({ session, self, identity, judge, nonce }, randomBytes));
  }

  /** A message of the coordinator for attempt `attempt`; others are refused. */
  receive(attempt: number, bytes: Uint8Array): void {
    if (!this.#state || attempt !== this.#attempt)
      return this.#options.onEvent('refused', new KonsilError('PROTOCOL_VIOLATION', `no open attempt ${attempt}`));
    this.#take(stepClient(this.#state, { type: 'message', bytes }));
  }

  /** Ends the present attempt and wipes its secrets. */
  stop(): void {
    if (!this.#state) return;
    this.#masking.abort();
    this.#masking = new AbortController();
    this.#state = stepClient(this.#state, { type: 'abort' }).state;
    this.#vector = null;
  }

  #take({ state, outputs }: { state: ClientState; outputs: readonly ClientOutput[] }): void {
    const before = this.#state?.phase;
    this.#state = state;
    if (state.phase !== before && state.phase in STAGES && !this.#recorded(state)) return;
    for (const output of outputs) {
      if (output.type === 'send') this.#options.send(this.#attempt, output.bytes, undefined);
      else if (output.type === 'mask') void this.#mask(output.masks);
      else if (output.type === 'upload') this.#options.send(this.#attempt, output.manifest, this.#vector!);
      else this.#options.onEvent(output.type === 'rejected' ? 'refused' : 'aborted', output.error);
    }
  }

  /** Writes down what the machine is about to do, before anything leaves. */
  #recorded({ phase, spent, survivors }: ClientState): boolean {
    try {
      this.#options.record({ stage: STAGES[phase as keyof typeof STAGES], attempt: this.#attempt, survivors });
    } catch (error) {
      this.stop();
      if (!isKonsilError(error)) throw error;
      this.#options.onEvent('aborted', error);
      return false;
    }
    if (spent && !this.#spent) {
      this.#spent = true;
      this.#options.onEvent('released');
    }
    return true;
  }

  /** Masks the vector on other threads; the machine waits for the hash of what came of it. */
  async #mask(masks: readonly MaskKey[]): Promise<void> {
    const { spec, input, drawNoise, pool } = this.#options;
    const { signal } = this.#masking;
    const lanes = allocateVector(shapeOf(spec));
    try {
      packLanes(input, spec, {
        ...{ seed: randomBytes(SECRET_BYTES), into: lanes },
        ...(drawNoise && { addNoise: drawNoise() }),
      });
      await pool.applyMasks(lanes, shapeOf(spec), masks, signal);
      const vector = toWire(lanes, spec);
      const hash = await pool.sha256(vector, signal);
      if (signal.aborted) return;
      this.#vector = vector;
      this.#take(stepClient(this.#state!, { type: 'masked', sha256: hash }));
    } catch (error) {
      lanes.fill(0); // may be plain still
      if (signal.aborted) return;
      if (!isKonsilError(error)) throw error;
      this.stop();
      this.#options.onEvent('aborted', error);
    } finally {
      wipe(...masks.map(({ key }) => key));
    }
  }
}
