/**
 * Residual network for electrocardiograms and other signals in time.
 * @module
 */
import { type Architecture, count, SEED } from './architecture.ts';
import { conv, maxPool } from './convolution.ts';
import { activate, add, batchNorm, dropout, flatten, linear } from './layers.ts';
import type { Network, Value } from './network.ts';

export interface EcgResNetOptions {
  /** @default 12 */
  readonly leads?: number;
  /** Samples of each lead, divisible by 4^(widths - 1). @default 4096 */
  readonly length?: number;
  /** Values given: one a diagnosis. @default 6 */
  readonly outputs?: number;
  /** Channels of the first layer, then of each block. @default [64, 128, 196, 256, 320] */
  readonly widths?: readonly number[];
  /** Samples a convolution sees at once, odd. @default 17 */
  readonly kernel?: number;
  /** Share of values that Dropout sets to 0 in training. @default 0.2 */
  readonly dropout?: number;
  /** @default 0 */
  readonly seed?: number;
}

/** How much shorter each block makes the signal. */
const STRIDE = 4;

/** The sum before the activation goes on as the way around the next block. */
interface Streams {
  readonly main: Value;
  readonly around: Value;
}

interface BlockShape {
  readonly outputs: number;
  readonly kernel: number;
  readonly ratio: number;
}

function block(net: Network, { main, around }: Streams, path: string, shape: BlockShape): Streams {
  const { outputs, kernel, ratio } = shape;
  const pooled = maxPool(net, around, `${path}.skip_connection.0`, { kernel: STRIDE });
  const side =
    around.dims[0] === outputs
      ? pooled
      : conv(net, pooled, `${path}.skip_connection.1`, { outputs, kernel: 1, bias: false });
  const first = conv(net, main, `${path}.conv1`, { outputs, kernel, padding: (kernel - 1) / 2, bias: false });
  const active = activate(net, batchNorm(net, first, `${path}.bn1`), `${path}.relu`, 'relu');
  const second = conv(net, dropout(net, active, `${path}.dropout1`, ratio), `${path}.conv2`, {
    ...{ outputs, kernel, stride: STRIDE, bias: false },
    padding: Math.max(0, Math.floor((kernel - STRIDE + 1) / 2)),
  });
  const sum = add(net, second, side, path);
  const after = activate(net, batchNorm(net, sum, `${path}.bn2`), `${path}.relu`, 'relu');
  return { main: dropout(net, after, `${path}.dropout2`, ratio), around: sum };
}

/** The network of the paper in its authors' PyTorch form (`conv1`, `resblock1d_0`.., `lin`). */
export const ecgResnet: Architecture<EcgResNetOptions> = {
  name: 'ecg_resnet',
  title: '1-D residual network for electrocardiograms',
  source: 'Ribeiro et al., Automatic diagnosis of the 12-lead ECG using a deep neural network (2020), figure 3',
  options: {
    leads: count('leads (channels)', { default: 12, max: 1024 }),
    length: count('samples of each lead', { default: 4096, max: 1_048_576 }),
    outputs: count('values given: one a diagnosis', { default: 6 }),
    widths: { kind: 'counts', max: 4096, default: [64, 128, 196, 256, 320], doc: 'channels: first layer, each block' },
    kernel: count('samples a convolution sees at once, odd', { default: 17, max: 255 }),
    dropout: { kind: 'ratio', default: 0.2, doc: 'share of values that Dropout sets to 0 in training' },
    seed: SEED,
  },
  define(net, { leads, length, outputs, widths, kernel, dropout: ratio }) {
    const [first, ...blocks] = widths;
    if (first === undefined || blocks.length === 0)
      throw net.refuse(`widths has ${widths.length} entries, expected 2 or more: the first layer's and one a block`);
    if (kernel % 2 === 0 || kernel < STRIDE) throw net.refuse(`kernel is ${kernel}, expected an odd number from 5`);
    const shrinks = STRIDE ** blocks.length;
    if (length % shrinks !== 0)
      throw net.refuse(
        `length is ${length}, expected a multiple of ${shrinks}: ${blocks.length} blocks divide it by 4`,
      );
    const input = net.input([leads, length]);
    const stem = conv(net, input, 'conv1', { outputs: first, kernel, padding: (kernel - 1) / 2, bias: false });
    const start = activate(net, batchNorm(net, stem, 'bn1'), 'relu', 'relu');
    let streams: Streams = { main: start, around: start };
    for (const [i, width] of blocks.entries())
      streams = block(net, streams, `resblock1d_${i}`, { outputs: width, kernel, ratio });
    return linear(net, flatten(net, streams.main), 'lin', { outputs });
  },
};
