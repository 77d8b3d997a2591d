/**
 * The coordinator's side of one attempt at a secure sum: feeds the server state machine with what arrives, closes a
 * phase when everybody has answered, is gone or the deadline has passed, and carries its messages out.
 * @module
 */
import { type ServerEvent, type ServerState, type Session, startServer, stepServer } from '../../aggregation/index.ts';
import type { KonsilError } from '../../base/index.ts';
import type { KeyPair } from '../../crypto/index.ts';

/** Phases of the server machine as people see them. */
export const PHASE_LABELS = {
  advertise: 'keys',
  share: 'shares',
  upload: 'masked input',
  sign: 'consistency',
  release: 'unmasking',
} as const;
export type SecurePhase = keyof typeof PHASE_LABELS;

/** What the driver needs from its surroundings. */
export interface SumPorts {
  readonly send: (to: string, body: Uint8Array) => void;
  /** Fetches the masked vector a pod announced. */
  readonly fetch: (from: string, ref: { readonly id: string; readonly bytes: number }) => Promise<Uint8Array>;
  /** Milliseconds this phase may take. */
  readonly deadlineMs: (phase: SecurePhase) => number;
  /** Starts a timer; the result cancels it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly onPhase: (phase: SecurePhase, awaiting: readonly string[]) => void;
  /** A pod did something wrong, or was lost in a phase. */
  readonly onPod: (pod: string, phase: SecurePhase, what: 'lost' | 'rejected' | 'complained', detail: string) => void;
}

/** How an attempt ended. */
export type SumOutcome =
  | { readonly ok: true; readonly words: Uint32Array; readonly survivors: readonly string[] }
  | { readonly ok: false; readonly error: KonsilError; readonly spent: boolean };

/** Drives one attempt; `outcome` settles when the machine is done. */
export class CoordinatorSum {
  readonly outcome: Promise<SumOutcome>;
  readonly #ports: SumPorts;
  #settle!: (outcome: SumOutcome) => void;
  #state: ServerState;
  #cancelTimer = (): void => undefined;
  #announced: string = '';
  /** Pods whose vector is being fetched: a second announcement changes nothing. */
  readonly #fetching = new Set<string>();

  constructor(session: Session, identity: KeyPair, ports: SumPorts) {
    this.#ports = ports;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#state = startServer(session, identity);
    this.#enterPhase();
  }

  /** A pod's message, with the masked vector's reference when it is the manifest. */
  receive(from: string, body: Uint8Array, vector?: { readonly id: string; readonly bytes: number }): void {
    if (!vector) return this.#apply({ type: 'message', from, bytes: body });
    const expected = 4 * this.#state.session.vectorLength;
    if (vector.bytes !== expected) {
      this.#ports.onPod(from, 'upload', 'rejected', `masked vector of ${vector.bytes} bytes, expected ${expected}`);
      return this.gone(from);
    }
    if (this.#fetching.has(from)) return;
    this.#fetching.add(from);
    this.#ports.fetch(from, vector).then(
      (bytes) => this.#apply({ type: 'upload', from, manifest: body, vector: bytes }),
      () => this.gone(from), // lost while uploading: a dropout like any other
    );
  }

  /** The pod is lost. */
  gone(from: string): void {
    this.#apply({ type: 'gone', from });
  }

  /** Ends the attempt early; harmless when it is over. */
  cancel(): void {
    this.#cancelTimer();
  }

  #apply(event: ServerEvent): void {
    const before = this.#state.phase;
    const { state, outputs } = stepServer(this.#state, event);
    this.#state = state;
    const phase = before as SecurePhase;
    const rejected: string[] = [];
    for (const output of outputs) {
      if (output.type === 'send') this.#ports.send(output.to, output.bytes);
      else if (output.type === 'rejected') {
        this.#ports.onPod(output.from, phase, 'rejected', output.error.message);
        rejected.push(output.from);
      } else if (output.type === 'complaint')
        this.#ports.onPod(output.from, phase, 'complained', `cannot use what ${output.dealer} sent it`);
      else if (output.type === 'sum') this.#finish({ ok: true, words: output.words, survivors: output.survivors });
      else this.#finish({ ok: false, error: output.error, spent: output.spent });
    }
    if (state.phase === 'done' || state.phase === 'failed') return;
    // an honest pod sends nothing that is rejected, so there is nothing to wait for
    if (rejected.length > 0 && event.type !== 'gone') return rejected.forEach((pod) => this.gone(pod));
    if (state.phase !== before) this.#enterPhase();
    else if (state.awaiting.length === 0) this.#close();
    else this.#announce();
  }

  #enterPhase(): void {
    this.#cancelTimer();
    const phase = this.#state.phase as SecurePhase;
    this.#announce();
    if (this.#state.awaiting.length === 0) return this.#close();
    this.#cancelTimer = this.#ports.after(this.#ports.deadlineMs(phase), () => this.#close());
  }

  #close(): void {
    const phase = this.#state.phase as SecurePhase;
    for (const pod of this.#state.awaiting) this.#ports.onPod(pod, phase, 'lost', 'no answer in time');
    this.#apply({ type: 'close' });
  }

  #announce(): void {
    const phase = this.#state.phase as SecurePhase;
    const key = `${phase} ${this.#state.awaiting.join()}`;
    if (key === this.#announced) return;
    this.#announced = key;
    this.#ports.onPhase(phase, this.#state.awaiting);
  }

  #finish(outcome: SumOutcome): void {
    this.#cancelTimer();
    this.#settle(outcome);
  }
}
