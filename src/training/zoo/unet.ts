/**
 * Segmentation network for images.
 * @module
 */
import { type Architecture, count, SEED } from './architecture.ts';
import { conv, convTranspose, maxPool } from './convolution.ts';
import { activate, batchNorm, concat } from './layers.ts';
import type { Network, Value } from './network.ts';

export interface UNetOptions {
  /** @default 1 */
  readonly channels?: number;
  /** Height and width in pixels, divisible by 2^depth. @default 256 */
  readonly size?: number;
  /** Values of each pixel: one a class, or 1. @default 1 */
  readonly outputs?: number;
  /** Channels of the first level; each level below has twice as many. @default 64 */
  readonly width?: number;
  /** How often the size is halved. @default 4 */
  readonly depth?: number;
  /** @default 0 */
  readonly seed?: number;
}

function doubleConv(net: Network, x: Value, path: string, outputs: number): Value {
  let value = x;
  for (const i of [0, 3]) {
    const wide = conv(net, value, `${path}.${i}`, { outputs, kernel: 3, padding: 1, bias: false });
    value = activate(net, batchNorm(net, wide, `${path}.${i + 1}`), `${path}.${i + 2}`, 'relu');
  }
  return value;
}

/**
 * U-Net with padded convolutions and batch normalisation, under the names of the widely used `Pytorch-UNet`
 * (`inc`, `down1`.., `up1`.., `outc`); output `[batch, outputs, size, size]` logits.
 */
export const unet: Architecture<UNetOptions> = {
  name: 'unet',
  title: 'U-Net, segmentation of images pixel by pixel',
  source: 'Ronneberger, Fischer, Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation (2015)',
  options: {
    channels: count('channels of an image', { default: 1, max: 1024 }),
    size: count('height and width in pixels, divisible by 2^depth', { default: 256, max: 4096 }),
    outputs: count('values of each pixel: one a class, or 1', { default: 1, max: 1024 }),
    width: count('channels of the first level', { default: 64, max: 1024 }),
    depth: count('how often the size is halved', { default: 4, max: 8 }),
    seed: SEED,
  },
  define(net, { channels, size, outputs, width, depth }) {
    if (size % 2 ** depth !== 0)
      throw net.refuse(`size is ${size}, expected a multiple of ${2 ** depth}: it is halved ${depth} times`);
    let value = doubleConv(net, net.input([channels, size, size]), 'inc.double_conv', width);
    const levels = [value];
    for (let level = 1; level <= depth; level++) {
      const path = `down${level}.maxpool_conv`;
      const pooled = maxPool(net, value, `${path}.0`, { kernel: 2 });
      value = doubleConv(net, pooled, `${path}.1.double_conv`, width * 2 ** level);
      levels.push(value);
    }
    for (let level = depth - 1; level >= 0; level--) {
      const path = `up${depth - level}`;
      const large = convTranspose(net, value, `${path}.up`, { outputs: width * 2 ** level, kernel: 2, stride: 2 });
      value = doubleConv(net, concat(net, [levels[level]!, large], path), `${path}.conv.double_conv`, large.dims[0]!);
    }
    return conv(net, value, 'outc.conv', { outputs, kernel: 1 });
  },
};
