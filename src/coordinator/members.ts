/**
 * The pods of a run: inviting and admitting them, routing their messages, noticing that one is lost and letting it
 * back in. Everything that waits for pods waits here.
 * @module
 */
import { KonsilError, messageOf, printable, throwIfCancelled } from '../base/index.ts';
import type { PeerId } from '../crypto/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import { splitIdentifier } from '../tasks/index.ts';
import type { Channel, Clock } from '../transport/index.ts';
import type { Context, Message, MessageOf } from '../wire/index.ts';
import type { MemberState, RunEvent } from './events.ts';

/** A pod that the broker says has left may come straight back (a reconnecting VPN); after this it is lost. */
const GONE_GRACE_MS = 3_000;
/** How long to wait for an answer of a pod that the broker does not show as present. */
const ABSENT_MS = 5_000;
/** How long a returning pod has to be admitted again. */
const READMIT_MS = 60_000;

/** Who is waited for is told anew at each change when it is so few, and at changes of this part otherwise. */
const FEW = 32;
const NOTABLE = 0.1;

/** One pod of the task. */
export interface Member {
  readonly name: string;
  /** Of the pod, that the task is for; empty while the task names none and the pod has not said what it has. */
  dataset: string;
  readonly peer: Peer;
  state: MemberState;
  reason: string;
  present: boolean;
  /** Whether it has said, when it accepted, that it still has what it was doing in this run. */
  continues: boolean;
  /** When the invitation it has not answered yet was sent; null when there is none. */
  invitedAt: number | null;
  /** Has said that it will take part later, and says so again when it does: it is not invited again meanwhile. */
  queued: boolean;
}

/** What a wait ended with: an answer a pod, and who did not give one, and why. */
export interface Gathered<T> {
  readonly answers: ReadonlyMap<string, T>;
  readonly missing: ReadonlyMap<string, string>;
  /** Milliseconds until the last answer. */
  readonly tookMs: number;
}

interface Waiter {
  readonly onMessage: (member: Member, context: Context, message: Message) => void;
  readonly onLost: (member: Member) => void;
}

export interface MembersOptions {
  readonly runId: string;
  readonly identifiers: readonly string[];
  /** Whether pods may join that were not there when the run began. */
  readonly lateJoin: boolean;
  readonly channel: Channel;
  readonly peers: PeerBook;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
}

/** The pods a task names. */
export class Members {
  readonly #options: MembersOptions;
  readonly #byPeer = new Map<PeerId, Member>();
  readonly #waiters = new Set<Waiter>();
  readonly #schemas = new Map<string, MessageOf<'ONLINE_RESPONSE'>>();
  #request: ((member: Member) => MessageOf<'JOB_REQUEST'>) | null = null;
  #askedAtStart: ReadonlySet<Member> = new Set();

  /** @throws KonsilError PEER_UNKNOWN listing pods that were never joined, CONFIG_INVALID for a pod named twice. */
  constructor(options: MembersOptions) {
    this.#options = options;
    const unknown: string[] = [];
    const modellers: string[] = [];
    for (const identifier of options.identifiers) {
      const { pod, dataset } = splitIdentifier(identifier);
      const peer = options.peers.findByName(pod);
      if (!peer) unknown.push(pod);
      else if (peer.role !== 'pod') modellers.push(pod);
      else if (this.#byPeer.has(peer.public.id))
        throw new KonsilError(
          'CONFIG_INVALID',
          `pods.identifiers names pod "${pod}" twice; one dataset of a pod takes part in a run`,
        );
      else
        this.#byPeer.set(peer.public.id, {
          name: pod,
          dataset: dataset ?? '',
          peer,
          state: 'invited',
          reason: '',
          present: false,
          invitedAt: null,
          continues: false,
          queued: false,
        });
    }
    if (unknown.length > 0)
      throw new KonsilError(
        'PEER_UNKNOWN',
        `no pinned key for pod ${unknown.join(', ')}; join them first with \`konsil join\``,
        {},
      );
    if (modellers.length > 0)
      throw new KonsilError(
        'PEER_UNKNOWN',
        `${modellers.join(', ')} is pinned as a modeller, not as a pod; forget that pin and join it as a pod`,
      );
    options.channel.onMessage((from, context, message) => this.#onMessage(from, context, message));
    options.channel.onRestart((peer) => this.#onRestart(peer));
  }

  all(): readonly Member[] {
    return [...this.#byPeer.values()];
  }

  /** Members taking part now, by name. */
  active(): readonly Member[] {
    return this.all()
      .filter(({ state }) => state === 'active')
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Member {
    return this.all().find((member) => member.name === name)!;
  }

  /** Presence of every pod from now on. */
  async watch(): Promise<void> {
    await Promise.all(
      this.all().map((member) =>
        this.#options.channel.watchPresence(member.peer.public.id, (up) => this.#onPresence(member, up)),
      ),
    );
  }

  /** Sends to one pod; failures surface as that pod being lost. */
  send(member: Member, context: Context, message: Message): void {
    this.#options.channel
      .send(member.peer.public.id, context, message, { signal: this.#options.signal })
      .catch((error: unknown) => {
        if (!this.#options.signal.aborted) this.lose(member, messageOf(error));
      });
  }

  /** Takes a pod out until it is admitted again. */
  lose(member: Member, reason: string): void {
    if (member.state !== 'active' && !member.queued) return;
    this.#setState(member, 'lost', reason);
    for (const waiter of this.#waiters) waiter.onLost(member);
  }

  /**
   * Who had left or been refused before the coordinator was restarted stays away; everybody else is to be invited.
   * @returns who took part when it ended.
   */
  restore(known: readonly { readonly pod: string; readonly state: MemberState; readonly reason: string }[]): Member[] {
    for (const { pod, state, reason } of known)
      if (state === 'rejected' || state === 'left') this.#setState(this.get(pod), state, reason);
    return known.filter(({ state }) => state === 'active').map(({ pod }) => this.get(pod));
  }

  /** Leaves a pod out of the run for good. */
  refuse(member: Member, reason: string): void {
    this.#setState(member, 'rejected', reason);
  }

  /** Calls back for messages and losses until the result is called. */
  listen(waiter: Waiter): () => void {
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /**
   * Waits until each of `members` has given an answer that `accept` takes, is lost, or the deadline passes.
   * @param accept - The answer in a message, or undefined when it is none.
   * @throws KonsilError CANCELLED.
   */
  gather<T>(
    members: readonly Member[],
    accept: (member: Member, context: Context, message: Message) => T | undefined,
    deadlineMs: number,
    onWaiting: (awaiting: readonly string[]) => void = () => undefined,
  ): Promise<Gathered<T>> {
    const { clock, signal } = this.#options;
    const started = clock.now();
    const waiting = new Map(members.map((member) => [member.name, member]));
    const answers = new Map<string, T>();
    const missing = new Map<string, string>();
    return new Promise((resolve, reject) => {
      let tookMs = 0;
      let told = Number.POSITIVE_INFINITY;
      const finish = (): void => {
        stop();
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      const settleIfDone = (): void => {
        if (waiting.size > 0) {
          // in a large cohort not after every answer: names of thousands would be copied thousands of times
          if (waiting.size > FEW && waiting.size > (1 - NOTABLE) * told) return;
          told = waiting.size;
          return onWaiting([...waiting.keys()]);
        }
        finish();
        resolve({ answers, missing, tookMs });
      };
      const onAbort = (): void => {
        finish();
        reject(new KonsilError('CANCELLED', 'run cancelled'));
      };
      const stop = this.listen({
        onMessage: (member, context, message) => {
          if (!waiting.has(member.name)) return;
          const answer = accept(member, context, message);
          if (answer === undefined) return;
          answers.set(member.name, answer);
          waiting.delete(member.name);
          tookMs = clock.now() - started;
          settleIfDone();
        },
        onLost: (member) => {
          if (!waiting.delete(member.name)) return;
          missing.set(member.name, member.reason);
          settleIfDone();
        },
      });
      const cancelTimer = clock.after(deadlineMs, () => {
        for (const name of waiting.keys()) missing.set(name, 'no answer in time');
        waiting.clear();
        settleIfDone();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) return onAbort();
      settleIfDone();
    });
  }

  /** Asks every pod whether it is there. @returns what the ones that are have, by name. */
  async online(deadlineMs: number): Promise<ReadonlyMap<string, MessageOf<'ONLINE_RESPONSE'>>> {
    for (const member of this.all()) this.#ask(member, deadlineMs);
    const accept = (
      member: Member,
      _context: Context,
      message: Message,
    ): MessageOf<'ONLINE_RESPONSE' | 'JOB_REJECT'> | undefined => {
      if (message.type === 'ONLINE_RESPONSE') this.#schemas.set(member.name, message);
      return message.type === 'ONLINE_RESPONSE' || message.type === 'JOB_REJECT' ? message : undefined;
    };
    const soon = Math.min(ABSENT_MS, deadlineMs);
    const early = await this.gather(this.all(), accept, soon);
    // whom the broker has never seen is not waited for: at worst it is asked again at the next round
    const present = [...early.missing.keys()].map((name) => this.get(name)).filter((member) => member.present);
    const late = await this.gather(present, accept, deadlineMs - soon);
    const missing = new Map([...early.missing].filter(([name]) => !late.answers.has(name)));
    for (const [name, reason] of missing) this.#setState(this.get(name), 'invited', `not online: ${reason}`);
    return this.#schemas;
  }

  #ask(member: Member, timeoutMs: number): void {
    const { channel, signal } = this.#options;
    channel
      .send(member.peer.public.id, this.#context('online'), { type: 'ONLINE_CHECK' }, { timeoutMs, signal })
      .catch(() => undefined); // silence is an answer too
  }

  /**
   * Sends the task to `members` and waits for their decision. Returning pods get the same request later.
   * @param awaited - Of `members`; the others may answer whenever they do. @default all of them
   */
  async admit(
    members: readonly Member[],
    request: (member: Member) => MessageOf<'JOB_REQUEST'>,
    deadlineMs: number,
    awaited: readonly Member[] = members,
  ): Promise<void> {
    this.#request = request;
    this.#askedAtStart = new Set(members);
    for (const member of members) this.#invite(member, request, deadlineMs);
    const { missing } = await this.gather(
      awaited,
      (_member, _context, message) =>
        message.type === 'JOB_ACCEPT' || message.type === 'JOB_REJECT' || message.type === 'JOB_QUEUED'
          ? true
          : undefined,
      deadlineMs,
    );
    for (const [name, reason] of missing)
      if (this.get(name).state === 'invited' && !this.get(name).queued)
        this.#setState(this.get(name), 'lost', `TASK_TIMEOUT: ${reason}`);
  }

  /** Resolves when `minimum` pods take part, or nobody is left in whose queue the run could come up. */
  async untilEnough(minimum: number): Promise<void> {
    const { signal } = this.#options;
    const isDecided = (): boolean =>
      this.active().length >= minimum || !this.all().some(({ queued, state }) => queued && state === 'invited');
    if (isDecided()) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!isDecided() && !signal.aborted) return;
        stop();
        signal.removeEventListener('abort', check);
        resolve();
      };
      const stop = this.listen({ onMessage: check, onLost: check });
      signal.addEventListener('abort', check, { once: true });
      check();
    });
    throwIfCancelled(signal);
  }

  /** Invites every pod again that is present but not taking part; it becomes active when it accepts. */
  readmit(): void {
    const now = this.#options.clock.now();
    for (const member of this.all()) {
      const undecided = member.invitedAt !== null && now - member.invitedAt < READMIT_MS;
      if (!this.#request || !member.present || undecided || member.queued) continue;
      if (member.state !== 'lost' && member.state !== 'invited') continue;
      if (!this.#askedAtStart.has(member) && !this.#options.lateJoin) continue;
      if (member.dataset === '') {
        // which dataset it is to be asked for, it has to say first
        this.#ask(member, READMIT_MS);
        continue;
      }
      this.#setState(member, 'invited', 'invited again');
      this.#invite(member, this.#request, READMIT_MS);
    }
  }

  /** Tells every pod that took part that the run is over. Resolves when all know or the time is up. */
  async dismiss(message: MessageOf<'TASK_COMPLETE' | 'TASK_ABORT'>, timeoutMs: number): Promise<void> {
    const context = this.#context('end');
    await Promise.all(
      this.all()
        .filter(({ state }) => state === 'active' || state === 'invited')
        .map(async (member) => {
          await this.#options.channel
            .send(member.peer.public.id, context, message, { timeoutMs })
            .catch(() => undefined);
          if (member.state === 'active' && message.type === 'TASK_COMPLETE') this.#setState(member, 'finished', '');
        }),
    );
  }

  #invite(member: Member, request: (member: Member) => MessageOf<'JOB_REQUEST'>, timeoutMs: number): void {
    member.invitedAt = this.#options.clock.now();
    this.#options.channel
      .send(member.peer.public.id, this.#context('admission'), request(member), {
        timeoutMs,
        signal: this.#options.signal,
      })
      .catch((error: unknown) => {
        if (member.state !== 'invited' || this.#options.signal.aborted) return;
        this.#setState(member, 'lost', messageOf(error));
        for (const waiter of this.#waiters) waiter.onLost(member);
      });
  }

  #context(phase: string): Context {
    return { run: this.#options.runId, round: 0, phase };
  }

  #onMessage(from: PeerId, context: Context, message: Message): void {
    const member = this.#byPeer.get(from);
    if (!member || context.run !== this.#options.runId) return;
    member.present = true;
    if (message.type === 'JOB_ACCEPT' && (member.state === 'invited' || member.state === 'lost')) {
      member.continues = message.continues ?? false;
      this.#setState(member, 'active', '');
    }
    if (message.type === 'ONLINE_RESPONSE' && this.#request && member.dataset === '') {
      member.dataset = message.datasets[0]?.name ?? member.name;
      this.readmit();
    }
    const wasActive = member.state === 'active';
    if (message.type === 'JOB_QUEUED' && (wasActive || member.state === 'invited' || member.state === 'lost')) {
      this.#setState(member, 'invited', message.paused ? 'paused by its site' : `queued, position ${message.position}`);
      member.queued = true;
    }
    if (message.type === 'JOB_REJECT')
      this.#setState(member, 'rejected', printable(`${message.response}: ${message.reason}`));
    for (const waiter of this.#waiters) waiter.onMessage(member, context, message);
    if (message.type === 'TASK_ABORT' && wasActive) {
      const isForGood = message.reason !== 'UNKNOWN_RUN'; // a pod without the run may be asked to take part anew
      this.#setState(member, isForGood ? 'left' : 'lost', printable(`${message.reason}: ${message.message}`));
    }
    // whatever it was asked for, it will not answer any more
    if (wasActive && member.state !== 'active') for (const waiter of this.#waiters) waiter.onLost(member);
  }

  #onRestart(peer: PeerId): void {
    const member = this.#byPeer.get(peer);
    if (member) this.lose(member, 'pod restarted');
  }

  #onPresence(member: Member, up: boolean): void {
    member.present = up;
    if (up) return;
    this.#options.clock.after(GONE_GRACE_MS, () => {
      if (!member.present && this.#linkUp) this.lose(member, 'connection to the pod lost');
    });
  }

  #linkUp = true;
  /** While our own link is down, everybody seems gone; that says nothing about them. */
  setLinkUp(up: boolean): void {
    this.#linkUp = up;
  }

  #setState(member: Member, state: MemberState, reason: string): void {
    if (member.state === state && member.reason === reason) return;
    member.state = state;
    member.reason = reason;
    if (state !== 'invited') {
      member.invitedAt = null;
      member.queued = false;
    }
    this.#options.emit({ type: 'member', pod: member.name, state, reason });
  }
}

/** Who is not taking part and why, for an error's message. */
export function describeAbsent(members: readonly Member[]): string {
  const absent = members.filter(({ state }) => state !== 'active');
  return absent.map(({ name, state, reason }) => `${name} ${state}${reason ? ` (${reason})` : ''}`).join(', ');
}
