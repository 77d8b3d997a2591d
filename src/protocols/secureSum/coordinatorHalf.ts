/**
 * The coordinator's side of one attempt at a secure sum: feeds the server state machine with what arrives, closes a
 * phase when everybody has answered, is gone or the deadline has passed, carries its messages out, and adds up vectors.
 * Memory is one vector, and the few that are on their way.
 * @module
 */
import {
  fromWire,
  readManifest,
  type ServerEvent,
  type ServerOutput,
  type ServerPhase,
  type ServerState,
  type ServerStep,
  type Session,
  shapeOf,
  startServer,
  stepServer,
  type VectorSpec,
} from '../../aggregation/index.ts';
import { equalBytes, isKonsilError, KonsilError } from '../../base/index.ts';
import { allocateVector, type KeyPair, type MaskPool, wipe } from '../../crypto/index.ts';

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
  /** Where vectors are added up and unmasked. */
  readonly pool: MaskPool;
  readonly onPhase: (phase: SecurePhase, awaiting: readonly string[]) => void;
  /** A pod did something wrong, or was lost in a phase. */
  readonly onPod: (pod: string, phase: SecurePhase, what: 'lost' | 'rejected' | 'complained', detail: string) => void;
  /** Is shown everything that comes and goes, for a transcript; absent when nobody keeps one. */
  readonly onRecord?: (record: SumRecord) => void;
  /** Keeps what another process needs to go on with the attempt; absent when none ever will. */
  readonly keep?: SumKeeper;
}

/** Memory that outlives the process. What it throws ends the attempt. */
export interface SumKeeper {
  /** Is told everything that changes the attempt before it has an effect. */
  readonly event: (event: ServerEvent) => void;
  /** Is given each masked vector before its `upload` event. */
  readonly vector: (wire: Uint8Array) => void;
}

/** What a {@link SumKeeper} has kept. */
export interface KeptSum {
  readonly events: readonly ServerEvent[];
  /** The vector with this SHA-256. */
  readonly vector: (sha256: Uint8Array) => Uint8Array;
}

/** What came or went. A release message has shares in it. */
export type SumRecord =
  /** A message that counted. */
  | {
      readonly type: 'accepted';
      readonly phase: SecurePhase;
      readonly from: string;
      readonly message: Uint8Array;
    }
  /** One that changed nothing, with the reason when it was refused. */
  | {
      readonly type: 'passed';
      readonly phase: ServerPhase;
      readonly from: string;
      readonly message: Uint8Array;
      readonly reason?: string;
    }
  /** One message to all of `to`. */
  | {
      readonly type: 'sent';
      readonly phase: SecurePhase;
      readonly to: readonly string[];
      readonly message: Uint8Array;
    }
  | { readonly type: 'lost'; readonly phase: SecurePhase; readonly pod: string }
  | { readonly type: 'outcome'; readonly outcome: SumOutcome };

/** `lanes`: the sum over exactly `survivors`. */
export interface SumSucceeded {
  readonly ok: true;
  readonly lanes: Uint8Array;
  readonly survivors: readonly string[];
}

/** How an attempt ended. */
export type SumOutcome = SumSucceeded | { readonly ok: false; readonly error: KonsilError; readonly spent: boolean };

/** Bytes of vectors that are fetched at one time, or {@link LEAST_FETCHES} vectors; others wait their turn. */
const FETCH_BYTES = 2 ** 28;
const LEAST_FETCHES = 4;

/** Who is waited for is told anew at each change when it is so few, and at changes of this part otherwise. */
const FEW = 32;
const NOTABLE = 0.1;

/** A masked vector that a pod announced. */
interface Announced {
  readonly from: string;
  readonly manifest: Uint8Array;
  readonly ref: { readonly id: string; readonly bytes: number };
}

/** Drives one attempt; `outcome` settles when the machine is done, and rejects when its threads fail. */
export class CoordinatorSum {
  readonly outcome: Promise<SumOutcome>;
  readonly #ports: SumPorts;
  #settle!: (outcome: SumOutcome) => void;
  #reject!: (error: unknown) => void;
  #state: ServerState;
  #cancelTimer = (): void => undefined;
  #announced: { readonly phase: string; readonly count: number } = { phase: '', count: 0 };
  /** Pods that announced a vector: a second announcement changes nothing. */
  readonly #announcedBy = new Set<string>();
  readonly #waiting: Announced[] = [];
  #fetching = 0;
  /** Vectors that have arrived (or wait on disk), until the machine has said whether they count. */
  readonly #arrived = new Map<string, () => Uint8Array>();
  /** Vectors that are in the sum already, to be filled anew. */
  readonly #spare: Uint8Array[] = [];
  readonly #spec: VectorSpec;
  readonly #sum: Uint8Array;
  /** Additions under way, one after the other. */
  #added: Promise<void> = Promise.resolve();

  /** Messages of the last change of phase: a pod may not have got them when the process before this one ended. */
  #lastSent: Extract<ServerOutput, { type: 'send' }>[] = [];
  #isReplaying = false;
  #hasFailed = false;

  /**
   * @param spec - Slots of the vector; its shape is the session's.
   * @param kept - Of the process that began this attempt; pods that are lost since are to be told by {@link gone}.
   */
  constructor(session: Session, spec: VectorSpec, identity: KeyPair, ports: SumPorts, kept?: KeptSum) {
    this.#ports = ports;
    this.#spec = spec;
    this.#sum = allocateVector(session.shape);
    this.outcome = new Promise((resolve, reject) => {
      [this.#settle, this.#reject] = [resolve, reject];
    });
    this.#state = startServer(session, identity);
    if (kept) this.#replay(kept);
    if (this.#state.phase === 'done' || this.#state.phase === 'failed') return;
    for (const { to, bytes } of this.#lastSent) this.#ports.send(to, bytes);
    this.#enterPhase();
  }

  /** The same events make the same state: nothing is sent, nothing is waited for. */
  #replay({ events, vector }: KeptSum): void {
    this.#isReplaying = true;
    for (const event of events) {
      const phase = this.#state.phase as SecurePhase;
      if (event.type === 'close') this.#close();
      else {
        if (event.type === 'gone') this.#ports.onPod(event.from, phase, 'lost', 'before the coordinator was restarted');
        if (event.type === 'upload') {
          const { session } = this.#state;
          const { sha256 } = readManifest(session, event.from, event.manifest);
          this.#announcedBy.add(event.from);
          // read when its turn comes: no more than one is in memory
          this.#arrived.set(event.from, () =>
            fromWire(vector(sha256), this.#spec, this.#spare.pop() ?? allocateVector(session.shape)),
          );
        }
        this.#apply(event);
        this.#arrived.delete(event.from);
      }
    }
    this.#isReplaying = false;
  }

  /** A pod's message, with the masked vector's reference when it is the manifest. */
  receive(from: string, body: Uint8Array, vector?: { readonly id: string; readonly bytes: number }): void {
    if (!vector) return this.#apply({ type: 'message', from, bytes: body });
    if (this.#announcedBy.has(from)) return;
    this.#announcedBy.add(from);
    this.#waiting.push({ from, manifest: body, ref: vector });
    this.#fetchNext();
  }

  #fetchNext(): void {
    const most = Math.max(LEAST_FETCHES, FETCH_BYTES / this.#state.session.wireBytes);
    while (this.#fetching < most) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#fetching++;
      this.#fetch(next)
        .catch((error: unknown) => {
          if (isKonsilError(error, 'FILE_WRITE_FAILED')) return this.#fail(error);
          if (isKonsilError(error, 'AGG_BAD_MESSAGE'))
            this.#ports.onPod(next.from, 'upload', 'rejected', error.message);
          this.gone(next.from); // lost while uploading: a dropout like any other
        })
        .finally(() => {
          this.#fetching--;
          this.#fetchNext();
        });
    }
  }

  async #fetch({ from, manifest, ref }: Announced): Promise<void> {
    const { session } = this.#state;
    const promised = readManifest(session, from, manifest);
    const bad = (why: string): KonsilError => new KonsilError('AGG_BAD_MESSAGE', why);
    if (ref.bytes !== promised.bytes)
      throw bad(`masked vector of ${ref.bytes} bytes, its manifest promises ${promised.bytes}`);
    const wire = await this.#ports.fetch(from, ref);
    if (wire.length !== promised.bytes || !equalBytes(await this.#ports.pool.sha256(wire), promised.sha256))
      throw bad('masked vector is not the one its manifest promises');
    this.#ports.keep?.vector(wire);
    // fresh memory costs more than the sum: every page of it is a fault
    const vector = fromWire(wire, this.#spec, this.#spare.pop() ?? allocateVector(session.shape));
    this.#arrived.set(from, () => vector);
    this.#apply({ type: 'upload', from, manifest });
    this.#arrived.delete(from);
    await this.#added.catch(() => undefined); // no more vectors in memory than are fetched at once
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
    if (this.#hasFailed) return;
    const before = this.#state.phase;
    const step = stepServer(this.#state, event);
    const { state, outputs } = step;
    try {
      if (state !== this.#state && !this.#isReplaying) this.#ports.keep?.event(event);
    } catch (error) {
      return this.#fail(error); // what is not written down must not happen
    }
    if (this.#ports.onRecord) recordStep(this.#ports.onRecord, this.#state, event, step);
    this.#state = state;
    const phase = before as SecurePhase;
    const rejected: string[] = [];
    if (state.phase !== before) this.#lastSent = [];
    for (const output of outputs) {
      if (output.type === 'send') {
        this.#lastSent.push(output);
        if (!this.#isReplaying) this.#ports.send(output.to, output.bytes);
      } else if (output.type === 'rejected') {
        this.#ports.onPod(output.from, phase, 'rejected', output.error.message);
        rejected.push(output.from);
      } else if (output.type === 'complaint')
        this.#ports.onPod(output.from, phase, 'complained', `cannot use what ${output.dealer} sent it`);
      else if (output.type === 'accumulate') this.#add(this.#arrived.get(output.from)!);
      else if (output.type === 'unmask') this.#unmask(output);
      else this.#finish({ ok: false, error: output.error, spent: output.spent });
    }
    if (this.#isReplaying || state.phase === 'done' || state.phase === 'failed') return;
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
    const { phase, awaiting } = this.#state;
    const isNew = phase !== this.#announced.phase;
    if (!isNew && awaiting.length === this.#announced.count) return;
    // in a large cohort not after every answer: names of a thousand would be copied a thousand times
    if (!isNew && awaiting.length > FEW && awaiting.length > (1 - NOTABLE) * this.#announced.count) return;
    this.#announced = { phase, count: awaiting.length };
    this.#ports.onPhase(phase as SecurePhase, awaiting);
  }

  #add(load: () => Uint8Array): void {
    this.#added = this.#added.then(async () => {
      const lanes = load();
      await this.#ports.pool.add(this.#sum, lanes, shapeOf(this.#spec));
      this.#spare.push(lanes);
    });
    this.#added.catch(() => undefined); // told when the sum is wanted, if it ever is
  }

  /** The sum is there when all that was accepted has been added and the masks are off. */
  #unmask({ masks, survivors }: Extract<ServerOutput, { type: 'unmask' }>): void {
    this.#added
      .then(() => this.#ports.pool.applyMasks(this.#sum, shapeOf(this.#spec), masks))
      .then(() => this.#finish({ ok: true, lanes: this.#sum, survivors }), this.#reject)
      .finally(() => wipe(...masks.map(({ key }) => key)));
  }

  /** The attempt cannot go on, for a reason of our own. */
  #fail(error: unknown): void {
    this.#cancelTimer();
    this.#hasFailed = true;
    this.#reject(error);
  }

  #finish(outcome: SumOutcome): void {
    this.#cancelTimer();
    this.#ports.onRecord?.({ type: 'outcome', outcome });
    this.#settle(outcome);
  }
}

/** Tells `record` what one step took in and gave out. */
function recordStep(
  record: (record: SumRecord) => void,
  before: ServerState,
  event: ServerEvent,
  { state, outputs }: ServerStep,
): void {
  const phase = before.phase as SecurePhase;
  const isOver = before.phase === 'done' || before.phase === 'failed';
  if (event.type === 'gone') {
    if (!isOver) record({ type: 'lost', phase, pod: event.from });
  } else if (event.type !== 'close') {
    const [from, message] = [event.from, event.type === 'upload' ? event.manifest : event.bytes];
    const rejected = outputs.find((output) => output.type === 'rejected');
    if (state.accepted !== before.accepted || outputs.some(({ type }) => type === 'complaint'))
      record({ type: 'accepted', phase, from, message });
    else
      record({
        type: 'passed',
        phase: before.phase,
        from,
        message,
        ...(rejected && { reason: rejected.error.message }),
      });
  }
  const sent = new Map<Uint8Array, string[]>();
  for (const output of outputs)
    if (output.type === 'send') sent.set(output.bytes, [...(sent.get(output.bytes) ?? []), output.to]);
  for (const [message, to] of sent) record({ type: 'sent', phase: state.phase as SecurePhase, to, message });
}
