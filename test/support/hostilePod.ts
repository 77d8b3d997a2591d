/**
 * A pod that speaks the wire protocol and does what a test tells it to: admitted like any other, then wrong in one way
 * after another.
 */
import { join } from 'node:path';
import { type Federation, hastyClock, type PodName } from '../../sim/federation.ts';
import { toHex } from '../../src/base/index.ts';
import { importPublic, MaskPool, randomBytes, sha256 } from '../../src/crypto/index.ts';
import { openDataset, problemOf } from '../../src/datasources/index.ts';
import { NonceChain, PodSum, perFeature, publicHash, sumSpec } from '../../src/protocols/index.ts';
import { fromWire, readPodConfig } from '../../src/tasks/index.ts';
import { Channel } from '../../src/transport/index.ts';
import { type BlobRef, type Context, type Message, type MessageOf, presenceTopic } from '../../src/wire/index.ts';

type Handler<T extends Message['type']> = (context: Context, message: MessageOf<T>) => void;

/** What it does with what it is asked; all optional. */
export interface Behaviour {
  /** The schema it claims to have. @default its real one */
  readonly schema?: string;
  /** @default it accepts */
  onRequest?: (context: Context) => void;
  onRound?: Handler<'ROUND_START'>;
  onOpen?: Handler<'SECURE_OPEN'>;
  onShare?: Handler<'SECURE_SHARE'>;
}

export class HostilePod {
  readonly #federation: Federation;
  readonly #name: PodName;
  readonly #channel: Channel;
  readonly #blobs = new Map<string, Uint8Array>();
  #request!: MessageOf<'JOB_REQUEST'>;
  #start!: MessageOf<'ROUND_START'>;
  readonly behaviour: Behaviour = {};

  private constructor(federation: Federation, name: PodName, channel: Channel) {
    this.#federation = federation;
    this.#name = name;
    this.#channel = channel;
  }

  static async open(federation: Federation, name: PodName, behaviour: Behaviour = {}): Promise<HostilePod> {
    const { identity, peers } = federation.world[name];
    const link = federation.broker.connect(presenceTopic(identity.public.id));
    const channel = await Channel.open({ link, identity, peers, clock: hastyClock });
    const config = await readPodConfig(join(federation.folder, `${name}.yaml`));
    const source = await openDataset(config.datasources[0]!);
    source.close();
    const pod = new HostilePod(federation, name, channel);
    Object.assign(pod.behaviour, { schema: JSON.stringify(source.schema) }, behaviour);
    channel.onMessage((_from, context, message) => pod.#onMessage(context, message));
    return pod;
  }

  send(context: Context, message: Message): void {
    const modeller = this.#federation.world.modeller.identity.public.id;
    this.#channel.send(modeller, context, message).catch(() => undefined); // the run is over
  }

  /** A reference to `bytes` that this pod will answer for with `served`, which need not be the same, or not at all. */
  offer(bytes: Uint8Array, served: Uint8Array | 'nothing' = bytes): BlobRef {
    const ref = { id: toHex(sha256(bytes)), bytes: bytes.length };
    if (served !== 'nothing') this.#blobs.set(ref.id, served);
    return ref;
  }

  /** Takes part in a sum of statistics like an honest pod, but announces a masked vector of `bytes` bytes. */
  joinStatistics(context: Context, bytes: number): PodSum {
    const task = fromWire(JSON.parse(this.#request.task));
    const { dataStructure } = task;
    const facts = {
      features: dataStructure.select.include!.length,
      ...{ parameters: 0, kind: problemOf(dataStructure).kind, classes: 2 },
    };
    const spec = sumSpec('statistics', facts, this.#start.secure!);
    const { identity } = this.#federation.world[this.#name];
    const zeros = (names: readonly string[]): Record<string, number> =>
      Object.fromEntries(names.map((name) => [name, 0]));
    return new PodSum({
      ...{ runId: context.run, round: context.round, purpose: 'statistics', self: this.#name, spec },
      identity: identity.signing,
      coordinator: this.#federation.world.modeller.identity.public.signing,
      members: new Map(
        this.#request.roster.map(({ name, public: line }) => [name, { name, publicKey: importPublic(line).signing }]),
      ),
      minimumCohort: task.aggregator.minimumCohort,
      publicHash: publicHash({
        ...{ task: this.#request.task, modelId: this.#request.model!.id, parametersId: '', standardiser: undefined },
        spec,
      }),
      input: { weight: 1, extras: zeros(spec.extras), counts: zeros(perFeature(facts, 'count')) },
      send: (attempt, body, vector) =>
        this.send(context, {
          ...{ type: 'SECURE_SHARE', purpose: 'statistics', attempt, body },
          ...(vector ? { vector: this.offer(new Uint8Array(bytes)) } : {}),
        }),
      assumptions: {},
      pool: new MaskPool({ threads: 1 }),
      nonces: new NonceChain(randomBytes),
      judge: () => null,
      record: () => undefined,
      onEvent: () => undefined,
    });
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  #onMessage(context: Context, message: Message): void {
    switch (message.type) {
      case 'ONLINE_CHECK':
        return this.send(context, {
          ...{ type: 'ONLINE_RESPONSE', version: 'hostile' },
          datasets: [{ name: 'breast-cancer', schema: this.behaviour.schema! }],
        });
      case 'JOB_REQUEST':
        this.#request = message;
        if (this.behaviour.onRequest) return this.behaviour.onRequest(context);
        return this.send(context, { type: 'JOB_ACCEPT' });
      case 'ROUND_START':
        this.#start = message;
        return this.behaviour.onRound?.(context, message);
      case 'SECURE_OPEN':
        return this.behaviour.onOpen?.(context, message);
      case 'SECURE_SHARE':
        return this.behaviour.onShare?.(context, message);
      case 'BLOB_GET': {
        const bytes = this.#blobs.get(message.id);
        if (bytes) this.send(context, { type: 'BLOB_CHUNK', id: message.id, index: message.index, bytes });
        return;
      }
      default:
        return;
    }
  }
}
