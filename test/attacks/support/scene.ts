/**
 * Honest pods in the hands of a coordinator that does as it likes, some of the pods with it: it owns the coordinator's
 * identity, the broker, and the identities and secrets of the pods in `corrupt`.
 * @module
 */
import type { ClientOutput, ClientState, Session, SessionParameters } from '../../../src/aggregation/index.ts';
import type { Bodies, MessageType } from '../../../src/aggregation/secure/messages.ts';
import type { ErrorCode, KonsilError } from '../../../src/base/index.ts';
import type { MaskKey, RandomBytes } from '../../../src/crypto/index.ts';
import { identityOf, inputOf, nonceOf, podNames, seededBytes, testSession } from '../../support/secaggCohort.ts';
import type { Code, Outcome } from './attack.ts';

/** Words of a vector in these scenes. */
export const WORDS = 8;

export interface SceneOptions {
  /** @default 4 */
  readonly n?: number;
  /** Pods that collude, by index. */
  readonly corrupt?: readonly number[];
  readonly session?: Partial<SessionParameters>;
  readonly input?: (name: string) => Uint32Array;
  readonly random?: (name: string) => RandomBytes;
  readonly judge?: (survivors: readonly string[]) => KonsilError | null;
  /** What single pods work from, where it differs. */
  readonly sessions?: Readonly<Record<number, Partial<SessionParameters>>>;
}

/** What a pod answered: the message it sent or the code of why not. */
export interface Answer {
  readonly sent: Uint8Array | null;
  readonly code: ErrorCode | null;
  readonly outputs: readonly ClientOutput[];
}

/** A pod that follows the protocol. */
export class Pod {
  readonly index: number;
  readonly name: string;
  readonly session: Session;
  readonly input: Uint32Array;
  /** The very arrays its secrets were drawn into. */
  readonly drawn: Uint8Array[] = [];
  /** Copies of them, for pods that collude and keep theirs. */
  readonly kept: Uint8Array[] = [];
  /** Copies of the masks it was handed, once for each time. */
  readonly handed: MaskKey[][] = [];
  readonly errors: KonsilError[] = [];
  readonly advert: Uint8Array;
  masked: Uint8Array | null = null;
  state: ClientState;
  /** Whether handed masks are applied at once. */
  isMasking = true;
  readonly #code: Code;

  constructor(code: Code, session: Session, index: number, options: SceneOptions = {}) {
    this.#code = code;
    this.session = session;
    this.index = index;
    this.name = session.roster[index]!.name;
    this.input = (options.input ?? ((name) => inputOf(name, session.wireBytes / 4)))(this.name);
    const random = (options.random ?? ((name) => seededBytes(`scene/${name}/${session.round}/${session.attempt}`)))(
      this.name,
    );
    const { judge } = options;
    const { state, outputs } = code.startClient(
      {
        ...{ session, self: this.name, identity: identityOf(this.name) },
        nonce: nonceOf(this.name, session.attempt),
        ...(judge ? { judge } : {}),
      },
      (length) => {
        this.drawn.push(random(length));
        this.kept.push(this.drawn.at(-1)!.slice());
        return this.drawn.at(-1)!;
      },
    );
    this.state = state;
    this.advert = this.#take(outputs).sent!;
  }

  /** A message of the coordinator. */
  tell(bytes: Uint8Array): Answer {
    const { state, outputs } = this.#code.stepClient(this.state, { type: 'message', bytes });
    this.state = state;
    return this.#take(outputs);
  }

  /** The pod's vector under masks. */
  maskedWith(masks: readonly MaskKey[], input = this.input): Uint8Array {
    const { shape, wireBytes } = this.session;
    const lanes = new Uint8Array(this.#code.shapeBytes(shape));
    lanes.set(new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
    this.#code.applyMasks(lanes, shape, masks);
    return lanes.slice(0, wireBytes);
  }

  #take(outputs: readonly ClientOutput[]): Answer {
    let sent: Uint8Array | null = null;
    let code: ErrorCode | null = null;
    for (const output of outputs)
      if (output.type === 'send') sent = output.bytes;
      else if (output.type === 'upload') sent = output.manifest;
      else if (output.type === 'mask') {
        this.handed.push(output.masks.map(({ key, sign }) => ({ key: key.slice(), sign })));
        if (!this.isMasking) continue;
        this.masked = this.maskedWith(output.masks);
        const step = this.#code.stepClient(this.state, { type: 'masked', sha256: this.#code.sha256(this.masked) });
        this.state = step.state;
        sent = this.#take(step.outputs).sent;
      } else {
        code = output.error.code;
        this.errors.push(output.error);
      }
    return { sent, code, outputs };
  }
}

/** A cohort whose coordinator is the adversary; `run` plays the honest part of it up to where an attack begins. */
export class Scene {
  readonly code: Code;
  readonly session: Session;
  readonly corrupt: ReadonlySet<number>;
  readonly pods: readonly Pod[];
  /** What pods said, by index; the adversary may replace entries. */
  readonly adverts = new Map<number, Uint8Array>();
  readonly dealt = new Map<number, Bodies['shares']>();
  readonly manifests = new Map<number, Uint8Array>();
  readonly signatures = new Map<number, Uint8Array>();
  readonly released = new Map<number, Bodies['release']>();

  constructor(code: Code, options: SceneOptions = {}) {
    this.code = code;
    const parameters = { ...testSession(options.n ?? 4, WORDS), ...options.session };
    this.session = code.openSession(parameters);
    this.corrupt = new Set(options.corrupt);
    this.pods = this.session.roster.map((_, index) => {
      const own = options.sessions?.[index];
      return new Pod(code, own ? code.openSession({ ...parameters, ...own }) : this.session, index, options);
    });
    for (const pod of this.pods) this.adverts.set(pod.index, pod.advert);
  }

  get victim(): Pod {
    return this.pods[0]!;
  }

  /** A message signed by the coordinator. */
  say<K extends MessageType>(type: K, body: Bodies[K], session = this.session): Uint8Array {
    return this.code.encodeMessage(session, type, this.code.COORDINATOR, identityOf('coordinator'), body);
  }

  /** A message signed as a pod: of a colluding one, or with whatever key the adversary has. */
  speak<K extends MessageType>(as: number, type: K, body: Bodies[K], key = podNames(99)[as]!): Uint8Array {
    return this.code.encodeMessage(this.session, type, as, identityOf(key), body);
  }

  read<K extends MessageType>(type: K, bytes: Uint8Array): Bodies[K] {
    return this.code.rereadMessage(type, bytes);
  }

  maskKeyOf(pod: number): Uint8Array {
    return this.read('advertise', this.adverts.get(pod)!).maskKey;
  }

  /** Roster with the advertise messages of `pods`. */
  roster(pods: Iterable<number> = this.adverts.keys()): Bodies['roster'] {
    return { nonces: [], messages: [...pods].map((pod) => this.adverts.get(pod)!) };
  }

  /** What `dealers` dealt to `pod`. */
  inbox(pod: number, dealers: Iterable<number> = [...this.dealt.keys()].sort((a, b) => a - b)): Bodies['inbox'] {
    return {
      entries: [...dealers].map((dealer) => {
        const entry = this.dealt.get(dealer)!.entries.find((candidate) => candidate.pod === pod)!;
        return { ...entry, pod: dealer };
      }),
    };
  }

  survivors(pods: Iterable<number> = [...this.manifests.keys()].sort((a, b) => a - b)): Bodies['survivors'] {
    const uploads = [...pods].map((pod) => ({ pod, manifestHash: this.code.sha256(this.manifests.get(pod)!) }));
    return { uploads };
  }

  proof(signers: Iterable<number> = [...this.signatures.keys()].sort((a, b) => a - b)): Bodies['proof'] {
    return { messages: [...signers].map((pod) => this.signatures.get(pod)!) };
  }

  /** Honest play: keys → shares → masked vectors → signatures, up to and including `phase`. */
  run(phase: 'shares' | 'uploads' | 'signatures' | 'release'): this {
    for (const pod of this.pods) this.share(pod);
    if (phase === 'shares') return this;
    for (const pod of this.pods) this.upload(pod);
    if (phase === 'uploads') return this;
    for (const pod of this.pods) this.sign(pod);
    if (phase === 'signatures') return this;
    for (const pod of this.pods) this.release(pod);
    return this;
  }

  share(pod: Pod, roster = this.roster()): Answer {
    const answer = pod.tell(this.say('roster', roster, pod.session));
    if (answer.sent) this.dealt.set(pod.index, this.read('shares', answer.sent));
    return answer;
  }

  upload(pod: Pod, inbox = this.inbox(pod.index)): Answer {
    const answer = pod.tell(this.say('inbox', inbox, pod.session));
    if (answer.sent && pod.state.phase === 'uploaded') this.manifests.set(pod.index, answer.sent);
    return answer;
  }

  sign(pod: Pod, survivors = this.survivors()): Answer {
    const answer = pod.tell(this.say('survivors', survivors, pod.session));
    if (answer.sent) this.signatures.set(pod.index, answer.sent);
    return answer;
  }

  release(pod: Pod, proof = this.proof()): Answer {
    const answer = pod.tell(this.say('proof', proof, pod.session));
    if (answer.sent) this.released.set(pod.index, this.read('release', answer.sent));
    return answer;
  }
}

/** A message an honest pod must not answer was refused with `code`, or it answered. */
export function answered({ sent, code }: Answer): Outcome {
  return { succeeded: sent !== null && code === null, code };
}
