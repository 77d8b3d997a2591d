/**
 * Residual network for images.
 * @module
 */
import { type Architecture, count, SEED } from './architecture.ts';
import { conv, globalAveragePool, maxPool } from './convolution.ts';
import { kaimingNormal } from './initialise.ts';
import { activate, add, batchNorm, linear } from './layers.ts';
import type { Network, Value } from './network.ts';

export interface ResNetOptions {
  /** @default 3 */
  readonly channels?: number;
  /** Height and width in pixels. @default 224 */
  readonly size?: number;
  /** @default 1000 */
  readonly outputs?: number;
  /** @default 0 */
  readonly seed?: number;
}

interface Shape {
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** torchvision initialises convolutions by kaiming_normal with mode fan_out. */
function plain(net: Network, x: Value, path: string, shape: Shape): Value {
  const weight = kaimingNormal(shape.outputs * shape.kernel ** 2);
  return conv(net, x, path, { ...shape, bias: false, weight });
}

/** Two 3×3 convolutions and a way around them, which is 1×1 with stride 2 where the size changes. */
function basicBlock(net: Network, x: Value, path: string, outputs: number, stride: number): Value {
  const first = plain(net, x, `${path}.conv1`, { outputs, kernel: 3, stride, padding: 1 });
  const between = activate(net, batchNorm(net, first, `${path}.bn1`), path, 'relu');
  const second = plain(net, between, `${path}.conv2`, { outputs, kernel: 3, stride: 1, padding: 1 });
  const main = batchNorm(net, second, `${path}.bn2`);
  if (stride === 1 && x.dims[0] === outputs) return activate(net, add(net, main, x, path), path, 'relu');
  const down = plain(net, x, `${path}.downsample.0`, { outputs, kernel: 1, stride, padding: 0 });
  const around = batchNorm(net, down, `${path}.downsample.1`);
  return activate(net, add(net, main, around, path), path, 'relu');
}

/** ResNet-18, layer for layer torchvision's `resnet18`: 11,689,512 parameters with the defaults. */
export const resnet18: Architecture<ResNetOptions> = {
  name: 'resnet18',
  title: 'ResNet-18, residual network for images',
  source: 'He et al., Deep Residual Learning for Image Recognition (2016), table 1',
  options: {
    channels: count('channels of an image', { default: 3, max: 1024 }),
    size: count('height and width in pixels', { min: 32, default: 224, max: 4096 }),
    outputs: count('values given: one a class, or 1', { default: 1000 }),
    seed: SEED,
  },
  define(net, { channels, size, outputs }) {
    const input = net.input([channels, size, size]);
    const stem = plain(net, input, 'conv1', { outputs: 64, kernel: 7, stride: 2, padding: 3 });
    const active = activate(net, batchNorm(net, stem, 'bn1'), 'relu', 'relu');
    let value = maxPool(net, active, 'maxpool', { kernel: 3, stride: 2, padding: 1 });
    for (const [i, width] of [64, 128, 256, 512].entries())
      for (const block of [0, 1])
        value = basicBlock(net, value, `layer${i + 1}.${block}`, width, i > 0 && block === 0 ? 2 : 1);
    return linear(net, globalAveragePool(net, value, 'avgpool'), 'fc', { outputs });
  },
};
