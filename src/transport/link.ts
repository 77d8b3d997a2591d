/**
 * What carries bytes: publish and subscribe, nothing else. Two implementations (MQTT, in memory) pass one contract
 * suite. A link may lose, repeat, reorder and forge messages; everything above it assumes that it does.
 * @module
 */

/** A connection to a broker. */
export interface Link {
  /** Resolves when the bytes left (not when anyone received them). While disconnected, publishing is dropped. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Delivers every payload published to `topic`. @throws KonsilError BROKER_REFUSED when the broker says no. */
  subscribe(topic: string, onPayload: (payload: Uint8Array) => void): Promise<void>;
  /** Called on each change of the connection; immediately with the present state. */
  onConnection(listener: (connected: boolean) => void): void;
  /** Leaves cleanly. */
  close(): Promise<void>;
  /** Is gone as in a power cut: nothing more is sent or delivered, and the broker gives out the will. */
  cut(): void;
}

/** Presence: what a link publishes (retained) to say that its owner is there, and what its last will says. */
export const PRESENT = Uint8Array.of(1);
export const ABSENT = Uint8Array.of(0);

/** Time, as an argument: real in programs, virtual in tests. Milliseconds on a monotonic scale; wall clocks are never compared. */
export interface Clock {
  now(): number;
  /** Calls `callback` once after `delayMs`; the result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The real monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
