/**
 * Whether the coordinators of runs are there: how long a run is kept without its own. The broker's word that one has left
 * is a hint; that one was restarted is certain, for its messages say so.
 * @module
 */
import type { Channel, Clock } from '../transport/index.ts';

/** Is a run's coordinator there? */
export class CoordinatorWatch {
  readonly #clock: Clock;
  readonly #onGone: (reason: string) => void;
  #isOrphan = false;
  #isAway = false;
  #cancelGrace: (() => void) | null = null;

  /** @param onGone - Called when it has been away for longer than the grace time of {@link restarted} or {@link presence}. */
  constructor(clock: Clock, onGone: (reason: string) => void) {
    this.#clock = clock;
    this.#onGone = onGone;
  }

  /** The coordinator has started anew and has not spoken of the run since. */
  get isOrphan(): boolean {
    return this.#isOrphan;
  }

  /** Nobody is there who would hear an answer. */
  get isGone(): boolean {
    return this.#isOrphan || this.#isAway;
  }

  /** The coordinator speaks of the run: it is there, and knows of it. */
  heard(): void {
    [this.#isOrphan, this.#isAway] = [false, false];
    this.close();
  }

  /** The coordinator has lost its memory. It may have written the run down, and go on with it. */
  restarted(graceMs: number): void {
    this.#isOrphan = true;
    this.#start(graceMs, 'the coordinator restarted and did not go on with the run');
  }

  /** Something that it has to know did not reach it. */
  missed(graceMs: number): void {
    this.#start(graceMs, 'the coordinator was not there to hear that this pod takes part');
  }

  /**
   * What the broker says.
   * @returns whether the coordinator is back. It may be another process than before: whether that still knows this pod shows
   *   when it gets a message.
   */
  presence(isPresent: boolean, graceMs: number): boolean {
    const wasAway = this.#isAway;
    this.#isAway = !isPresent;
    if (!isPresent) this.#start(graceMs, 'the coordinator was away for too long');
    // somebody is there with its key; that it goes on with this run is another matter
    const isBack = isPresent && wasAway && !this.#isOrphan;
    if (isBack) this.close();
    return isBack;
  }

  /** The run is over. */
  close(): void {
    this.#cancelGrace?.();
    this.#cancelGrace = null;
  }

  #start(graceMs: number, reason: string): void {
    this.#cancelGrace ??= this.#clock.after(graceMs, () => this.#onGone(reason));
  }
}

/** Presence of several peers, each asked for once. */
export class PresenceOf {
  readonly #channel: Channel;
  readonly #watched = new Set<string>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** From now on calls `listener` when `peer` comes or goes; once for each peer. @throws KonsilError BROKER_REFUSED. */
  async watch(peer: string, listener: (isPresent: boolean) => void): Promise<void> {
    if (this.#watched.has(peer)) return;
    this.#watched.add(peer);
    try {
      await this.#channel.watchPresence(peer, listener);
    } catch (error) {
      this.#watched.delete(peer);
      throw error;
    }
  }
}
