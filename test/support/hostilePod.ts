/**
 * A pod that is admitted like any other and then lies: speaks the wire protocol itself, without the pod's code.
 */

import { join } from 'node:path';
import { randomBytes } from '../../src/crypto/index.ts';
import { openDataset } from '../../src/datasources/index.ts';
import { readPodConfig } from '../../src/tasks/index.ts';
import { Blobs, Channel, systemClock } from '../../src/transport/index.ts';
import type { BlobRef, Context, Message } from '../../src/wire/index.ts';
import { presenceTopic } from '../../src/wire/index.ts';
import type { Federation, PodName } from './federation.ts';

export type Lie = 'NaN' | 'wrong length' | 'negative weight' | 'no blob' | 'garbage';

/** Says yes to every task and then misbehaves in the way of its lie. */
export class HostilePod {
  lies = 0;
  readonly #channel: Channel;
  readonly #blobs: Blobs;
  readonly #lie: Lie;
  readonly #coordinator: string;

  private constructor(channel: Channel, lie: Lie, coordinator: string, schema: string) {
    this.#channel = channel;
    this.#blobs = new Blobs(channel);
    this.#lie = lie;
    this.#coordinator = coordinator;
    channel.onMessage((_from, context, message) => this.#answer(context, message, schema));
  }

  static async join(federation: Federation, name: PodName, lie: Lie): Promise<HostilePod> {
    const { identity, peers } = federation.world[name];
    const link = federation.broker.connect(presenceTopic(identity.public.id));
    const channel = await Channel.open({ link, identity, peers, clock: systemClock });
    const config = await readPodConfig(join(federation.folder, `${name}.yaml`));
    const source = await openDataset(config.datasources[0]!);
    source.close();
    return new HostilePod(channel, lie, federation.world.modeller.identity.public.id, JSON.stringify(source.schema));
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  #say(context: Context, message: Message): void {
    this.#channel.send(this.#coordinator, context, message).catch(() => undefined); // the run may be over
  }

  #answer(context: Context, message: Message, schema: string): void {
    switch (message.type) {
      case 'ONLINE_CHECK':
        return this.#say(context, {
          type: 'ONLINE_RESPONSE',
          version: 'evil',
          datasets: [{ name: 'breast-cancer', schema }],
        });
      case 'JOB_REQUEST':
        return this.#say(context, { type: 'JOB_ACCEPT' });
      case 'ROUND_START':
        this.#say(context, { type: 'PROGRESS', done: 10 ** 9, total: 1 });
        if (message.secure) return this.#say(context, { type: 'TRAINING_COMPLETE', purpose: message.purpose });
        this.lies++;
        return this.#say(context, {
          type: 'TRAINING_UPDATE',
          purpose: message.purpose,
          input: this.#plainInput(message.parameters),
        });
      case 'SECURE_OPEN': {
        this.lies++;
        const share = { type: 'SECURE_SHARE' as const, purpose: message.purpose, attempt: message.attempt };
        if (this.#lie === 'garbage') return this.#say(context, { ...share, body: randomBytes(200) });
        return this.#say(context, { ...share, body: randomBytes(200), vector: this.#offer(randomBytes(12)) });
      }
      default:
        return;
    }
  }

  #plainInput(parameters: BlobRef | undefined): BlobRef {
    const floats = (parameters?.bytes ?? 0) / 4;
    // evaluation and statistics have other layouts: wrong there in any case
    const bytes = new Uint8Array(4 * floats + 8 * 5);
    const update = new Float32Array(bytes.buffer, 0, floats);
    const tail = new DataView(bytes.buffer, 4 * floats);
    tail.setFloat64(0, 30, true);
    if (this.#lie === 'NaN') update.fill(Number.NaN);
    if (this.#lie === 'negative weight') tail.setFloat64(0, -1e6, true);
    if (this.#lie === 'no blob') return { id: 'ab'.repeat(32), bytes: bytes.length };
    return this.#offer(this.#lie === 'wrong length' ? bytes.subarray(0, bytes.length - 4).slice() : bytes);
  }

  #offer(bytes: Uint8Array): BlobRef {
    return this.#blobs.offer(bytes, [this.#coordinator]);
  }
}
