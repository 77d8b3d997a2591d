/**
 * What the adversary has gathered of one pod, and the mathematics it does with it: rebuilds b_u and the mask key from
 * shares, recomputes every mask and takes them off the pod's masked vector.
 * @module
 */
import type { MaskKey } from '../../../src/crypto/index.ts';
import type { Outcome } from './attack.ts';
import type { Pod, Scene } from './scene.ts';

/** Kinds of share. */
type Kind = 'self' | 'key';

export class Loot {
  readonly #scene: Scene;
  readonly #victim: number;
  readonly #shares: Record<Kind, Map<number, Uint8Array>> = { self: new Map(), key: new Map() };
  /** Mask secrets of other pods that the adversary has, by index. */
  readonly maskSecrets = new Map<number, Uint8Array>();
  selfSeed: Uint8Array | null = null;
  maskSecret: Uint8Array | null = null;
  /** How many shares rebuild a secret; the adversary may know of a lower one. */
  threshold: number;

  constructor(scene: Scene, victim: number = scene.victim.index) {
    this.#scene = scene;
    this.#victim = victim;
    this.threshold = scene.session.t;
  }

  /** A share of the victim's, by its holder. */
  add(kind: Kind, holder: number, share: Uint8Array): void {
    this.#shares[kind].set(this.#scene.code.pointAt(holder), share);
  }

  /** Shares of the victim's that pods released. */
  addReleased(from: number, released = this.#scene.released.get(from)): void {
    for (const { of, kind, share } of released?.shares ?? []) if (of === this.#victim) this.add(kind, from, share);
  }

  /** What the victim dealt to the colluding pods, opened with their channel keys. */
  addDealtToColluders(): void {
    for (const holder of this.#scene.corrupt) this.open(holder, this.#scene.pods[holder]!);
  }

  /** What the victim dealt to `holder`, opened with the channel key that `pod` has. */
  open(holder: number, pod: Pod, session = this.#scene.session): boolean {
    const { code, adverts, dealt } = this.#scene;
    const entry = dealt.get(this.#victim)!.entries.find((candidate) => candidate.pod === holder)!;
    const { channelKey } = this.#scene.read('advertise', adverts.get(this.#victim)!);
    const channel = code.agreementKeyOf(channelSecretOf(pod));
    const pair = code.openShares(session, holder, channel, this.#victim, channelKey, entry);
    if (pair === null) return false;
    this.add('self', holder, pair.self);
    this.add('key', holder, pair.key);
    return true;
  }

  count(kind: Kind): number {
    return this.#shares[kind].size;
  }

  /** The secret, from any `threshold` of the shares gathered. */
  rebuilt(kind: Kind): Uint8Array | null {
    const known = kind === 'self' ? this.selfSeed : this.maskSecret;
    if (known) return known;
    const shares = [...this.#shares[kind]].slice(0, this.threshold);
    if (shares.length < this.threshold) return null;
    return this.#scene.code.reconstructor(shares.map(([point]) => point))(shares.map(([, share]) => share));
  }

  /** The victim's plain vector, or null when something is missing. `members`: whom it masked with. */
  unmasked(members: Iterable<number> = this.#scene.dealt.keys(), hasSelfMask = true): Uint32Array | null {
    const { code, session, pods } = this.#scene;
    const selfSeed = this.rebuilt('self');
    const maskSecret = this.rebuilt('key');
    const { masked } = pods[this.#victim]!;
    if ((!selfSeed && hasSelfMask) || !masked) return null;
    const masks = hasSelfMask ? [code.selfMask(session, selfSeed!, -1)] : [];
    for (const peer of members) {
      if (peer === this.#victim) continue;
      const secret = this.maskSecrets.get(peer);
      const publicKey = new Uint8Array(32); // of no use to a key agreement
      if (secret) {
        const own = { index: peer, keys: { secret, publicKey } };
        masks.push(code.pairMask(session, own, this.#victim, this.#scene.maskKeyOf(this.#victim)));
      } else if (maskSecret) {
        const own = { index: this.#victim, keys: { secret: maskSecret, publicKey } };
        const mask = code.pairMask(session, own, peer, this.#scene.maskKeyOf(peer));
        masks.push({ key: mask.key, sign: mask.sign === 1 ? -1 : 1 });
      } else return null;
    }
    return wordsWithout(this.#scene, masked, masks);
  }

  /** Whether the plain vector is in the adversary's hands. */
  outcome(code: Outcome['code'] = null, members?: Iterable<number>, hasSelfMask = true): Outcome {
    const plain = this.unmasked(members, hasSelfMask);
    const { input } = this.#scene.pods[this.#victim]!;
    return { succeeded: plain !== null && plain.every((word, i) => word === input[i]), code };
  }
}

/** Words of a vector with masks applied. */
export function wordsWithout({ code, session }: Scene, masked: Uint8Array, masks: readonly MaskKey[]): Uint32Array {
  const lanes = new Uint8Array(code.shapeBytes(session.shape));
  lanes.set(masked);
  code.applyMasks(lanes, session.shape, masks);
  return new Uint32Array(lanes.slice(0, session.wireBytes).buffer);
}

/** b_u and the mask secret among what a pod drew. */
export function secretsIn(drawn: readonly Uint8Array[]): {
  readonly selfSeed: Uint8Array;
  readonly maskSecret: Uint8Array;
} {
  return { selfSeed: drawn[1]!, maskSecret: drawn[2]! };
}

const channelSecretOf = ({ kept }: Pod): Uint8Array => kept[3]!;
