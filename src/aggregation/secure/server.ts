/**
 * The coordinator's half of one attempt at one secure sum, as a pure state machine.
 *
 * Five phases, each a set of answers; the caller decides when a phase ends (`close`), usually when
 * {@link ServerState.awaiting} is empty or a deadline passed. Memory is one vector: uploads are added on arrival, so an
 * accepted upload is in the sum. Once a state was passed to {@link stepServer} only the returned one may be used: the
 * accumulator is updated in place.
 * @source Bonawitz et al. (CCS 2017), figure 4 with the active-adversary additions.
 * @module
 */
import { equalBytes, KonsilError } from '../../base/index.ts';
import { type KeyPair, sha256 } from '../../crypto/index.ts';
import { checkAdvertised, checkDealt, checkSameSurvivors, hashSurvivors } from './checks.ts';
import { indexOf, type Session } from './context.ts';
import {
  type Bodies,
  COORDINATOR,
  encodeMessage,
  type MessageType,
  openMessage,
  peekMessage,
  rereadMessage,
} from './messages.ts';
import { checkReleased, unmask } from './unmask.ts';

/** The phases in order, each with the message it collects. */
const COLLECTS = {
  advertise: 'advertise',
  share: 'shares',
  upload: 'manifest',
  sign: 'consistency',
  release: 'release',
} as const satisfies Record<string, MessageType>;
type Collecting = keyof typeof COLLECTS;
const ORDER = Object.keys(COLLECTS) as Collecting[];

/** `done` and `failed` are final. */
export type ServerPhase = Collecting | 'done' | 'failed';

export type ServerEvent =
  /** A message of the pod the transport authenticated as `from`. */
  | { readonly type: 'message'; readonly from: string; readonly bytes: Uint8Array }
  /** A masked vector: its manifest message and the bytes that were fetched for it. */
  | { readonly type: 'upload'; readonly from: string; readonly manifest: Uint8Array; readonly vector: Uint8Array }
  /** The pod is lost, for now: wait for it no longer. A later valid message of it still counts. */
  | { readonly type: 'gone'; readonly from: string }
  /** Go on with what has arrived. */
  | { readonly type: 'close' };

export type ServerOutput =
  | { readonly type: 'send'; readonly to: string; readonly bytes: Uint8Array }
  /** A pod's message was dropped; nothing changed. `error` says why and is the pod's fault. */
  | { readonly type: 'rejected'; readonly from: string; readonly error: KonsilError }
  /** `from` cannot use what `dealer` dealt to it, and left. */
  | { readonly type: 'complaint'; readonly from: string; readonly dealer: string }
  /** The sum over exactly `survivors`; ownership of `words` passes. */
  | { readonly type: 'sum'; readonly words: Uint32Array; readonly survivors: readonly string[] }
  /**
   * No sum. Unless `spent`, the round may be tried again as a new attempt; when spent, pods may have released shares and
   * a retry with the same updates could expose a difference: go on to the next round.
   */
  | { readonly type: 'failed'; readonly error: KonsilError; readonly spent: boolean };

/** Verbatim messages by pod index. */
type Accepted = ReadonlyMap<number, Uint8Array>;

export interface ServerState {
  readonly phase: ServerPhase;
  readonly session: Session;
  readonly identity: KeyPair;
  /** Names of the pods this phase still waits for. */
  readonly awaiting: readonly string[];
  readonly gone: ReadonlySet<number>;
  readonly complaints: ReadonlyMap<number, number>;
  readonly accepted: Readonly<Record<Collecting, Accepted>>;
  readonly accumulator: Uint32Array;
  readonly survivorsHash: Uint8Array;
}

export interface ServerStep {
  readonly state: ServerState;
  readonly outputs: readonly ServerOutput[];
}

/**
 * A coordinator waiting for advertise messages of the whole roster.
 * @param identity its public half must be `session.coordinator`.
 * @throws KonsilError CONFIG_INVALID when it is not.
 */
export function startServer(session: Session, identity: KeyPair): ServerState {
  if (!equalBytes(identity.publicKey, session.coordinator))
    throw new KonsilError('CONFIG_INVALID', "identity is not the session's coordinator");
  const none: Accepted = new Map();
  return awaitingOf({
    phase: 'advertise',
    session,
    identity,
    awaiting: [],
    gone: new Set(),
    complaints: new Map(),
    accepted: { advertise: none, share: none, upload: none, sign: none, release: none },
    accumulator: new Uint32Array(session.vectorLength),
    survivorsHash: new Uint8Array(0),
  });
}

/** Next state and what to send. Never throws for what a message contains. */
export function stepServer(state: ServerState, event: ServerEvent): ServerStep {
  const { phase } = state;
  if (phase === 'done' || phase === 'failed') return { state, outputs: [] };
  if (event.type === 'close') return CLOSE[phase](state);
  const pod = indexOf(state.session, event.from);
  try {
    if (pod < 0) throw bad('sender is not in the roster');
    if (event.type === 'gone') return { state: lose(state, phase, pod), outputs: [] };
    if (event.type === 'message') return receive(state, phase, pod, event.bytes);
    return receiveUpload(state, phase, pod, event.manifest, event.vector);
  } catch (error) {
    if (!(error instanceof KonsilError)) throw error; // a bug of ours, not the pod's doing
    return { state, outputs: [{ type: 'rejected', from: event.from, error }] };
  }
}

/**
 * What a manifest promises, so that the caller can fetch the vector by its hash before it makes the `upload` event.
 * @throws KonsilError AGG_BAD_MESSAGE when it is not a valid manifest of `from` in this session.
 */
export function readManifest(session: Session, from: string, manifest: Uint8Array): Bodies['manifest'] {
  const body = openMessage(session, 'manifest', indexOf(session, from), manifest);
  if (body.length !== session.vectorLength) throw bad(`vector has ${body.length} words, not ${session.vectorLength}`);
  return body;
}

function bad(why: string): KonsilError {
  return new KonsilError('AGG_BAD_MESSAGE', why);
}

const sorted = (accepted: Accepted): number[] => [...accepted.keys()].sort((a, b) => a - b);
const verbatim = (accepted: Accepted): Uint8Array[] => sorted(accepted).map((pod) => accepted.get(pod)!);

/** Pods whose answer this phase collects: those whose answer the previous one accepted. */
function membersOf(state: ServerState, phase: Collecting): readonly number[] {
  const previous = ORDER[ORDER.indexOf(phase) - 1];
  return previous === undefined ? state.session.roster.map((_, i) => i) : sorted(state.accepted[previous]);
}

function awaitingOf(state: ServerState): ServerState {
  const { phase, session, gone } = state;
  const waiting = phase === 'done' || phase === 'failed' ? [] : membersOf(state, phase);
  const open = waiting.filter((pod) => !gone.has(pod) && !state.accepted[phase as Collecting].has(pod));
  return { ...state, awaiting: open.map((pod) => session.roster[pod]!.name) };
}

/** Before anybody masked with a pod, losing it costs nothing: its answer is forgotten. Later its answer stands. */
function lose(state: ServerState, phase: Collecting, pod: number): ServerState {
  if (state.gone.has(pod)) return state;
  const gone = new Set(state.gone).add(pod);
  if (phase !== 'advertise' && phase !== 'share') return awaitingOf({ ...state, gone });
  const kept = new Map(state.accepted[phase]);
  kept.delete(pod);
  return awaitingOf({ ...state, gone, accepted: { ...state.accepted, [phase]: kept } });
}

function accept(state: ServerState, phase: Collecting, pod: number, bytes: Uint8Array): ServerStep {
  const gone = new Set(state.gone);
  gone.delete(pod);
  const accepted = { ...state.accepted, [phase]: new Map(state.accepted[phase]).set(pod, bytes) };
  return { state: awaitingOf({ ...state, gone, accepted }), outputs: [] };
}

/** True for a message that was already taken, or came too late to matter; throws when it is not this phase's to take. */
function isStale(state: ServerState, phase: Collecting, type: MessageType, pod: number, bytes: Uint8Array): boolean {
  const about = ORDER.find((key) => COLLECTS[key] === type);
  if (about === undefined || ORDER.indexOf(about) > ORDER.indexOf(phase)) throw bad(`${type} message is out of place`);
  const taken = state.accepted[about].get(pod);
  if (taken !== undefined && !equalBytes(taken, bytes))
    throw new KonsilError('AGG_EQUIVOCATION', `pod signed two different ${type} messages`, { type });
  if (about !== phase) return true;
  if (!membersOf(state, phase).includes(pod)) throw bad(`pod is no longer part of this attempt`);
  return taken !== undefined;
}

function receive(state: ServerState, phase: Collecting, pod: number, bytes: Uint8Array): ServerStep {
  const { session } = state;
  const { type } = peekMessage(bytes);
  if (type === 'manifest') throw bad('a manifest comes with its vector');
  const body = openMessage(session, type, pod, bytes);
  if (type === 'complaint') return complain(state, phase, pod, (body as Bodies['complaint']).dealer);
  if (isStale(state, phase, type, pod, bytes)) return { state, outputs: [] };
  if (type === 'advertise') {
    const others = [...state.accepted.advertise.values()].map((other) => rereadMessage('advertise', other));
    checkAdvertised([...others, body as Bodies['advertise']]);
  }
  if (type === 'shares') checkDealt(body as Bodies['shares'], sorted(state.accepted.advertise));
  if (type === 'consistency') checkSameSurvivors((body as Bodies['consistency']).survivorsHash, state.survivorsHash);
  if (type === 'release') {
    checkSameSurvivors((body as Bodies['release']).survivorsHash, state.survivorsHash);
    checkReleased(session, state.accepted, pod, (body as Bodies['release']).shares);
  }
  return accept(state, phase, pod, bytes);
}

function receiveUpload(
  state: ServerState,
  phase: Collecting,
  pod: number,
  manifest: Uint8Array,
  vector: Uint8Array,
): ServerStep {
  const { session, accumulator } = state;
  const promised = readManifest(session, session.roster[pod]!.name, manifest);
  if (isStale(state, phase, 'manifest', pod, manifest)) return { state, outputs: [] };
  if (vector.length !== 4 * promised.length || !equalBytes(sha256(vector), promised.sha256))
    throw bad('vector is not the one its manifest promises');
  const aligned = vector.byteOffset % 4 === 0 ? vector : vector.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, promised.length);
  for (let i = 0; i < words.length; i++) accumulator[i] = (accumulator[i]! + words[i]!) | 0;
  return accept(state, phase, pod, manifest);
}

/** A pod that cannot use a dealer's shares has left; who is right is for the caller to judge over several attempts. */
function complain(state: ServerState, phase: Collecting, pod: number, dealer: number): ServerStep {
  const { session } = state;
  if (phase === 'advertise' || phase === 'share') throw bad('complaint is out of place');
  if (dealer === pod || !state.accepted.share.has(dealer) || !state.accepted.share.has(pod))
    throw bad('complaint is not about a dealer of this attempt');
  if (state.complaints.has(pod)) return { state, outputs: [] };
  const complaints = new Map(state.complaints).set(pod, dealer);
  const [from, against] = [session.roster[pod]!.name, session.roster[dealer]!.name];
  return {
    state: lose({ ...state, complaints }, phase, pod),
    outputs: [{ type: 'complaint', from, dealer: against }],
  };
}

function fail(state: ServerState, error: KonsilError): ServerStep {
  const failed = awaitingOf({ ...state, phase: 'failed', accumulator: new Uint32Array(0) });
  return { state: failed, outputs: [{ type: 'failed', error, spent: state.phase === 'release' }] };
}

function failTooFew(state: ServerState, phase: Collecting, need: number): ServerStep {
  const have = state.accepted[phase].size;
  const why = `${have} pods finished phase ${phase}, at least ${need} are needed`;
  return fail(state, new KonsilError('AGG_TOO_FEW_SURVIVORS', why, { phase, have, need }));
}

function goOn<K extends 'roster' | 'inbox' | 'survivors' | 'proof'>(
  state: ServerState,
  phase: Collecting,
  type: K,
  body: Bodies[K],
): ServerStep {
  const { session, identity } = state;
  const next = awaitingOf({ ...state, phase });
  const bytes = encodeMessage(session, type, COORDINATOR, identity, body);
  const outputs = membersOf(next, phase).map((pod) => ({
    type: 'send' as const,
    to: session.roster[pod]!.name,
    bytes,
  }));
  return { state: next, outputs };
}

/** What ends each phase. */
const CLOSE: { readonly [P in Collecting]: (state: ServerState) => ServerStep } = {
  advertise(state) {
    const { accepted, session } = state;
    if (accepted.advertise.size < session.minSurvivors) return failTooFew(state, 'advertise', session.minSurvivors);
    return goOn(state, 'share', 'roster', { messages: verbatim(accepted.advertise) });
  },
  share(state) {
    const { accepted, session } = state;
    if (accepted.share.size < session.minSurvivors) return failTooFew(state, 'share', session.minSurvivors);
    return goOn(state, 'upload', 'inbox', { messages: verbatim(accepted.share) });
  },
  upload(state) {
    const { accepted, session } = state;
    if (accepted.upload.size < session.minSurvivors) return failTooFew(state, 'upload', session.minSurvivors);
    const uploads = sorted(accepted.upload).map((pod) => ({ pod, manifestHash: sha256(accepted.upload.get(pod)!) }));
    const survivorsHash = hashSurvivors(session, { uploads });
    return goOn({ ...state, survivorsHash }, 'sign', 'survivors', { uploads });
  },
  sign(state) {
    const { accepted, session } = state;
    if (accepted.sign.size < session.t) return failTooFew(state, 'sign', session.t);
    return goOn(state, 'release', 'proof', { messages: verbatim(accepted.sign) });
  },
  release(state) {
    const { accepted, session, accumulator } = state;
    if (accepted.release.size < session.t) return failTooFew(state, 'release', session.t);
    try {
      unmask(session, accepted, accumulator);
    } catch (error) {
      if (!(error instanceof KonsilError)) throw error;
      return fail(state, error);
    }
    const survivors = sorted(accepted.upload).map((pod) => session.roster[pod]!.name);
    const done = awaitingOf({ ...state, phase: 'done', accumulator: new Uint32Array(0) });
    return { state: done, outputs: [{ type: 'sum', words: accumulator, survivors }] };
  },
};
