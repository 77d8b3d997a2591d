/**
 * A cohort whose messages, pods and coordinator do anything at all, one step at a time, and what must hold after each.
 * The last `session.colluding` pods are the coordinator's: they behave, but sign for them whatever it likes, and it knows
 * all shares that were dealt to them.
 * @module
 */
import { expect } from 'vitest';
import type { Session } from '../../../src/aggregation/index.ts';
import { hashSurvivors } from '../../../src/aggregation/secure/checks.ts';
import { drawGraph } from '../../../src/aggregation/secure/graph.ts';
import {
  type Bodies,
  COORDINATOR,
  encodeMessage,
  peekMessage,
  rereadMessage,
} from '../../../src/aggregation/secure/messages.ts';
import { toHex } from '../../../src/base/index.ts';
import { sha256 } from '../../../src/crypto/index.ts';
import {
  type Cohort,
  type Delivery,
  deliverToPod,
  deliverToServer,
  identityOf,
  lengthOf,
  makeCohort,
  maskNext,
  nonceOf,
  plainSum,
  seededBytes,
  takePodOutputs,
} from '../../support/secaggCohort.ts';
import type { Code } from './attack.ts';

/** Pods by the kind of share they released. */
type Releasers = Record<'self' | 'key', Set<number>>;

export class WorldOfMessages {
  readonly cohort: Cohort;
  /** Release messages of each pod, as the coordinator has seen them. */
  readonly #released = new Map<string, Set<string>>();
  /** Holders that released each kind of share of each pod. */
  readonly #shares = new Map<number, Releasers>();
  /** Signatures under lists of survivors, by list and pod. */
  readonly #signed = new Map<string, Map<number, Uint8Array>>();
  readonly #holders: readonly (readonly number[])[];
  #seen = 0;
  #restarts = 0;

  /** @param code what pods and coordinator run. @default the code as it is */
  constructor(session: Session, code?: Code) {
    this.cohort = makeCohort(session, 'cohort', {}, code);
    this.cohort.isMasking = false;
    this.#holders = drawGraph(
      session,
      session.roster.map(({ name }) => nonceOf(name, session.attempt)),
    );
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
    const { session, clients, machines, toMask } = this.cohort;
    for (const [i, { pod: masking }] of [...toMask.entries()].reverse()) if (masking === pod) toMask.splice(i, 1);
    const config = { session, self: pod, identity: identityOf(pod), nonce: nonceOf(pod, session.attempt) };
    const started = machines.startClient(config, seededBytes(`restart ${this.#restarts++}`));
    clients.set(pod, started.state);
    takePodOutputs(this.cohort, pod, started.outputs);
    this.check();
  }

  /** A pod's vector is masked; it takes its time, and requests come meanwhile. */
  mask(i: number): void {
    maskNext(this.cohort, i % Math.max(1, this.cohort.toMask.length));
    this.check();
  }

  /** A coordinator that tells some pods another survivor list than it tells the others. */
  tellOtherSurvivors(pods: readonly string[], without: number): void {
    const { session, server } = this.cohort;
    const body = {
      uploads: [...server.accepted.upload]
        .filter(([index]) => index !== without)
        .sort(([a], [b]) => a - b)
        .map(([index, manifest]) => ({ pod: index, manifestHash: sha256(manifest) })),
    };
    this.#collude(body);
    const survivors = encodeMessage(session, 'survivors', COORDINATOR, identityOf('coordinator'), body);
    for (const pod of pods) this.tell(pod, survivors);
    this.check();
  }

  /** … and shows each of them the signatures there are for the list it signed. */
  tellProof(pods: readonly string[]): void {
    const { session } = this.cohort;
    for (const pod of pods) {
      const own = session.roster.findIndex(({ name }) => name === pod);
      const list = [...this.#signed.values()].find((signatures) => signatures.has(own)) ?? new Map();
      const messages = [...list].sort(([a], [b]) => a - b).map(([, bytes]) => bytes as Uint8Array);
      this.tell(pod, encodeMessage(session, 'proof', COORDINATOR, identityOf('coordinator'), { messages }));
    }
    this.check();
  }

  /** Some pods are told a list without one of them, the others the true one; all are shown the signatures there are. */
  split(pods: readonly string[], without: number): void {
    this.tellOtherSurvivors(pods, without);
    this.cohort.toPods = this.cohort.toPods.filter(({ to }) => !pods.includes(to));
    this.advancePods();
    this.tellProof(this.names);
  }

  /** Colluding pods sign any list they are on. */
  #collude(body: Bodies['survivors']): void {
    const { session } = this.cohort;
    const survivorsHash = hashSurvivors(session, body);
    for (const { pod } of body.uploads)
      if (this.#isColluding(pod)) {
        const { name } = session.roster[pod]!;
        this.#keep(pod, survivorsHash, encodeMessage(session, 'consistency', pod, identityOf(name), { survivorsHash }));
      }
  }

  #isColluding(pod: number): boolean {
    const { n, colluding } = this.cohort.session;
    return pod >= n - colluding;
  }

  #keep(pod: number, survivorsHash: Uint8Array, signature: Uint8Array): void {
    const key = toHex(survivorsHash);
    this.#signed.set(key, (this.#signed.get(key) ?? new Map<number, Uint8Array>()).set(pod, signature));
  }

  /** All requests arrive, and all vectors are masked. */
  advancePods(): void {
    for (const { to, bytes } of this.cohort.toPods.splice(0)) this.tell(to, bytes);
    this.check();
    while (this.cohort.toMask.length > 0) maskNext(this.cohort);
    this.check();
  }

  /** Everything on its way arrives, and the phase ends. */
  advance(): void {
    this.advancePods();
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
    for (const [pod, { self, key }] of this.#shares) {
      const colluders = this.#holders[pod]!.filter((holder) => this.#isColluding(holder)).length;
      const known = (releasers: Set<number>): number =>
        colluders + [...releasers].filter((holder) => !this.#isColluding(holder)).length;
      expect(known(self) >= session.t && known(key) >= session.t, `both secrets of pod ${pod}`).toBe(false);
      for (const holder of self) expect(key.has(holder)).toBe(false);
    }
  }

  /** What the coordinator sees of a message a pod has sent, whether or not it is delivered. */
  #see(from: string, bytes: Uint8Array): void {
    const { type, sender } = peekMessage(bytes);
    if (type === 'consistency') this.#keep(sender, rereadMessage('consistency', bytes).survivorsHash, bytes);
    if (type !== 'release') return;
    const known = this.#released.get(from) ?? new Set();
    this.#released.set(from, known.add(Buffer.from(bytes).toString('base64')));
    for (const { of, kind } of rereadMessage('release', bytes).shares) {
      const kinds = this.#shares.get(of) ?? { self: new Set(), key: new Set() };
      kinds[kind].add(sender);
      this.#shares.set(of, kinds);
    }
  }
}
