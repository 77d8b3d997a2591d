/**
 * A pod's side of one secure sum over all its attempts: opens a client state machine per attempt, and enforces across
 * attempts what one machine cannot: attempts only go up, and once this pod released shares the sum is spent for good.
 * @module
 */
import {
  type ClientOutput,
  type ClientState,
  type Member,
  openSession,
  type PodInput,
  packInput,
  startClient,
  stepClient,
  type VectorSpec,
  vectorLength,
} from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { type KeyPair, randomBytes } from '../../crypto/index.ts';
import type { Purpose } from '../../wire/index.ts';

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
  readonly spec: VectorSpec;
  readonly publicHash: Uint8Array;
  readonly input: PodInput;
  readonly send: (attempt: number, body: Uint8Array, vector: Uint8Array | undefined) => void;
  /** Told why an attempt ended or a message was refused; never a secret. */
  readonly onEvent: (event: 'refused' | 'aborted' | 'released', error?: KonsilError) => void;
}

/** One secure sum at a pod. */
export class PodSum {
  readonly #options: PodSumOptions;
  #attempt = -1;
  #state: ClientState | null = null;
  #spent = false;

  constructor(options: PodSumOptions) {
    this.#options = options;
  }

  /**
   * Takes part in attempt `attempt` with exactly `cohort`.
   * @throws KonsilError PROTOCOL_VIOLATION when the attempt is not new, the sum is spent, or the cohort is not one this
   *   pod agreed to; COHORT_TOO_SMALL when it is below the site's minimum.
   */
  open(attempt: number, cohort: readonly string[]): void {
    const { members, self, minimumCohort, spec, input, identity } = this.#options;
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
    this.#attempt = attempt;
    const { runId, round, purpose, coordinator, publicHash } = this.#options;
    const session = openSession({
      ...{ runId, round, attempt, purpose, coordinator, publicHash, minimum: minimumCohort },
      roster: roster as Member[],
      vectorLength: vectorLength(spec),
    });
    this.#take(startClient({ session, self, identity, input: packInput(input, spec) }, randomBytes));
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
    this.#state = stepClient(this.#state, { type: 'abort' }).state;
  }

  #take({ state, outputs }: { state: ClientState; outputs: readonly ClientOutput[] }): void {
    this.#state = state;
    // before anything leaves: whoever keeps the record must have it first
    if (state.spent && !this.#spent) {
      this.#spent = true;
      this.#options.onEvent('released');
    }
    for (const output of outputs) {
      if (output.type === 'send') this.#options.send(this.#attempt, output.bytes, undefined);
      else if (output.type === 'upload') this.#options.send(this.#attempt, output.manifest, output.vector);
      else this.#options.onEvent(output.type === 'rejected' ? 'refused' : 'aborted', output.error);
    }
  }
}
