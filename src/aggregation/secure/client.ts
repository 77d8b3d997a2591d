/**
 * The pod's half of one attempt at one secure sum, as a pure state machine: five messages out, four in. It never sees the
 * vector: it hands out the masks to apply and is told the hash of what came of them.
 *
 * The pod believes nobody: every message of the coordinator is checked against the pinned roster and what this pod
 * itself sent. Once a state was passed to {@link stepClient} only the returned one may be used: secrets that are no
 * longer needed are wiped in place. Redelivery of an answered request gives the same answer again.
 * @source Bonawitz et al. (CCS 2017), figure 4 with the active-adversary additions.
 * @module
 */
import { equalBytes, KonsilError } from '../../base/index.ts';
import { type KeyPair, type MaskKey, type RandomBytes, sha256, wipe } from '../../crypto/index.ts';
import { checkAdvertised, checkSameModel, checkSameSurvivors, hashSurvivors } from './checks.ts';
import { indexOf, isSparse, type Session } from './context.ts';
import { checkNonce, drawGraph, GRAPH_NONCE_BYTES } from './graph.ts';
import { pairMask, selfMask } from './masks.ts';
import {
  type Bodies,
  COORDINATOR,
  encodeMessage,
  type MessageType,
  openMessage,
  openQuoted,
  peekMessage,
} from './messages.ts';
import {
  dealShares,
  drawSecrets,
  openShares,
  type PodSecrets,
  pointAt,
  type SharePair,
  wipeSecrets,
} from './sharing.ts';

/** What the pod did last; `aborted` and `released` are final. */
export type ClientPhase = 'advertised' | 'shared' | 'masking' | 'uploaded' | 'signed' | 'released' | 'aborted';

export type ClientEvent =
  /** A message as the coordinator sent it. */
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  /** The vector is masked; `sha256` of its `session.wireBytes` bytes. */
  | { readonly type: 'masked'; readonly sha256: Uint8Array }
  /** The wish to stop. */
  | { readonly type: 'abort' };

export type ClientOutput =
  /** A message for the coordinator, confidential: send it sealed. */
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** Apply these masks, all of them, to the plain vector once, wipe the keys, and answer with `masked`. */
  | { readonly type: 'mask'; readonly masks: readonly MaskKey[] }
  /** The signed manifest of the masked vector: send it with the vector as a blob. */
  | { readonly type: 'upload'; readonly manifest: Uint8Array }
  /** An unauthentic or out-of-place message was dropped; nothing changed. */
  | { readonly type: 'rejected'; readonly error: KonsilError }
  /** The attempt is over for this pod and its secrets are wiped. */
  | { readonly type: 'aborted'; readonly error: KonsilError };

/** Keeps secrets out of JSON, logs and inspection. */
class Sealed<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  reveal(): T {
    return this.#value;
  }
  toJSON(): string {
    return '[secret]';
  }
}

interface Answer {
  readonly request: Uint8Array;
  readonly outputs: readonly ClientOutput[];
}

interface Interior {
  readonly identity: KeyPair;
  readonly judge: ClientConfig['judge'];
  readonly secrets: PodSecrets;
  readonly ownAdvert: Uint8Array;
  readonly answers: ReadonlyMap<MessageType, Answer>;
  /** Holders of this pod's shares in U1, itself included. */
  readonly adverts: ReadonlyMap<number, Bodies['advertise']>;
  /** Shares dealt to this pod, by dealer: exactly its neighbours in U2 and itself. */
  readonly shares: ReadonlyMap<number, SharePair>;
  readonly manifestHash: Uint8Array;
  readonly survivors: ReadonlySet<number>;
  readonly survivorsHash: Uint8Array;
}

export interface ClientState {
  readonly phase: ClientPhase;
  readonly session: Session;
  /** Index of this pod in the session's roster. */
  readonly self: number;
  /** Whether this pod released shares: it must then join no further attempt of this round. */
  readonly spent: boolean;
  /** Names of U3 once this pod has signed for it. */
  readonly survivors: readonly string[];
  readonly interior: Sealed<Interior>;
}

export interface ClientStep {
  readonly state: ClientState;
  readonly outputs: readonly ClientOutput[];
}

export interface ClientConfig {
  readonly session: Session;
  /** This pod's name in the roster. */
  readonly self: string;
  /** This pod's identity; its public half must be the one in the roster. */
  readonly identity: KeyPair;
  /** This pod's nonce for the neighbour graph, the one it committed to; not needed for the complete graph. */
  readonly nonce?: Uint8Array;
  /** The site's own rule about who may be summed; what it returns ends the attempt before anything is signed. */
  readonly judge?: (survivors: readonly string[]) => KonsilError | null;
}

const NONE = new Uint8Array(0);

/**
 * Begins an attempt; the output is the advertise message.
 * @throws KonsilError CONFIG_INVALID when the identity or the nonce does not fit the session.
 */
export function startClient(config: ClientConfig, random: RandomBytes): ClientStep {
  const { session, identity, nonce = new Uint8Array(GRAPH_NONCE_BYTES) } = config;
  const self = indexOf(session, config.self);
  if (self < 0 || !equalBytes(session.roster[self]!.publicKey, identity.publicKey))
    throw new KonsilError('CONFIG_INVALID', `pod ${config.self} with this identity is not in the roster`);
  checkNonce(session, self, nonce);
  const secrets = drawSecrets(random);
  const ownAdvert = encodeMessage(session, 'advertise', self, identity, {
    publicHash: session.publicHash,
    maskKey: secrets.mask.publicKey,
    channelKey: secrets.channel.publicKey,
    nonce,
  });
  const interior: Interior = {
    identity,
    judge: config.judge,
    secrets,
    ownAdvert,
    answers: new Map(),
    adverts: new Map(),
    shares: new Map(),
    manifestHash: NONE,
    survivors: new Set(),
    survivorsHash: NONE,
  };
  const state: ClientState = {
    ...{ phase: 'advertised', session, self, spent: false, survivors: [] },
    interior: new Sealed(interior),
  };
  return { state, outputs: [{ type: 'send', bytes: ownAdvert }] };
}

/** Next state and what to send. Never throws for what a message contains. */
export function stepClient(state: ClientState, event: ClientEvent): ClientStep {
  if (state.phase === 'aborted') return { state, outputs: [] };
  if (event.type === 'abort') return abort(state, new KonsilError('CANCELLED', 'secure aggregation was stopped'));
  if (event.type === 'masked') return announce(state, event.sha256);
  let type: MessageType;
  let body: Bodies[MessageType];
  try {
    type = peekMessage(event.bytes).type;
    body = openMessage(state.session, type, COORDINATOR, event.bytes);
  } catch (error) {
    return reject(state, error);
  }
  const answered = state.interior.reveal().answers.get(type);
  if (answered !== undefined) {
    if (equalBytes(answered.request, event.bytes)) return { state, outputs: answered.outputs };
    const error = new KonsilError('AGG_EQUIVOCATION', `coordinator signed two different ${type} messages`, { type });
    return state.phase === 'released' ? reject(state, error) : abort(state, error);
  }
  if (EXPECTS[state.phase] !== type)
    return reject(state, new KonsilError('AGG_BAD_MESSAGE', `${type} message is out of place`));
  const answerTo = ANSWERS[type as Answered] as (state: ClientState, body: Bodies[MessageType]) => Progress;
  try {
    const { phase, outputs, interior, survivors = state.survivors } = answerTo(state, body);
    // masks go out once: a repeated request meets no answer until the vector is masked
    const repeatable = outputs.filter((output) => output.type !== 'mask');
    const answers = new Map(interior.answers).set(type, { request: event.bytes, outputs: repeatable });
    const spent = phase === 'released';
    return { state: { ...state, phase, spent, survivors, interior: new Sealed({ ...interior, answers }) }, outputs };
  } catch (error) {
    return abort(state, error);
  }
}

function asKonsilError(error: unknown): KonsilError {
  if (error instanceof KonsilError) return error;
  throw error; // a bug of ours, not the peer's doing
}

function reject(state: ClientState, error: unknown): ClientStep {
  return { state, outputs: [{ type: 'rejected', error: asKonsilError(error) }] };
}

/** Ends the attempt: wipes everything; a dealer's fault is also reported to the coordinator, signed. */
function abort(state: ClientState, cause: unknown): ClientStep {
  const error = asKonsilError(cause);
  const interior = state.interior.reveal();
  const outputs: ClientOutput[] = [{ type: 'aborted', error }];
  if (cause instanceof DealerFault)
    outputs.unshift({
      type: 'send',
      bytes: encodeMessage(state.session, 'complaint', state.self, interior.identity, { dealer: cause.dealer }),
    });
  wipeSecrets(interior.secrets);
  wipeShares(interior.shares);
  const emptied = { ...interior, shares: new Map(), answers: new Map() };
  return { state: { ...state, phase: 'aborted', interior: new Sealed(emptied) }, outputs };
}

function wipeShares(shares: ReadonlyMap<number, SharePair>): void {
  for (const pair of shares.values()) wipe(pair.self, pair.key);
}

class DealerFault extends KonsilError {
  readonly dealer: number;
  constructor(session: Session, dealer: number) {
    const pod = session.roster[dealer]!.name;
    super('AGG_BAD_SHARE', `pod ${pod} dealt shares that do not open or match its commitments`, { pod });
    this.dealer = dealer;
  }
}

interface Progress {
  readonly phase: ClientPhase;
  readonly interior: Interior;
  readonly outputs: readonly ClientOutput[];
  readonly survivors?: readonly string[];
}

function require(condition: boolean, why: string): asserts condition {
  if (!condition) throw new KonsilError('AGG_BAD_MESSAGE', why);
}

function requireEnough(need: number, have: number, phase: string): void {
  if (have < need)
    throw new KonsilError('AGG_TOO_FEW_SURVIVORS', `coordinator announced ${have} pods, at least ${need} are needed`, {
      phase,
      have,
      need,
    });
}

/** Roster: the holders of our secrets in U1 → shares for each of them. */
function answerRoster(state: ClientState, { nonces, messages }: Bodies['roster']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  require(nonces.length === (isSparse(session) ? session.n : 0), 'roster has a wrong number of nonces');
  nonces.forEach((nonce, pod) => checkNonce(session, pod, nonce));
  const holders = drawGraph(session, nonces)[self]!;
  const quoted = openQuoted(session, 'advertise', messages);
  const own = quoted.find((message) => message.sender === self);
  require(own !== undefined && equalBytes(own.bytes, interior.ownAdvert), 'roster lacks or alters our own keys');
  for (const { sender, body } of quoted) {
    require(holders.includes(sender), 'roster has a pod that is no neighbour of ours');
    checkSameModel(session, sender, body);
  }
  requireEnough(isSparse(session) ? holders.length : session.minSurvivors, quoted.length, 'roster');
  checkAdvertised(quoted.map((message) => message.body));
  const adverts = new Map(quoted.map((message) => [message.sender, message.body]));
  const dealtTo = new Map(
    [...adverts].map(([pod, { channelKey }]) => [pod, { channelKey, point: pointAt(holders.indexOf(pod)) }]),
  );
  const body = dealShares(session, self, interior.secrets, dealtTo, sha256(...nonces, ...messages));
  wipe(interior.secrets.dealingSeed);
  const bytes = encodeMessage(session, 'shares', self, interior.identity, body);
  return { phase: 'shared', interior: { ...interior, adverts }, outputs: [{ type: 'send', bytes }] };
}

/** Inbox: our neighbours in U2 and their shares → the masks of our vector. */
function answerInbox(state: ClientState, { entries }: Bodies['inbox']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const { adverts, secrets } = interior;
  require(entries.some(({ pod }) => pod === self), 'inbox lacks our own shares');
  require(entries.every(({ pod }) => adverts.has(pod)), 'inbox has a dealer outside the roster');
  requireEnough(isSparse(session) ? session.t : session.minSurvivors, entries.length, 'inbox');
  const shares = new Map<number, SharePair>();
  for (const { pod: dealer, ...entry } of entries) {
    const pair = openShares(session, self, secrets.channel, dealer, adverts.get(dealer)!.channelKey, entry);
    if (pair === null) {
      wipeShares(shares);
      throw new DealerFault(session, dealer);
    }
    shares.set(dealer, pair);
  }
  const own = { index: self, keys: secrets.mask };
  const masks = [...shares.keys()]
    .filter((peer) => peer !== self)
    .map((peer) => pairMask(session, own, peer, adverts.get(peer)!.maskKey));
  masks.push(selfMask(session, secrets.selfSeed, 1));
  wipeSecrets(secrets); // our own shares of them came back with the inbox; nothing else needs them
  return { phase: 'masking', interior: { ...interior, shares }, outputs: [{ type: 'mask', masks }] };
}

/** The vector is masked → its manifest. The inbox has been answered only now. */
function announce(state: ClientState, hash: Uint8Array): ClientStep {
  if (state.phase !== 'masking') throw new TypeError(`pod is not masking but ${state.phase}`);
  const { session, self } = state;
  const interior = state.interior.reveal();
  const body = { bytes: session.wireBytes, sha256: hash };
  const manifest = encodeMessage(session, 'manifest', self, interior.identity, body);
  const outputs: ClientOutput[] = [{ type: 'upload', manifest }];
  const answers = new Map(interior.answers).set('inbox', { ...interior.answers.get('inbox')!, outputs });
  const next = { ...interior, answers, manifestHash: sha256(manifest) };
  return { state: { ...state, phase: 'uploaded', interior: new Sealed(next) }, outputs };
}

/** Survivors: U3 → our one signature for it. */
function answerSurvivors(state: ClientState, body: Bodies['survivors']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const { shares, adverts } = interior;
  // of pods that are no neighbours of ours we know nothing but that they must be in the roster
  const known = (pod: number): boolean => (adverts.has(pod) || !isSparse(session) ? shares.has(pod) : pod < session.n);
  require(body.uploads.every((upload) => known(upload.pod)), 'survivor list has a pod that did not share');
  const own = body.uploads.find((upload) => upload.pod === self);
  require(own !== undefined && equalBytes(own.manifestHash, interior.manifestHash), 'survivor list alters our upload');
  requireEnough(session.minSurvivors, body.uploads.length, 'survivors');
  requireEnough(session.t, body.uploads.filter(({ pod }) => shares.has(pod)).length, 'neighbours');
  const survivors = body.uploads.map(({ pod }) => session.roster[pod]!.name);
  const objection = interior.judge?.(survivors);
  if (objection) throw objection;
  const survivorsHash = hashSurvivors(session, body);
  const bytes = encodeMessage(session, 'consistency', self, interior.identity, { survivorsHash });
  return {
    phase: 'signed',
    interior: { ...interior, survivors: new Set(body.uploads.map((upload) => upload.pod)), survivorsHash },
    outputs: [{ type: 'send', bytes }],
    survivors,
  };
}

/** Proof that enough survivors signed our list → for each neighbour in U2, and ourselves, exactly one kind of share, once. */
function answerProof(state: ClientState, { messages }: Bodies['proof']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const { survivors, survivorsHash } = interior;
  const quoted = openQuoted(session, 'consistency', messages);
  for (const { sender, body } of quoted) {
    require(survivors.has(sender), 'proof has a signature from outside the survivors');
    checkSameSurvivors(body.survivorsHash, survivorsHash);
  }
  if (quoted.length < session.signatures)
    throw new KonsilError(
      'AGG_TOO_FEW_SURVIVORS',
      `proof has ${quoted.length} signatures, at least ${session.signatures} are needed`,
      { phase: 'proof', have: quoted.length, need: session.signatures },
    );
  const shares = [...interior.shares].map(([of, pair]) => {
    const kind = survivors.has(of) ? ('self' as const) : ('key' as const);
    return { of, kind, share: pair[kind] };
  });
  const bytes = encodeMessage(session, 'release', self, interior.identity, { survivorsHash, shares });
  wipeShares(interior.shares);
  return {
    phase: 'released',
    interior: { ...interior, shares: new Map() },
    outputs: [{ type: 'send', bytes }],
  };
}

/** The request each phase waits for. */
const EXPECTS: { readonly [P in ClientPhase]?: Answered } = {
  advertised: 'roster',
  shared: 'inbox',
  uploaded: 'survivors',
  signed: 'proof',
};

/** Requests of the coordinator. */
type Answered = 'roster' | 'inbox' | 'survivors' | 'proof';

const ANSWERS: { readonly [K in Answered]: (state: ClientState, body: Bodies[K]) => Progress } = {
  roster: answerRoster,
  inbox: answerInbox,
  survivors: answerSurvivors,
  proof: answerProof,
};
