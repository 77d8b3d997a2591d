/**
 * The network between parties of one process: how long messages take, and what befalls them while a fault lasts.
 * @module
 */

import type { Carrier, Journey, MemoryBroker, MemoryLink } from '../../src/transport/index.ts';
import type { FaultKind } from '../scenario/schema.ts';
import type { VirtualClock } from '../virtualClock.ts';

/** What a message of a disorderly link may take longer. */
const REORDER_MS = 500;

/** Something that lasts on one link, or on all. */
export interface Condition {
  readonly kind: FaultKind;
  /** Null is every link. */
  readonly link: MemoryLink | null;
  readonly untilMs: number;
  readonly delayMs: number;
}

/** Passes bytes on again, long after their time. */
export interface Replay {
  readonly every: number;
  readonly afterMs: number;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly latencyMs: number;
  readonly replay?: Replay;
  /** Turns of the event loop that this message takes on top, as on a busy machine. For tests of repeatability. */
  readonly jitter?: () => number;
}

/** Carries what a {@link MemoryBroker} has to deliver. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #conditions = new Set<Condition>();
  readonly #sent = new Map<MemoryLink, number>();

  constructor(broker: MemoryBroker, options: NetworkOptions) {
    this.#options = options;
    broker.carry = this.#carry;
  }

  /** @returns what ends the condition. */
  add(condition: Condition): () => void {
    this.#conditions.add(condition);
    return () => void this.#conditions.delete(condition);
  }

  readonly #carry: Carrier = (journey, hand) => {
    const { clock, latencyMs, replay } = this.#options;
    const count = this.#count(journey.from);
    const { delayMs, copies, payload } = this.#suffer(journey, count);
    for (let i = 0; i < copies; i++) this.#deliver(latencyMs + delayMs, () => hand(payload));
    if (replay && journey.from && count % replay.every === 0) {
      const recorded = journey.payload.slice();
      clock.after(replay.afterMs, () => hand(recorded));
    }
  };

  #deliver(delayMs: number, arrive: () => void): void {
    const { clock, jitter } = this.#options;
    if (!jitter) return void clock.after(delayMs, arrive);
    const release = clock.hold();
    let turns = jitter();
    const wait = (): void => {
      if (turns-- > 0) return void setImmediate(wait);
      clock.after(delayMs, arrive);
      release();
    };
    wait();
  }

  /** Messages of a link so far, this one included. */
  #count(from: MemoryLink | null): number {
    if (!from) return 0;
    const count = (this.#sent.get(from) ?? 0) + 1;
    this.#sent.set(from, count);
    return count;
  }

  #suffer({ from, to, payload }: Journey, count: number): { delayMs: number; copies: number; payload: Uint8Array } {
    const nowMs = this.#options.clock.now();
    let [delayMs, copies, bytes] = [0, 1, payload];
    for (const { kind, link, untilMs, delayMs: more } of this.#conditions) {
      const isSender = from !== null && (link === null || link === from);
      const isReceiver = link === to;
      if (kind === 'hang' && (isSender || isReceiver)) delayMs = Math.max(delayMs, untilMs - nowMs);
      else if (kind === 'slow' && (isSender || isReceiver)) delayMs += more;
      else if (!isSender) continue;
      else if (kind === 'late') delayMs = Math.max(delayMs, untilMs - nowMs);
      else if (kind === 'duplicate') copies = 2;
      else if (kind === 'reorder') delayMs += count % 2 === 0 ? REORDER_MS : 0;
      else if (kind === 'corrupt') bytes = flipped(bytes);
    }
    return { delayMs, copies, payload: bytes };
  }
}

/** The bytes with one bit in the middle changed. */
function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  if (changed.length > 0) changed[changed.length >> 1]! ^= 1;
  return changed;
}
