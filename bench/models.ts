/**
 * Architectures that are only measured, in the zoo's terms; bench/torchModels.py has the same for PyTorch.
 * @module
 */
import { type Architecture, build, count, SEED } from '../src/training/zoo/architecture.ts';
import { conv, globalAveragePool } from '../src/training/zoo/convolution.ts';
import { constant, gaussian, kaimingNormal } from '../src/training/zoo/initialise.ts';
import {
  activate,
  add,
  batchNorm,
  dropout,
  layerNorm,
  linear,
  pick,
  reshape,
  transpose,
} from '../src/training/zoo/layers.ts';
import type { Network, Value } from '../src/training/zoo/network.ts';
import { resnet18 } from '../src/training/zoo/resnet.ts';
import { lstm, prependToken, selfAttention } from '../src/training/zoo/sequence.ts';
import { unet } from '../src/training/zoo/unet.ts';

interface ImageOptions {
  readonly size?: number;
  readonly outputs?: number;
  readonly seed?: number;
}

const IMAGE = { size: count('pixels', { default: 64 }), outputs: count('classes', { default: 10 }), seed: SEED };

/** Convolution, normalisation, and ReLU6 unless it is the last of its block; torchvision's initial values. */
function mobileConv(
  net: Network,
  x: Value,
  path: string,
  options: { outputs: number; kernel: number; stride?: number; groups?: number },
): Value {
  const { outputs, kernel } = options;
  const weight = kaimingNormal(outputs * kernel ** 2);
  const wide = conv(net, x, `${path}.0`, { ...options, padding: (kernel - 1) / 2, bias: false, weight });
  return activate(net, batchNorm(net, wide, `${path}.1`), `${path}.2`, 'relu6');
}

function invertedResidual(
  net: Network,
  x: Value,
  path: string,
  options: { outputs: number; stride: number; expand: number },
): Value {
  const { outputs, stride, expand } = options;
  const hidden = x.dims[0]! * expand;
  const at = `${path}.conv`;
  const wide = expand === 1 ? x : mobileConv(net, x, `${at}.0`, { outputs: hidden, kernel: 1 });
  const next = expand === 1 ? 0 : 1;
  const deep = mobileConv(net, wide, `${at}.${next}`, { outputs: hidden, kernel: 3, stride, groups: hidden });
  const weight = kaimingNormal(outputs);
  const narrow = conv(net, deep, `${at}.${next + 1}`, { outputs, kernel: 1, bias: false, weight });
  const y = batchNorm(net, narrow, `${at}.${next + 2}`);
  return stride === 1 && x.dims[0] === outputs ? add(net, x, y, path) : y;
}

/** Expansion, channels, repeats, stride: table 2 of the paper. */
const MOBILE_BLOCKS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

interface MobileNetOptions extends ImageOptions {
  readonly dropout?: number;
}

/** torchvision's `mobilenet_v2`. */
export const mobilenetV2: Architecture<MobileNetOptions> = {
  name: 'mobilenet_v2',
  title: 'MobileNetV2',
  source: 'Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018)',
  options: { ...IMAGE, dropout: { kind: 'ratio', default: 0.2, doc: 'Dropout before the last layer' } },
  define(net, { size, outputs, dropout: ratio }) {
    let value = mobileConv(net, net.input([3, size, size]), 'features.0', { outputs: 32, kernel: 3, stride: 2 });
    let index = 1;
    for (const [expand, width, repeats, stride] of MOBILE_BLOCKS)
      for (let i = 0; i < repeats; i++)
        value = invertedResidual(net, value, `features.${index++}`, {
          ...{ outputs: width, expand },
          stride: i === 0 ? stride : 1,
        });
    value = mobileConv(net, value, `features.${index}`, { outputs: 1280, kernel: 1 });
    const pooled = dropout(net, globalAveragePool(net, value, ''), 'classifier.0', ratio);
    return linear(net, pooled, 'classifier.1', { outputs, weight: gaussian(0.01), biasInit: constant(0) });
  },
};

interface ViTOptions extends ImageOptions {
  readonly width?: number;
  readonly layers?: number;
  readonly heads?: number;
}

/** torchvision's `VisionTransformer` with patches of 8; the defaults are ViT-S (22 M parameters). */
export const visionTransformer: Architecture<ViTOptions> = {
  name: 'vit_small',
  title: 'vision transformer',
  source: 'Dosovitskiy et al., An Image is Worth 16x16 Words (2021); sizes of Touvron et al., DeiT (2021)',
  options: {
    ...IMAGE,
    width: count('width', { default: 384 }),
    layers: count('layers', { default: 12 }),
    heads: count('heads', { default: 6 }),
  },
  define(net, { size, outputs, width, layers, heads }) {
    const patches = conv(net, net.input([3, size, size]), 'conv_proj', { outputs: width, kernel: 8, stride: 8 });
    const sequence = transpose(net, reshape(net, patches, [width, (size / 8) ** 2]), [1, 0]);
    const tokens = prependToken(net, sequence, 'class_token', constant(0));
    const position = net.parameter('encoder.pos_embedding', [1, tokens.dims[0]!, width], gaussian(0.02));
    let value = add(net, tokens, { name: position, dims: tokens.dims });
    for (let layer = 0; layer < layers; layer++) {
      const path = `encoder.layers.encoder_layer_${layer}`;
      const normal = layerNorm(net, value, `${path}.ln_1`, 1e-6);
      value = add(net, value, selfAttention(net, normal, `${path}.self_attention`, heads), path);
      const wide = linear(net, layerNorm(net, value, `${path}.ln_2`, 1e-6), `${path}.mlp.0`, { outputs: 4 * width });
      const narrow = linear(net, activate(net, wide, `${path}.mlp.1`, 'gelu'), `${path}.mlp.3`, { outputs: width });
      value = add(net, value, narrow, path);
    }
    return linear(net, pick(net, layerNorm(net, value, 'encoder.ln', 1e-6), 0), 'heads.head', { outputs });
  },
};

interface SequenceOptions {
  readonly steps?: number;
  readonly inputs?: number;
  readonly hidden?: number;
  readonly outputs?: number;
  readonly seed?: number;
}

/** One LSTM layer and a dense layer on its last output. */
export const lstmClassifier: Architecture<SequenceOptions> = {
  name: 'lstm',
  title: 'LSTM classifier',
  source: 'Hochreiter, Schmidhuber, Long Short-Term Memory (1997)',
  options: {
    steps: count('steps', { default: 48 }),
    inputs: count('values of a step', { default: 32 }),
    hidden: count('hidden', { default: 64 }),
    outputs: count('classes', { default: 2 }),
    seed: SEED,
  },
  define(net, { steps, inputs, hidden, outputs }) {
    const states = lstm(net, net.input([steps, inputs]), 'rnn', { hidden });
    return linear(net, pick(net, states, -1), 'fc', { outputs });
  },
};

/** Full-size models of the benchmark, generated when asked for. */
export const GENERATED: Readonly<Record<string, { readonly loss: Loss; readonly make: () => Uint8Array }>> = {
  resnet18: { loss: 'cross_entropy', make: () => build(resnet18, { size: 64, outputs: 10 }) },
  mobilenet_v2: { loss: 'cross_entropy', make: () => build(mobilenetV2, {}) },
  vit_small: { loss: 'cross_entropy', make: () => build(visionTransformer, {}) },
  unet: { loss: 'bce_with_logits', make: () => build(unet, { size: 64, width: 32 }) },
  lstm: { loss: 'cross_entropy', make: () => build(lstmClassifier, {}) },
};

export type Loss = 'cross_entropy' | 'bce_with_logits' | 'mse';
