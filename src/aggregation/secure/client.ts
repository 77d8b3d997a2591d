/**
 * The pod's half of one attempt at one secure sum, as a pure state machine: five messages out, four in.
 *
 * The pod believes nobody: every message of the coordinator is checked against the pinned roster and what this pod
 * itself sent. Once a state was passed to {@link stepClient} only the returned one may be used: secrets that are no
 * longer needed are wiped in place. Redelivery of an answered request gives the same answer again.
 * @source Bonawitz et al. (CCS 2017), figure 4 with the active-adversary additions.
 * @module
 */
import { bytesOf, equalBytes, KonsilError } from '../../base/index.ts';
import { type KeyPair, type RandomBytes, sha256, wipe } from '../../crypto/index.ts';
import { checkAdvertised, checkDealt, checkSameSurvivors, hashSurvivors } from './checks.ts';
import { indexOf, type Session } from './context.ts';
import { addSelfMask, applyPairMask } from './masks.ts';
import {
  type Bodies,
  COORDINATOR,
  encodeMessage,
  type MessageType,
  openMessage,
  openQuoted,
  peekMessage,
} from './messages.ts';
import { dealShares, drawSecrets, openShares, type PodSecrets, type SharePair, wipeSecrets } from './sharing.ts';

/** What the pod did last; `aborted` and `released` are final. */
export type ClientPhase = 'advertised' | 'shared' | 'uploaded' | 'signed' | 'released' | 'aborted';

/** A message as the coordinator sent it, or the wish to stop. */
export type ClientEvent = { readonly type: 'message'; readonly bytes: Uint8Array } | { readonly type: 'abort' };

export type ClientOutput =
  /** A message for the coordinator, confidential: send it sealed. */
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** The masked vector, little-endian u32 words, with its signed manifest. Move `vector` as a blob. */
  | { readonly type: 'upload'; readonly manifest: Uint8Array; readonly vector: Uint8Array }
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
  readonly input: Uint32Array;
  readonly secrets: PodSecrets;
  readonly ownAdvert: Uint8Array;
  readonly answers: ReadonlyMap<MessageType, Answer>;
  readonly adverts: ReadonlyMap<number, Bodies['advertise']>;
  readonly ownShares: Uint8Array;
  /** Shares dealt to this pod, by dealer: exactly U2. */
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
  /**
   * The plain vector mod 2^32, `session.vectorLength` words. Ownership passes: it is masked in place and becomes the
   * upload, or is wiped on abort.
   */
  readonly input: Uint32Array;
}

const NONE = new Uint8Array(0);

/**
 * Begins an attempt; the output is the advertise message.
 * @throws KonsilError CONFIG_INVALID when the identity or input does not fit the session.
 */
export function startClient(config: ClientConfig, random: RandomBytes): ClientStep {
  const { session, identity, input } = config;
  const self = indexOf(session, config.self);
  if (self < 0 || !equalBytes(session.roster[self]!.publicKey, identity.publicKey))
    throw new KonsilError('CONFIG_INVALID', `pod ${config.self} with this identity is not in the roster`);
  if (input.length !== session.vectorLength)
    throw new KonsilError('CONFIG_INVALID', `input has ${input.length} words, the session ${session.vectorLength}`);
  const secrets = drawSecrets(random);
  const ownAdvert = encodeMessage(session, 'advertise', self, identity, {
    maskKey: secrets.mask.publicKey,
    channelKey: secrets.channel.publicKey,
  });
  const interior: Interior = {
    identity,
    input,
    secrets,
    ownAdvert,
    answers: new Map(),
    adverts: new Map(),
    ownShares: NONE,
    shares: new Map(),
    manifestHash: NONE,
    survivors: new Set(),
    survivorsHash: NONE,
  };
  const state: ClientState = { phase: 'advertised', session, self, spent: false, interior: new Sealed(interior) };
  return { state, outputs: [{ type: 'send', bytes: ownAdvert }] };
}

/** Next state and what to send. Never throws for what a message contains. */
export function stepClient(state: ClientState, event: ClientEvent): ClientStep {
  if (state.phase === 'aborted') return { state, outputs: [] };
  if (event.type === 'abort') return abort(state, new KonsilError('CANCELLED', 'secure aggregation was stopped'));
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
  try {
    const { phase, outputs, interior } = answer(state, type, body);
    const answers = new Map(interior.answers).set(type, { request: event.bytes, outputs });
    const next = { ...state, phase, spent: phase === 'released', interior: new Sealed({ ...interior, answers }) };
    return { state: next, outputs };
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
  interior.input.fill(0);
  return { state: { ...state, phase: 'aborted', interior: new Sealed(emptied(interior)) }, outputs };
}

function emptied(interior: Interior): Interior {
  return { ...interior, input: new Uint32Array(0), shares: new Map(), answers: new Map() };
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
}

function require(condition: boolean, why: string): asserts condition {
  if (!condition) throw new KonsilError('AGG_BAD_MESSAGE', why);
}

function requireEnough(session: Session, have: number, phase: string): void {
  if (have < session.minSurvivors)
    throw new KonsilError(
      'AGG_TOO_FEW_SURVIVORS',
      `coordinator announced ${have} pods, at least ${session.minSurvivors} are needed`,
      { phase, have, need: session.minSurvivors },
    );
}

/** Roster: U1 → shares for all of it. */
function answerRoster(state: ClientState, { messages }: Bodies['roster']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const quoted = openQuoted(session, 'advertise', messages);
  const own = quoted.find((message) => message.sender === self);
  require(own !== undefined && equalBytes(own.bytes, interior.ownAdvert), 'roster lacks or alters our own keys');
  requireEnough(session, quoted.length, 'roster');
  checkAdvertised(quoted.map((message) => message.body));
  const adverts = new Map(quoted.map((message) => [message.sender, message.body]));
  const channels = new Map(quoted.map((message) => [message.sender, message.body.channelKey]));
  const rosterHash = sha256(...messages);
  const body = dealShares(session, self, interior.secrets, channels, rosterHash);
  wipe(interior.secrets.dealingSeed);
  const ownShares = encodeMessage(session, 'shares', self, interior.identity, body);
  return {
    phase: 'shared',
    interior: { ...interior, adverts, ownShares },
    outputs: [{ type: 'send', bytes: ownShares }],
  };
}

/** Inbox: U2 and its shares → the masked vector. */
function answerInbox(state: ClientState, { messages }: Bodies['inbox']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const { adverts, secrets, input } = interior;
  const u1 = [...adverts.keys()];
  const quoted = openQuoted(session, 'shares', messages);
  const own = quoted.find((message) => message.sender === self);
  require(own !== undefined && equalBytes(own.bytes, interior.ownShares), 'inbox lacks or alters our own shares');
  require(quoted.every((message) => adverts.has(message.sender)), 'inbox has a dealer outside the roster');
  requireEnough(session, quoted.length, 'inbox');
  const shares = new Map<number, SharePair>();
  for (const { sender: dealer, body } of quoted) {
    checkDealt(body, u1);
    const entry = body.entries[u1.indexOf(self)]!;
    const pair = openShares(session, self, secrets.channel, dealer, adverts.get(dealer)!.channelKey, entry);
    if (pair === null) {
      wipeShares(shares);
      throw new DealerFault(session, dealer);
    }
    shares.set(dealer, pair);
  }
  for (const peer of shares.keys())
    if (peer !== self)
      applyPairMask(session, input, { index: self, keys: secrets.mask }, peer, adverts.get(peer)!.maskKey);
  addSelfMask(session, input, secrets.selfSeed);
  wipeSecrets(secrets); // our own shares of them came back with the inbox; nothing else needs them
  const vector = bytesOf(input);
  const manifest = encodeMessage(session, 'manifest', self, interior.identity, {
    length: input.length,
    sha256: sha256(vector),
  });
  return {
    phase: 'uploaded',
    interior: { ...interior, shares, input: new Uint32Array(0), manifestHash: sha256(manifest) },
    outputs: [{ type: 'upload', manifest, vector }],
  };
}

/** Survivors: U3 → our one signature for it. */
function answerSurvivors(state: ClientState, body: Bodies['survivors']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  require(body.uploads.every((upload) =>
    interior.shares.has(upload.pod),
  ), 'survivor list has a pod that did not share');
  const own = body.uploads.find((upload) => upload.pod === self);
  require(own !== undefined && equalBytes(own.manifestHash, interior.manifestHash), 'survivor list alters our upload');
  requireEnough(session, body.uploads.length, 'survivors');
  const survivorsHash = hashSurvivors(session, body);
  const bytes = encodeMessage(session, 'consistency', self, interior.identity, { survivorsHash });
  return {
    phase: 'signed',
    interior: { ...interior, survivors: new Set(body.uploads.map((upload) => upload.pod)), survivorsHash },
    outputs: [{ type: 'send', bytes }],
  };
}

/** Proof that t survivors signed our list → for each pod of U2 exactly one kind of share, once. */
function answerProof(state: ClientState, { messages }: Bodies['proof']): Progress {
  const { session, self } = state;
  const interior = state.interior.reveal();
  const { survivors, survivorsHash } = interior;
  const quoted = openQuoted(session, 'consistency', messages);
  for (const { sender, body } of quoted) {
    require(survivors.has(sender), 'proof has a signature from outside the survivors');
    checkSameSurvivors(body.survivorsHash, survivorsHash);
  }
  if (quoted.length < session.t)
    throw new KonsilError(
      'AGG_TOO_FEW_SURVIVORS',
      `proof has ${quoted.length} signatures, at least ${session.t} are needed`,
      { phase: 'proof', have: quoted.length, need: session.t },
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
const EXPECTS: { readonly [P in ClientPhase]?: MessageType } = {
  advertised: 'roster',
  shared: 'inbox',
  uploaded: 'survivors',
  signed: 'proof',
};

function answer(state: ClientState, type: MessageType, body: Bodies[MessageType]): Progress {
  switch (type) {
    case 'roster':
      return answerRoster(state, body as Bodies['roster']);
    case 'inbox':
      return answerInbox(state, body as Bodies['inbox']);
    case 'survivors':
      return answerSurvivors(state, body as Bodies['survivors']);
    case 'proof':
      return answerProof(state, body as Bodies['proof']);
    default:
      throw new TypeError(`pods do not answer ${type}`);
  }
}
