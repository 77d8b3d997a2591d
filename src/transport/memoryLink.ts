/**
 * Links inside one process, with the faults of a bad broker on demand: loss, duplication, reordering, forgery,
 * disconnection. Delivery is asynchronous (a microtask later) as over a network.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { ABSENT, type Link, PRESENT } from './link.ts';

/** What to do with one published payload: the payloads to deliver instead, in order. Default: itself, once. */
export type Interceptor = (topic: string, payload: Uint8Array) => readonly Uint8Array[];

/** One payload on its way to one subscriber. */
export interface Journey {
  readonly payload: Uint8Array;
  /** Null when the broker itself says it, as a will or a retained message. */
  readonly from: MemoryLink | null;
  readonly to: MemoryLink;
}

/** Carries a payload: calls `hand` when it arrives, once, never or often. Default: a microtask later, once. */
export type Carrier = (journey: Journey, hand: (payload: Uint8Array) => void) => void;

interface Subscription {
  readonly owner: MemoryLink;
  readonly onPayload: (payload: Uint8Array) => void;
}

/** An in-memory broker; every link made by {@link MemoryBroker.connect} meets the others on it. */
export class MemoryBroker {
  readonly #subscriptions = new Map<string, Subscription[]>();
  readonly #retained = new Map<string, Uint8Array>();
  readonly #links = new Set<MemoryLink>();
  /** Everything ever published, as somebody subscribed to `#` would see it; empty where it is not kept. */
  readonly log: { readonly topic: string; readonly payload: Uint8Array }[] = [];
  readonly #keepLog: boolean;
  /** Tampers with traffic; see {@link Interceptor}. */
  intercept: Interceptor = (_topic, payload) => [payload];
  /** Delays, loses or changes what travels; see {@link Carrier}. */
  carry: Carrier = ({ payload }, hand) => queueMicrotask(() => hand(payload));
  #up = true;

  /** @param keepLog - A log of a long run is all its traffic, in memory. @default true */
  constructor({ keepLog = true }: { readonly keepLog?: boolean } = {}) {
    this.#keepLog = keepLog;
  }

  /** A link whose presence is kept on `presence` (retained), as a last will does. */
  connect(presence: string): MemoryLink {
    if (!this.#up) throw new KonsilError('BROKER_UNREACHABLE', 'memory broker is down');
    const link = new MemoryLink(this, presence);
    this.#links.add(link);
    link.setConnected(true);
    return link;
  }

  /** Drops every connection (wills fire) and refuses traffic until {@link start}. */
  stop(): void {
    for (const link of this.#links) link.setConnected(false);
    this.#up = false;
    this.#retained.clear();
  }

  /** Comes back without memory, as a restarted broker does; links reconnect. */
  start(): void {
    this.#up = true;
    for (const link of this.#links) link.setConnected(true);
  }

  /** @internal */
  deliver(topic: string, payload: Uint8Array, retain: boolean, from: MemoryLink | null = null): void {
    if (!this.#up) return;
    if (this.#keepLog) this.log.push({ topic, payload });
    if (retain) this.#retained.set(topic, payload);
    for (const bytes of this.intercept(topic, payload))
      for (const subscription of this.#subscriptions.get(topic) ?? []) this.#send(subscription, bytes, from);
  }

  /** @internal */
  addSubscription(topic: string, subscription: Subscription): void {
    const list = this.#subscriptions.get(topic) ?? [];
    list.push(subscription);
    this.#subscriptions.set(topic, list);
    const retained = this.#retained.get(topic);
    if (retained) this.#send(subscription, retained, null);
  }

  /** @internal */
  remove(link: MemoryLink): void {
    this.#links.delete(link);
    for (const [topic, list] of this.#subscriptions)
      this.#subscriptions.set(
        topic,
        list.filter((s) => s.owner !== link),
      );
  }

  #send({ owner, onPayload }: Subscription, payload: Uint8Array, from: MemoryLink | null): void {
    this.carry({ payload, from, to: owner }, (arrived) => {
      if (this.#up && owner.connected) onPayload(arrived.slice());
    });
  }
}

/** One client of a {@link MemoryBroker}. */
export class MemoryLink implements Link {
  readonly #broker: MemoryBroker;
  readonly #presence: string;
  readonly #listeners: ((connected: boolean) => void)[] = [];
  connected = false;

  constructor(broker: MemoryBroker, presence: string) {
    this.#broker = broker;
    this.#presence = presence;
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    if (this.connected) this.#broker.deliver(topic, payload, false, this);
  }

  async subscribe(topic: string, onPayload: (payload: Uint8Array) => void): Promise<void> {
    this.#broker.addSubscription(topic, { owner: this, onPayload });
  }

  onConnection(listener: (connected: boolean) => void): void {
    this.#listeners.push(listener);
    listener(this.connected);
  }

  /** Cuts or restores this link alone; the broker publishes the will when it is cut. */
  setConnected(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.#broker.deliver(this.#presence, connected ? PRESENT : ABSENT, true, null);
    for (const listener of this.#listeners) listener(connected);
  }

  async close(): Promise<void> {
    this.cut();
  }

  cut(): void {
    this.setConnected(false);
    this.#broker.remove(this);
  }
}
