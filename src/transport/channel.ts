/**
 * Sealed, ordered, exactly-once messages between pinned identities over a link that nobody trusts.
 *
 * Every message travels in an envelope whose header names the session (both sides' boot ids), the sequence number and
 * the place in the run. The receiver delivers each number once and in order and answers with a receipt; the sender
 * resends until it has one. MQTT's own acknowledgement is not enough: aedes gives it before delivery.
 *
 * Sessions make replay useless: a `hello` is answered with both boot ids, and nothing else is accepted unless it
 * names our present boot, which an older recording cannot. No clock is compared anywhere.
 * @module
 */
import { isKonsilError, KonsilError, toHex } from '../base/index.ts';
import {
  type Identity,
  openEnvelope,
  type PeerId,
  type PublicIdentity,
  randomBytes,
  sealEnvelope,
} from '../crypto/index.ts';
import {
  type Context,
  decodeHeader,
  decodeMessage,
  encodeHeader,
  encodeMessage,
  type Header,
  inboxTopic,
  type Message,
  NO_RUN,
  PROTOCOL_VERSION,
  presenceTopic,
  sameBoot,
  UNKNOWN_BOOT,
} from '../wire/index.ts';
import { type Clock, type Link, PRESENT } from './link.ts';

/** First wait for a receipt; doubles up to the maximum while the peer stays silent. */
const RESEND_FIRST_MS = 1_000;
const RESEND_MAX_MS = 10_000;
/** How far ahead of the next expected number a message is kept; further ones are dropped and resent later. */
const REORDER_WINDOW = 256;
/** Bytes of such messages kept for one peer: a few blob chunks, however many small ones. */
const EARLY_MAX_BYTES = 8 << 20;
/** Restarts of one peer that a session remembers; a pod's modeller starts anew with every run. */
const MAX_RETIRED = 100_000;
/** How long a second process with our identity has to answer our greeting to ourselves. */
const TWIN_WAIT_MS = 400;
const TWIN_WAIT_MAX_MS = 5_000;

/** Who the channel may talk to. */
export interface KnownPeers {
  findById(id: PeerId): { readonly public: PublicIdentity } | undefined;
}

/** Counts of what went over the link, for reports: bytes are what the broker saw. */
export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

/** Called with each message, once and in order per sender and session. Must not throw. */
export type OnMessage = (from: PeerId, context: Context, message: Message) => void;

interface Outgoing {
  readonly context: Context;
  /** Encoded message; null once its sender has given up on it (the number is still spent). */
  body: Uint8Array | null;
  readonly settle: (error?: KonsilError) => void;
}

interface Session {
  readonly peer: PublicIdentity;
  /** The peer's boot, once known. */
  boot: Uint8Array | null;
  /** Earlier boots of the peer, in hexadecimal: what was recorded then is never taken again. */
  readonly retired: Set<string>;
  /** Messages without a receipt; the first has number `firstUnacked`. */
  outgoing: Outgoing[];
  firstUnacked: number;
  nextExpected: number;
  early: Map<number, { context: Context; body: Uint8Array }>;
  resendMs: number;
  cancelTimer: (() => void) | null;
  readonly traffic: Traffic;
}

/** What a channel needs. */
export interface ChannelOptions {
  readonly link: Link;
  readonly identity: Identity;
  readonly peers: KnownPeers;
  readonly clock: Clock;
  /** Told about every dropped message and why; never its content. */
  readonly onDropped?: (reason: string) => void;
}

/** One identity's end of all its conversations. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #boot = randomBytes(16);
  readonly #sessions = new Map<PeerId, Session>();
  readonly #listeners: OnMessage[] = [];
  readonly #restartListeners: ((peer: PeerId) => void)[] = [];
  #twin = false;
  #alone = false;
  #echoed: (() => void) | null = null;
  #closed = false;
  #linkUp = false;
  /** How often each reason for dropping a message occurred. */
  readonly dropped = new Map<string, number>();

  private constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /**
   * Subscribes to our mailbox and makes sure that no other process uses this identity.
   * @throws KonsilError IDENTITY_IN_USE when one does, BROKER_REFUSED when the broker does not let us have the mailbox.
   */
  static async open(options: ChannelOptions): Promise<Channel> {
    const channel = new Channel(options);
    await options.link.subscribe(inboxTopic(options.identity.public.id), (bytes) => channel.#receive(bytes));
    options.link.onConnection((connected) => channel.#onLink(connected));
    await channel.#lookForTwin();
    channel.#alone = true;
    await channel.#stayPresent();
    return channel;
  }

  get self(): PeerId {
    return this.#options.identity.public.id;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** Calls `listener` with every message from now on. */
  onMessage(listener: OnMessage): void {
    this.#listeners.push(listener);
  }

  /** Calls `listener` when a peer turns out to have restarted: what it knew of us is gone. */
  onRestart(listener: (peer: PeerId) => void): void {
    this.#restartListeners.push(listener);
  }

  /** Calls `listener` when the broker says `peer` has come or gone. The broker may lie: use it as a hint only. */
  async watchPresence(peer: PeerId, listener: (present: boolean) => void): Promise<void> {
    await this.#options.link.subscribe(presenceTopic(peer), (bytes) => listener(bytes[0] === PRESENT[0]));
  }

  /** Calls `listener` whenever the link to the broker comes or goes, and at once with its present state. */
  onLink(listener: (up: boolean) => void): void {
    this.#options.link.onConnection(listener);
  }

  /**
   * Sends a message; resolves when the peer has it.
   *
   * @throws KonsilError PEER_UNKNOWN when the peer is not pinned, PEER_RESTARTED when it lost its state before taking
   *   it, PEER_UNREACHABLE when there was no receipt within `timeoutMs`, CANCELLED by `signal`.
   */
  send(
    to: PeerId,
    context: Context,
    message: Message,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const session = this.#sessionWith(to);
    if (!session) return Promise.reject(new KonsilError('PEER_UNKNOWN', 'no pinned identity for this peer'));
    if (options.signal?.aborted) return Promise.reject(new KonsilError('CANCELLED', 'cancelled before sending'));
    return new Promise((resolve, reject) => {
      let cancelTimeout = (): void => undefined;
      const entry: Outgoing = {
        context,
        body: encodeMessage(message),
        settle: (error) => {
          cancelTimeout();
          options.signal?.removeEventListener('abort', onAbort);
          if (error) reject(error);
          else resolve();
        },
      };
      const giveUp = (error: KonsilError): void => {
        entry.body = null;
        entry.settle(error);
      };
      const onAbort = (): void => giveUp(new KonsilError('CANCELLED', 'cancelled while sending'));
      if (options.timeoutMs !== undefined)
        cancelTimeout = this.#options.clock.after(options.timeoutMs, () =>
          giveUp(new KonsilError('PEER_UNREACHABLE', `no receipt for ${message.type} within ${options.timeoutMs} ms`)),
        );
      options.signal?.addEventListener('abort', onAbort, { once: true });
      session.outgoing.push(entry);
      if (session.boot) this.#transmit(session, session.firstUnacked + session.outgoing.length - 1, entry);
      else this.#hello(session);
      this.#armResend(session);
    });
  }

  /** Bytes exchanged with `peer` so far, envelopes included. */
  trafficWith(peer: PeerId): Readonly<Traffic> {
    return this.#sessions.get(peer)?.traffic ?? { sentBytes: 0, receivedBytes: 0 };
  }

  /** Gives up on everything unsent and stops listening. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#sessions.values()) this.#fail(session, new KonsilError('CANCELLED', 'channel closed'));
    await this.#options.link.close();
  }

  /** Is gone as in a power cut: tells nobody, and whoever waits here for something to be sent waits in vain no longer. */
  halt(): void {
    this.#closed = true;
    for (const session of this.#sessions.values()) this.#fail(session, new KonsilError('CANCELLED', 'channel closed'));
    this.#options.link.cut();
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────

  #receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      const { identity, peers } = this.#options;
      const {
        sender,
        header: headerBytes,
        body,
      } = openEnvelope(identity, bytes, (id) => (id === this.self ? identity.public : peers.findById(id)?.public));
      const header = decodeHeader(headerBytes);
      if (header.from !== sender.id) throw new KonsilError('ENVELOPE_REJECTED', 'header names another sender');
      if (header.to !== this.self) throw new KonsilError('ENVELOPE_REJECTED', 'header names another receiver');
      if (sender.id === this.self) return this.#fromSelf(header);
      // until it is certain that this identity is ours alone, an answer would end the session of its other process
      if (!this.#alone) return this.#drop('NOT_OPEN_YET');
      const session = this.#sessionWith(sender.id)!;
      session.traffic.receivedBytes += bytes.length;
      this.#handle(session, header, body);
    } catch (error) {
      this.#drop(isKonsilError(error) ? error.code : 'UNEXPECTED');
    }
  }

  #handle(session: Session, header: Header, body: Uint8Array): void {
    if (header.kind === 'hello') {
      // proves nothing about freshness, so it changes nothing here: the answer lets the peer prove it
      if (session.retired.has(toHex(header.fromBoot))) return this.#drop('RETIRED_SESSION');
      return this.#post(session, { kind: 'helloAck', toBoot: header.fromBoot, seq: session.nextExpected });
    }
    if (!sameBoot(header.toBoot, this.#boot)) {
      this.#drop('STALE_SESSION');
      // either a recording, or a peer that does not know we restarted; a greeting helps the latter and not the former
      if (header.kind === 'data') this.#hello(session);
      return;
    }
    if (session.retired.has(toHex(header.fromBoot))) return this.#drop('RETIRED_SESSION');
    const isNew = !session.boot || !sameBoot(session.boot, header.fromBoot);
    if (isNew && session.retired.size >= MAX_RETIRED) return this.#drop('TOO_MANY_RESTARTS');
    if (isNew) this.#startSession(session, header.fromBoot);
    if (header.kind === 'data') return this.#onData(session, header, body);
    if (header.kind === 'receipt') this.#onReceipt(session, header.seq);
    else this.#post(session, { kind: 'receipt', seq: session.nextExpected }); // helloAck: confirm our side of the session
  }

  #startSession(session: Session, boot: Uint8Array): void {
    const restarted = session.boot !== null;
    if (session.boot) {
      session.retired.add(toHex(session.boot));
      this.#fail(session, new KonsilError('PEER_RESTARTED', 'peer restarted and has no memory of this conversation'));
    }
    session.boot = boot;
    session.nextExpected = 0;
    session.firstUnacked = 0;
    session.early.clear();
    session.resendMs = RESEND_FIRST_MS;
    session.outgoing.forEach((entry, i) => this.#transmit(session, i, entry));
    this.#armResend(session);
    if (restarted) for (const listener of this.#restartListeners) listener(session.peer.id);
  }

  #onData(session: Session, header: Header, body: Uint8Array): void {
    const ahead = header.seq - session.nextExpected;
    if (ahead >= REORDER_WINDOW) return this.#drop('TOO_FAR_AHEAD');
    const early = [...session.early.values()].reduce((sum, { body: kept }) => sum + kept.length, body.length);
    if (ahead > 0 && early > EARLY_MAX_BYTES) return this.#drop('TOO_FAR_AHEAD');
    if (ahead < 0) this.#drop('REPEATED');
    else
      session.early.set(header.seq, { context: { run: header.run, round: header.round, phase: header.phase }, body });
    for (;;) {
      const next = session.early.get(session.nextExpected);
      if (!next) break;
      session.early.delete(session.nextExpected++);
      if (next.body.length === 0) continue; // its sender gave up on it
      this.#deliver(session.peer.id, next.context, next.body);
    }
    this.#post(session, { kind: 'receipt', seq: session.nextExpected });
  }

  #deliver(from: PeerId, context: Context, body: Uint8Array): void {
    let message: Message;
    try {
      message = decodeMessage(body);
    } catch {
      return this.#drop('PROTOCOL_VIOLATION');
    }
    for (const listener of this.#listeners) listener(from, context, message);
  }

  #onReceipt(session: Session, nextExpected: number): void {
    const count = nextExpected - session.firstUnacked;
    if (count <= 0 || count > session.outgoing.length) return;
    for (const entry of session.outgoing.splice(0, count)) entry.settle();
    session.firstUnacked = nextExpected;
    session.resendMs = RESEND_FIRST_MS;
    this.#armResend(session);
  }

  #drop(reason: string): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1);
    this.#options.onDropped?.(reason);
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────

  #transmit(session: Session, seq: number, entry: Outgoing): void {
    this.#post(session, { kind: 'data', seq, context: entry.context, body: entry.body ?? new Uint8Array(0) });
  }

  #hello(session: Session): void {
    this.#post(session, { kind: 'hello', toBoot: UNKNOWN_BOOT, seq: 0 });
  }

  #post(
    session: Session,
    part: Pick<Header, 'kind' | 'seq'> & { toBoot?: Uint8Array; context?: Context; body?: Uint8Array },
  ): void {
    if (this.#closed) return;
    const toBoot = part.toBoot ?? session.boot;
    if (!toBoot) return;
    const { link, identity } = this.#options;
    const { run, round, phase } = part.context ?? NO_RUN;
    const header = encodeHeader({
      v: PROTOCOL_VERSION,
      kind: part.kind,
      from: this.self,
      to: session.peer.id,
      fromBoot: this.#boot,
      toBoot,
      seq: part.seq,
      run,
      round,
      phase,
    });
    const envelope = sealEnvelope(identity, session.peer, header, part.body ?? new Uint8Array(0));
    session.traffic.sentBytes += envelope.length;
    void link.publish(inboxTopic(session.peer.id), envelope);
  }

  #armResend(session: Session): void {
    session.cancelTimer?.();
    session.cancelTimer = null;
    if (session.outgoing.length === 0 || this.#closed) return;
    session.cancelTimer = this.#options.clock.after(session.resendMs, () => {
      session.resendMs = Math.min(RESEND_MAX_MS, session.resendMs * 2);
      this.#resend(session);
    });
  }

  #resend(session: Session): void {
    if (session.boot) {
      // the first few are enough: their receipt tells which of the rest arrived
      session.outgoing.slice(0, 8).forEach((entry, i) => this.#transmit(session, session.firstUnacked + i, entry));
    } else if (session.outgoing.some((entry) => entry.body)) this.#hello(session);
    else session.outgoing = [];
    this.#armResend(session);
  }

  #fail(session: Session, error: KonsilError): void {
    for (const entry of session.outgoing.splice(0)) if (entry.body) entry.settle(error);
    session.cancelTimer?.();
  }

  #sessionWith(id: PeerId): Session | undefined {
    const existing = this.#sessions.get(id);
    if (existing) return existing;
    const peer =
      this.#options.peers.findById(id)?.public ?? (id === this.self ? this.#options.identity.public : undefined);
    if (!peer) return undefined;
    const session: Session = {
      peer,
      boot: null,
      retired: new Set(),
      outgoing: [],
      firstUnacked: 0,
      nextExpected: 0,
      early: new Map(),
      resendMs: RESEND_FIRST_MS,
      cancelTimer: null,
      traffic: { sentBytes: 0, receivedBytes: 0 },
    };
    this.#sessions.set(id, session);
    return session;
  }

  // ── the link, and a second process with our identity ─────────────────────────────────────────────────────────

  #onLink(connected: boolean): void {
    const back = connected && !this.#linkUp;
    this.#linkUp = connected;
    if (!back) return;
    for (const session of this.#sessions.values()) {
      session.resendMs = RESEND_FIRST_MS;
      if (session.outgoing.length > 0) this.#resend(session);
    }
  }

  async #lookForTwin(): Promise<void> {
    const { clock } = this.#options;
    const self = this.#sessionWith(this.self)!;
    await new Promise<void>((resolve) => {
      const giveUp = clock.after(TWIN_WAIT_MAX_MS, resolve);
      this.#echoed = () => {
        giveUp();
        clock.after(TWIN_WAIT_MS, resolve); // our own greeting is back: a twin's answer would be on its way too
      };
      this.#hello(self);
    });
    this.#echoed = null;
    if (this.#twin) {
      await this.close();
      throw new KonsilError(
        'IDENTITY_IN_USE',
        'another running process uses this identity; one identity is one process',
      );
    }
  }

  /**
   * Says that we are here whenever the broker says that we are not: it does so when a second process with our identity
   * gives up, and when the will of a connection we have already replaced comes late.
   */
  async #stayPresent(): Promise<void> {
    const { link } = this.#options;
    const topic = presenceTopic(this.self);
    await link.subscribe(topic, (bytes) => {
      if (bytes[0] !== PRESENT[0] && this.#linkUp && !this.#closed) void link.publish(topic, PRESENT);
    });
  }

  #fromSelf(header: Header): void {
    const self = this.#sessionWith(this.self)!;
    if (header.kind === 'hello') {
      if (sameBoot(header.fromBoot, this.#boot)) this.#echoed?.();
      else this.#post(self, { kind: 'helloAck', toBoot: header.fromBoot, seq: 0 });
    } else if (sameBoot(header.toBoot, this.#boot) && !sameBoot(header.fromBoot, this.#boot)) this.#twin = true;
  }
}
