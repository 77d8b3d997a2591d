/**
 * A pod that follows the protocol to the letter and shows the coordinator all its secrets afterwards: honest but curious.
 * @module
 */
import {
  type ClientOutput,
  type ClientState,
  type PodInput,
  packLanes,
  type Session,
  shapeOf,
  startClient,
  stepClient,
  toWire,
  type VectorSpec,
} from '../../../src/aggregation/index.ts';
import { type MaskingPod, pairMask } from '../../../src/aggregation/secure/masks.ts';
import type { Bodies } from '../../../src/aggregation/secure/messages.ts';
import { openShares, type SharePair } from '../../../src/aggregation/secure/sharing.ts';
import {
  agreementKeyOf,
  type KeyPair,
  type MaskKey,
  type MaskPool,
  randomBytes,
  SECRET_BYTES,
  sha256,
} from '../../../src/crypto/index.ts';

/** What the pod works from. */
export interface ColludingPodOptions {
  readonly session: Session;
  readonly self: string;
  readonly identity: KeyPair;
  readonly input: PodInput;
  readonly spec: VectorSpec;
  readonly pool: MaskPool;
  readonly send: (body: Uint8Array, vector?: Uint8Array) => void;
  readonly onError: (error: unknown) => void;
}

/** Places of the secrets that a client draws, in its order: the seeds of dealing and self mask, then both keys. */
const [MASK_KEY, CHANNEL_KEY] = [2, 3] as const;

/** One sum of such a pod. */
export class ColludingPod {
  readonly index: number;
  readonly #options: ColludingPodOptions;
  /** Copies: the client wipes its own. */
  readonly #kept: Uint8Array[] = [];
  #state: ClientState | null = null;
  #vector: Uint8Array | null = null;

  constructor(options: ColludingPodOptions) {
    this.#options = options;
    this.index = options.session.roster.findIndex(({ name }) => name === options.self);
  }

  open(): void {
    const { session, self, identity } = this.#options;
    const draw = (length: number): Uint8Array => {
      const secret = randomBytes(length);
      this.#kept.push(secret.slice());
      return secret;
    };
    this.#take(startClient({ session, self, identity }, draw));
  }

  receive(bytes: Uint8Array): void {
    this.#take(stepClient(this.#state!, { type: 'message', bytes }));
  }

  /** The mask this pod has in common with `peer`, as this pod applies it. */
  maskWith(peer: number, peerKey: Uint8Array): MaskKey {
    const own: MaskingPod = { index: this.index, keys: agreementKeyOf(this.#kept[MASK_KEY]!.slice()) };
    return pairMask(this.#options.session, own, peer, peerKey);
  }

  /** The shares that `dealer` dealt to this pod. */
  sharesOf(dealer: number, dealerKey: Uint8Array, entry: Bodies['shares']['entries'][number]): SharePair | null {
    const channel = agreementKeyOf(this.#kept[CHANNEL_KEY]!.slice());
    return openShares(this.#options.session, this.index, channel, dealer, dealerKey, entry);
  }

  #take({ state, outputs }: { readonly state: ClientState; readonly outputs: readonly ClientOutput[] }): void {
    this.#state = state;
    const { send, onError } = this.#options;
    for (const output of outputs)
      if (output.type === 'send') send(output.bytes);
      else if (output.type === 'upload') send(output.manifest, this.#vector!);
      else if (output.type === 'mask') this.#mask(output.masks).catch(onError);
      else onError(output.error);
  }

  async #mask(masks: readonly MaskKey[]): Promise<void> {
    const { input, spec, pool } = this.#options;
    const lanes = packLanes(input, spec, { seed: randomBytes(SECRET_BYTES) });
    await pool.applyMasks(lanes, shapeOf(spec), masks);
    this.#vector = toWire(lanes, spec).slice();
    this.#take(stepClient(this.#state!, { type: 'masked', sha256: sha256(this.#vector) }));
  }
}
