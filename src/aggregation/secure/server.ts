/**
 * The coordinator's half of one attempt at one secure sum, as a pure state machine.
 *
 * Five phases, each a set of answers; the caller decides when a phase ends (`close`), usually when
 * {@link ServerState.awaiting} is empty or a deadline passed. The machine never sees a vector: it says whose to add up
 * and, at the end, which masks to apply to what was added up. An accepted upload is in the sum.
 * @source Bonawitz et al. (CCS 2017), figure 4 with the active-adversary additions.
 * @module
 */
import { equalBytes, KonsilError } from '../../base/index.ts';
import { type KeyPair, type MaskKey, sha256 } from '../../crypto/index.ts';
import { checkAdvertised, checkDealt, checkSameModel, checkSameSurvivors, hashSurvivors } from './checks.ts';
import { indexOf, isSparse, type Session } from './context.ts';
import { checkNonce, drawGraph } from './graph.ts';
import { type Bodies, COORDINATOR, encodeMessage, type MessageType, openMessage, peekMessage } from './messages.ts';
import { checkReleased, type Evidence, remainingMasks } from './unmask.ts';

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
  /** A masked vector is here; the caller has compared it with what its manifest promises (see {@link readManifest}). */
  | { readonly type: 'upload'; readonly from: string; readonly manifest: Uint8Array }
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
  /** The pod's vector counts: add it to the sum, once. */
  | { readonly type: 'accumulate'; readonly from: string }
  /** Apply these masks to what was accumulated, wipe them: what comes out is the sum over exactly `survivors`. */
  | { readonly type: 'unmask'; readonly masks: readonly MaskKey[]; readonly survivors: readonly string[] }
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
  /** Holders of each pod's shares, once all nonces are known. */
  readonly holders: readonly (readonly number[])[];
  readonly adverts: ReadonlyMap<number, Bodies['advertise']>;
  /** Points of all advertised keys. */
  readonly points: ReadonlySet<string>;
  readonly dealt: ReadonlyMap<number, Bodies['shares']>;
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
    holders: [],
    adverts: new Map(),
    points: new Set(),
    dealt: new Map(),
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
    return receiveUpload(state, phase, pod, event.manifest);
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
  if (body.bytes !== session.wireBytes) throw bad(`vector has ${body.bytes} bytes, not ${session.wireBytes}`);
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
  const kept = without(state.accepted[phase], pod);
  const adverts = without(state.adverts, pod);
  const read =
    phase === 'advertise'
      ? { adverts, points: checkAdvertised(adverts.values()) }
      : { dealt: without(state.dealt, pod) };
  return awaitingOf({ ...state, gone, ...read, accepted: { ...state.accepted, [phase]: kept } });
}

function without<T>(map: ReadonlyMap<number, T>, key: number): ReadonlyMap<number, T> {
  const kept = new Map(map);
  kept.delete(key);
  return kept;
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
  return accept(check(state, pod, type, body), phase, pod, bytes);
}

/** Checks what a pod answered. @returns the state with what later phases need of it. */
function check(state: ServerState, pod: number, type: MessageType, body: Bodies[MessageType]): ServerState {
  const { session } = state;
  switch (type) {
    case 'advertise': {
      const advert = body as Bodies['advertise'];
      checkSameModel(session, pod, advert);
      checkNonce(session, pod, advert.nonce);
      const points = checkAdvertised([advert], state.points);
      return { ...state, points, adverts: new Map(state.adverts).set(pod, advert) };
    }
    case 'shares': {
      const dealt = body as Bodies['shares'];
      checkDealt(dealt, holdersIn(state, pod, state.adverts));
      return { ...state, dealt: new Map(state.dealt).set(pod, dealt) };
    }
    case 'consistency':
      checkSameSurvivors((body as Bodies['consistency']).survivorsHash, state.survivorsHash);
      return state;
    case 'release': {
      const { survivorsHash, shares } = body as Bodies['release'];
      checkSameSurvivors(survivorsHash, state.survivorsHash);
      checkReleased(session, evidenceOf(state), pod, shares);
      return state;
    }
    default:
      throw bad(`${type} message is out of place`);
  }
}

/** Holders of a pod's shares that are among `those`. */
function holdersIn(state: ServerState, pod: number, those: ReadonlyMap<number, unknown>): number[] {
  return state.holders[pod]!.filter((holder) => those.has(holder));
}

function evidenceOf({ holders, adverts, dealt, accepted }: ServerState): Evidence {
  return { holders, adverts, dealt, uploads: accepted.upload, released: accepted.release };
}

function receiveUpload(state: ServerState, phase: Collecting, pod: number, manifest: Uint8Array): ServerStep {
  const { name } = state.session.roster[pod]!;
  readManifest(state.session, name, manifest);
  if (isStale(state, phase, 'manifest', pod, manifest)) return { state, outputs: [] };
  const accepted = accept(state, phase, pod, manifest);
  return { ...accepted, outputs: [{ type: 'accumulate', from: name }] };
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
  const failed = awaitingOf({ ...state, phase: 'failed' });
  return { state: failed, outputs: [{ type: 'failed', error, spent: state.phase === 'release' }] };
}

function failTooFew(state: ServerState, phase: Collecting, need: number): ServerStep {
  const have = state.accepted[phase].size;
  const why = `${have} pods finished phase ${phase}, at least ${need} are needed`;
  return fail(state, new KonsilError('AGG_TOO_FEW_SURVIVORS', why, { phase, have, need }));
}

/** The next phase, with a request for each of its pods; one body is signed once. */
function goOn<K extends 'roster' | 'inbox' | 'survivors' | 'proof'>(
  state: ServerState,
  phase: Collecting,
  type: K,
  body: Bodies[K] | ((pod: number) => Bodies[K]),
): ServerStep {
  const { session, identity } = state;
  const next = awaitingOf({ ...state, phase });
  const say = (said: Bodies[K]): Uint8Array => encodeMessage(session, type, COORDINATOR, identity, said);
  const bytesFor = typeof body === 'function' ? (pod: number) => say(body(pod)) : constant(say(body));
  const outputs = membersOf(next, phase).map((pod) => ({
    type: 'send' as const,
    to: session.roster[pod]!.name,
    bytes: bytesFor(pod),
  }));
  return { state: next, outputs };
}

const constant =
  <T>(value: T) =>
  (): T =>
    value;

/** In a neighbour graph a pod whose neighbourhood is too small ends the attempt; in the complete graph it cannot be. */
function failThin(state: ServerState, phase: Collecting, those: ReadonlyMap<number, unknown>): ServerStep | null {
  const { session, dealt } = state;
  for (const pod of dealt.keys()) {
    const have = holdersIn(state, pod, those).length;
    if (have >= session.t) continue;
    const { name } = session.roster[pod]!;
    const why = `${have} holders of pod ${name}'s shares finished phase ${phase}, at least ${session.t} are needed`;
    return fail(state, new KonsilError('AGG_TOO_FEW_SURVIVORS', why, { phase, have, need: session.t }));
  }
  return null;
}

/** What ends each phase. */
const CLOSE: { readonly [P in Collecting]: (state: ServerState) => ServerStep } = {
  advertise(state) {
    const { accepted, adverts, session } = state;
    // the graph is drawn from everybody's nonce: who leaves one out to get another graph gets none
    const need = isSparse(session) ? session.n : session.minSurvivors;
    if (accepted.advertise.size < need) return failTooFew(state, 'advertise', need);
    const nonces = isSparse(session) ? session.roster.map((_, pod) => adverts.get(pod)!.nonce) : [];
    const drawn = { ...state, holders: drawGraph(session, nonces) };
    return goOn(drawn, 'share', 'roster', (pod) => ({
      nonces,
      messages: holdersIn(drawn, pod, adverts).map((holder) => accepted.advertise.get(holder)!),
    }));
  },
  share(state) {
    const { accepted, dealt, session } = state;
    if (accepted.share.size < session.minSurvivors) return failTooFew(state, 'share', session.minSurvivors);
    return (
      failThin(state, 'share', dealt) ??
      goOn(state, 'upload', 'inbox', (pod) => ({
        entries: holdersIn(state, pod, dealt).map((dealer) => {
          const entry = dealt.get(dealer)!.entries.find((candidate) => candidate.pod === pod)!;
          return { ...entry, pod: dealer };
        }),
      }))
    );
  },
  upload(state) {
    const { accepted, session } = state;
    if (accepted.upload.size < session.minSurvivors) return failTooFew(state, 'upload', session.minSurvivors);
    const thin = failThin(state, 'upload', accepted.upload);
    if (thin) return thin;
    const uploads = sorted(accepted.upload).map((pod) => ({ pod, manifestHash: sha256(accepted.upload.get(pod)!) }));
    const survivorsHash = hashSurvivors(session, { uploads });
    return goOn({ ...state, survivorsHash }, 'sign', 'survivors', { uploads });
  },
  sign(state) {
    const { accepted, session } = state;
    if (accepted.sign.size < session.signatures) return failTooFew(state, 'sign', session.signatures);
    return goOn(state, 'release', 'proof', { messages: verbatim(accepted.sign) });
  },
  release(state) {
    const { accepted, session } = state;
    const thin = failThin(state, 'release', accepted.release);
    if (thin) return thin;
    try {
      const masks = remainingMasks(session, evidenceOf(state));
      const survivors = sorted(accepted.upload).map((pod) => session.roster[pod]!.name);
      return { state: awaitingOf({ ...state, phase: 'done' }), outputs: [{ type: 'unmask', masks, survivors }] };
    } catch (error) {
      if (!(error instanceof KonsilError)) throw error;
      return fail(state, error);
    }
  },
};
