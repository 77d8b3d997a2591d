/**
 * Optimisers on tensors, with PyTorch's update rules as the graph optimisers have them: both engines agree step by step
 * up to rounding. (TensorFlow.js's own differ: its Adam has another place for epsilon, its SGD no weight decay.)
 * @module
 * @source torch.optim.SGD, Adam, AdamW.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import { KonsilError } from '../../base/index.ts';
import type { ClipSpec } from '../optim/clip.ts';
import { type AdamSpec, checkNumber, checkOptimiser, type OptimiserSpec, type SgdSpec } from '../optim/spec.ts';
import { tf } from './tf.ts';

/** New value and new state of one parameter. */
interface Update {
  readonly parameter: Tensor;
  readonly state: readonly Tensor[];
}

/** `step` counts from 1; `state` has one tensor a slot, zeros before the first step. Tidy it: makes tensors on the way. */
type Rule = (inputs: {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly state: readonly Tensor[];
  readonly step: number;
  readonly learningRate: number;
}) => Update;

/** An optimiser on tensors. */
export interface TensorOptimiser {
  /** State tensors a parameter has. */
  readonly slots: number;
  readonly update: Rule;
}

function decayed(gradient: Tensor, parameter: Tensor, weightDecay: number): Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(parameter, weightDecay));
}

// b ← μ·b + g + λ·p; p ← p - η·b
function sgd({ momentum = 0, weightDecay = 0 }: SgdSpec): Rule {
  return ({ parameter, gradient, state, learningRate }) => {
    const g = decayed(gradient, parameter, weightDecay);
    const step = momentum === 0 ? g : tf.add(tf.mul(state[0]!, momentum), g);
    return { parameter: tf.sub(parameter, tf.mul(step, learningRate)), state: momentum === 0 ? [] : [step] };
  };
}

// m ← β₁m + (1-β₁)g; v ← β₂v + (1-β₂)g²; p ← p - η·ĉ₁m / (√(ĉ₂v) + ε); AdamW first p ← p·(1 - ηλ)
function adam(spec: AdamSpec): Rule {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = spec;
  const isDecoupled = spec.kind === 'adamw';
  const weightDecay = spec.weightDecay ?? (isDecoupled ? 0.01 : 0);
  return ({ parameter, gradient, state, step, learningRate }) => {
    const g = isDecoupled ? gradient : decayed(gradient, parameter, weightDecay);
    const p = isDecoupled ? tf.mul(parameter, 1 - learningRate * weightDecay) : parameter;
    const m = tf.add(tf.mul(state[0]!, beta1), tf.mul(g, 1 - beta1));
    const v = tf.add(tf.mul(state[1]!, beta2), tf.mul(tf.mul(g, g), 1 - beta2));
    const root = tf.sqrt(tf.mul(v, 1 / (1 - beta2 ** step)));
    const direction = tf.div(tf.mul(m, 1 / (1 - beta1 ** step)), tf.add(root, epsilon));
    return { parameter: tf.sub(p, tf.mul(direction, learningRate)), state: [m, v] };
  };
}

/** The optimiser for `spec`. @throws KonsilError CONFIG_INVALID when a number is out of range, or there is no such rule here. */
export function tensorOptimiser(spec: OptimiserSpec): TensorOptimiser {
  checkOptimiser(spec);
  const refuse = (what: string): never => {
    throw new KonsilError('CONFIG_INVALID', `${what} is not available for TensorFlow.js models`);
  };
  if (spec.kind === 'sgd') {
    if (spec.nesterov || (spec.dampening ?? 0) > 0) refuse('nesterov or dampening of sgd');
    return { slots: (spec.momentum ?? 0) === 0 ? 0 : 1, update: sgd(spec) };
  }
  if (spec.kind === 'rmsprop' || spec.kind === 'adagrad') return refuse(`optimiser "${spec.kind}"`);
  if (spec.amsgrad) refuse(`amsgrad of ${spec.kind}`);
  return { slots: 2, update: adam(spec) };
}

/** @throws KonsilError CONFIG_INVALID when a bound is not positive. */
export function checkClip(clip: ClipSpec): void {
  checkNumber('clip value', clip.value, (v) => v > 0, '(0, ∞)');
  checkNumber('clip norm', clip.norm, (v) => v > 0, '(0, ∞)');
}

/** The gradients after clipping, each value first, then the norm of all together by min(1, norm / (‖g‖ + 1e-6)). */
export function clipTensors(gradients: readonly Tensor[], { value, norm }: ClipSpec): Tensor[] {
  const bounded = value === undefined ? [...gradients] : gradients.map((g) => tf.clipByValue(g, -value, value));
  if (norm === undefined || bounded.length === 0) return bounded;
  const length = tf.sqrt(tf.addN(bounded.map((g) => tf.sum(tf.mul(g, g)))));
  const factor = tf.minimum(tf.div(norm, tf.add(length, 1e-6)), 1);
  return bounded.map((g) => tf.mul(g, factor));
}
