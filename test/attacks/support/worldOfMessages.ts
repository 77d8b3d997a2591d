/**
 * A cohort whose messages, pods and coordinator do anything at all, one step at a time, and what must hold after each.
 * @module
 */
import { expect } from 'vitest';
import { startClient } from '../../../src/aggregation/index.ts';
import { COORDINATOR, encodeMessage, peekMessage, rereadMessage } from '../../../src/aggregation/secure/messages.ts';
import { sha256 } from '../../../src/crypto/index.ts';
import {
  type Cohort,
  type Delivery,
  deliverToPod,
  deliverToServer,
  identityOf,
  lengthOf,
  makeCohort,
  nonceOf,
  plainSum,
  seededBytes,
  takePodOutputs,
  testSession,
} from '../../support/secaggCohort.ts';

export class WorldOfMessages {
  readonly cohort: Cohort;
  /** Release messages of each pod, as the coordinator has seen them. */
  readonly #released = new Map<string, Set<string>>();
  /** Holders that released each kind of share of each pod. */
  readonly #shares = new Map<number, Record<'self' | 'key', Set<string>>>();
  #seen = 0;
  #restarts = 0;

  constructor(...session: Parameters<typeof testSession>) {
    this.cohort = makeCohort(testSession(...session));
  }

  get names(): string[] {
    return this.cohort.session.roster.map(({ name }) => name);
  }

  /** Takes the i-th message on its way to the coordinator; a copy stays when `keeps`. */
  toServer(i: number, keeps = false, change: (event: Delivery) => Delivery | null = (event) => event): void {
    const { toServer } = this.cohort;
    const at = i % Math.max(1, toServer.length);
    const event = keeps ? toServer[at] : toServer.splice(at, 1)[0];
    const altered = event && change(event);
    if (altered) this.deliver(altered);
    this.check();
  }

  /** As {@link toServer}, for messages to pods. */
  toPod(i: number, keeps = false, change: (bytes: Uint8Array) => Uint8Array | null = (bytes) => bytes): void {
    const { toPods } = this.cohort;
    const at = i % Math.max(1, toPods.length);
    const message = keeps ? toPods[at] : toPods.splice(at, 1)[0];
    const bytes = message && change(message.bytes);
    if (bytes) this.tell(message.to, bytes);
    this.check();
  }

  deliver(event: Delivery): void {
    const isOver = this.cohort.server.phase === 'done' || this.cohort.server.phase === 'failed';
    const outputs = deliverToServer(this.cohort, event);
    if (isOver) expect(outputs).toEqual([]);
  }

  tell(pod: string, bytes: Uint8Array): void {
    const { phase } = this.cohort.clients.get(pod)!;
    const outputs = deliverToPod(this.cohort, pod, bytes);
    if (phase === 'aborted') expect(outputs).toEqual([]);
  }

  /** The pod starts anew: its state is lost, it makes other keys. */
  restart(pod: string): void {
    const { session, clients } = this.cohort;
    const config = { session, self: pod, identity: identityOf(pod), nonce: nonceOf(pod, session.attempt) };
    const started = startClient(config, seededBytes(`restart ${this.#restarts++}`));
    clients.set(pod, started.state);
    takePodOutputs(this.cohort, pod, started.outputs);
    this.check();
  }

  /** A coordinator that tells `pod` another survivor list than it tells the others. */
  tellOtherSurvivors(pod: string, without: number): void {
    const { session, server } = this.cohort;
    const uploads = [...server.accepted.upload]
      .filter(([index]) => index !== without)
      .sort(([a], [b]) => a - b)
      .map(([index, manifest]) => ({ pod: index, manifestHash: sha256(manifest) }));
    this.tell(pod, encodeMessage(session, 'survivors', COORDINATOR, identityOf('coordinator'), { uploads }));
    this.check();
  }

  /** … and shows it whatever signatures there are. */
  tellProof(pod: string): void {
    const { session, server, toServer } = this.cohort;
    const waiting = toServer.flatMap((event) => (event.type === 'message' ? [event.bytes] : []));
    const messages = [...server.accepted.sign.values(), ...waiting]
      .filter((bytes) => peekMessage(bytes).type === 'consistency')
      .sort((a, b) => peekMessage(a).sender - peekMessage(b).sender);
    this.tell(pod, encodeMessage(session, 'proof', COORDINATOR, identityOf('coordinator'), { messages }));
    this.check();
  }

  /** Everything on its way arrives, and the phase ends. */
  advance(): void {
    for (const { to, bytes } of this.cohort.toPods.splice(0)) this.tell(to, bytes);
    this.check();
    for (const event of this.cohort.toServer.splice(0)) this.deliver(event);
    this.deliver({ type: 'close' });
    this.check();
  }

  check(): void {
    const { session, reports, toServer } = this.cohort;
    for (const event of toServer) if (event.type === 'message') this.#see(event.from, event.bytes);
    const sums = reports.filter((report) => report.type === 'sum');
    const failures = reports.filter((report) => report.type === 'failed');
    expect(sums.length + failures.length).toBeLessThanOrEqual(1);
    for (const { words, survivors } of sums.slice(this.#seen)) {
      expect(survivors.length).toBeGreaterThanOrEqual(session.minSurvivors);
      expect(words).toEqual(plainSum(survivors, lengthOf(session)));
    }
    this.#seen = sums.length;
    for (const messages of this.#released.values()) expect(messages.size).toBeLessThanOrEqual(1);
    const { t, colluding } = session;
    for (const { self, key } of this.#shares.values()) {
      // nobody gets both, not even with colluders who hold both kinds
      expect(self.size >= t && key.size + colluding >= t).toBe(false);
      expect(key.size >= t && self.size + colluding >= t).toBe(false);
      for (const holder of self) expect(key.has(holder)).toBe(false);
    }
  }

  /** What the coordinator sees of a message a pod has sent, whether or not it is delivered. */
  #see(from: string, bytes: Uint8Array): void {
    if (peekMessage(bytes).type !== 'release') return;
    const known = this.#released.get(from) ?? new Set();
    this.#released.set(from, known.add(Buffer.from(bytes).toString('base64')));
    for (const { of, kind } of rereadMessage('release', bytes).shares) {
      const kinds = this.#shares.get(of) ?? { self: new Set(), key: new Set() };
      kinds[kind].add(from);
      this.#shares.set(of, kinds);
    }
  }
}
