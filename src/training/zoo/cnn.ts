/**
 * A small convolutional network for small images.
 * @module
 */
import { type Architecture, count, SEED } from './architecture.ts';
import { conv, maxPool } from './convolution.ts';
import { activate, flatten, linear } from './layers.ts';
import type { Network, Value } from './network.ts';

export interface CnnOptions {
  /** @default 1 */
  readonly channels?: number;
  /** Height and width in pixels, divisible by 4. @default 28 */
  readonly size?: number;
  /** @default 10 */
  readonly outputs?: number;
  /** Channels after the first and the second convolution. @default 32 and 64 */
  readonly widths?: readonly number[];
  /** Units of the layer before the last. @default 512 */
  readonly hidden?: number;
  /** @default 0 */
  readonly seed?: number;
}

/** conv1 5×5 (32), pool, conv2 5×5 (64), pool, fc1 (512), fc2: 1,663,370 parameters with the defaults, as in the paper. */
export const cnn: Architecture<CnnOptions> = {
  name: 'cnn',
  title: 'small convolutional network for small images',
  source: 'McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data (2017), section 3',
  options: {
    channels: count('channels of an image', { default: 1, max: 1024 }),
    size: count('height and width in pixels, divisible by 4', { min: 4, default: 28, max: 4096 }),
    outputs: count('values given: one a class, or 1', { default: 10 }),
    widths: {
      kind: 'counts',
      max: 4096,
      default: [32, 64],
      doc: 'channels after the first and the second convolution',
    },
    hidden: count('units of the layer before the last', { default: 512, max: 65_536 }),
    seed: SEED,
  },
  define(net, { channels, size, outputs, widths, hidden: units }) {
    const [first, second] = widths;
    if (first === undefined || second === undefined || widths.length !== 2)
      throw net.refuse(`widths are ${widths.join(', ')}, expected two numbers`);
    if (size % 4 !== 0) throw net.refuse(`size is ${size}, expected a multiple of 4 (two poolings)`);
    const block = (net: Network, x: Value, path: string, width: number): Value => {
      const wide = conv(net, x, path, { outputs: width, kernel: 5, padding: 2 });
      return maxPool(net, activate(net, wide, '', 'relu'), '', { kernel: 2 });
    };
    const features = block(net, block(net, net.input([channels, size, size]), 'conv1', first), 'conv2', second);
    const hidden = linear(net, flatten(net, features), 'fc1', { outputs: units });
    return linear(net, activate(net, hidden, '', 'relu'), 'fc2', { outputs });
  },
};
