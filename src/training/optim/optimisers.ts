/**
 * Optimisers as graph nodes, with PyTorch's update rules. What changes per step but is the same for all parameters
 * (learning rate, bias corrections) is fed as scalars, so the graph holds no step counter.
 * @module
 * @source torch.optim.SGD, Adam, AdamW; Kingma and Ba, "Adam" (2015); Loshchilov and Hutter, "Decoupled weight decay
 * regularization" (2019).
 */
import { KonsilError } from '../../base/index.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';

/** Stochastic gradient descent. Defaults: momentum 0, weightDecay 0 (L2, added to the gradient). */
export interface SgdSpec {
  readonly kind: 'sgd';
  readonly learningRate: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
}

/** Adam and AdamW. Defaults: betas 0.9 and 0.999, epsilon 1e-8; weightDecay 0 for Adam, 0.01 for AdamW (decoupled). */
export interface AdamSpec {
  readonly kind: 'adam' | 'adamw';
  readonly learningRate: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

export type OptimiserSpec = SgdSpec | AdamSpec;

/** Gradient clipping, before the optimiser sees the gradient: first each value to ±`value`, then the global norm. */
export interface ClipSpec {
  readonly norm?: number;
  readonly value?: number;
}

interface UpdateInputs {
  readonly graph: GraphBuilder;
  readonly parameter: Name;
  readonly gradient: Name;
  /** State of this parameter, one value per slot, in its shape; zeros before the first step. */
  readonly state: readonly Name[];
  /** Fed scalars by name. */
  readonly scalars: Readonly<Record<string, Name>>;
}

interface Update {
  readonly parameter: Name;
  readonly state: readonly Name[];
}

/** An optimiser, ready to emit. */
export interface Optimiser {
  /** State vectors per parameter. */
  readonly slots: number;
  readonly scalarNames: readonly string[];
  /** Values of the fed scalars at step `step`, counted from 1. */
  scalarsAt(step: number, learningRate: number): Readonly<Record<string, number>>;
  update(inputs: UpdateInputs): Update;
}

function decayed(graph: GraphBuilder, gradient: Name, parameter: Name, weightDecay: number): Name {
  if (weightDecay === 0) return gradient;
  return graph.op('Add', [gradient, graph.op('Mul', [parameter, graph.scalar(weightDecay)])]);
}

function sgd({ momentum = 0, weightDecay = 0 }: SgdSpec): Optimiser {
  return {
    slots: momentum === 0 ? 0 : 1,
    scalarNames: ['learning_rate'],
    scalarsAt: (_, learningRate) => ({ learning_rate: learningRate }),
    // b ← μ·b + g + λ·p; p ← p - η·b. PyTorch starts from b = g, which is the same since b is 0 before.
    update({ graph, parameter, gradient, state, scalars }) {
      const g = decayed(graph, gradient, parameter, weightDecay);
      const step = momentum === 0 ? g : graph.op('Add', [graph.op('Mul', [state[0]!, graph.scalar(momentum)]), g]);
      const moved = graph.op('Sub', [parameter, graph.op('Mul', [step, scalars['learning_rate']!])]);
      return { parameter: moved, state: momentum === 0 ? [] : [step] };
    },
  };
}

function adam(spec: AdamSpec): Optimiser {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = spec;
  const isDecoupled = spec.kind === 'adamw';
  const weightDecay = spec.weightDecay ?? (isDecoupled ? 0.01 : 0);
  return {
    slots: 2,
    scalarNames: isDecoupled
      ? ['learning_rate', 'correction1', 'correction2', 'shrink']
      : ['learning_rate', 'correction1', 'correction2'],
    scalarsAt: (step, learningRate) => ({
      learning_rate: learningRate,
      correction1: 1 / (1 - beta1 ** step),
      correction2: 1 / (1 - beta2 ** step),
      ...(isDecoupled ? { shrink: 1 - learningRate * weightDecay } : {}),
    }),
    // m ← β₁m + (1-β₁)g; v ← β₂v + (1-β₂)g²; p ← p - η·ĉ₁m / (√(ĉ₂v) + ε); AdamW first p ← p·(1 - ηλ)
    update({ graph, parameter, gradient, state, scalars }) {
      const g = isDecoupled ? gradient : decayed(graph, gradient, parameter, weightDecay);
      const p = isDecoupled ? graph.op('Mul', [parameter, scalars['shrink']!]) : parameter;
      const mix = (old: Name, beta: number, now: Name): Name =>
        graph.op('Add', [graph.op('Mul', [old, graph.scalar(beta)]), graph.op('Mul', [now, graph.scalar(1 - beta)])]);
      const m = mix(state[0]!, beta1, g);
      const v = mix(state[1]!, beta2, graph.op('Mul', [g, g]));
      const root = graph.op('Sqrt', [graph.op('Mul', [v, scalars['correction2']!])]);
      const direction = graph.op('Div', [
        graph.op('Mul', [m, scalars['correction1']!]),
        graph.op('Add', [root, graph.scalar(epsilon)]),
      ]);
      const moved = graph.op('Sub', [p, graph.op('Mul', [direction, scalars['learning_rate']!])]);
      return { parameter: moved, state: [m, v] };
    },
  };
}

function check(name: string, value: number | undefined, isAllowed: (v: number) => boolean, expected: string): void {
  if (value !== undefined && !(Number.isFinite(value) && isAllowed(value)))
    throw new KonsilError('CONFIG_INVALID', `optimiser ${name} is ${value}, expected ${expected}`);
}

/** The optimiser for `spec`. @throws KonsilError CONFIG_INVALID when a number is out of range. */
export function createOptimiser(spec: OptimiserSpec): Optimiser {
  check('learningRate', spec.learningRate, (v) => v >= 0, '[0, ∞)');
  check('weightDecay', spec.weightDecay, (v) => v >= 0, '[0, ∞)');
  if (spec.kind === 'sgd') {
    check('momentum', spec.momentum, (v) => v >= 0 && v < 1, '[0, 1)');
    return sgd(spec);
  }
  if (spec.kind !== 'adam' && spec.kind !== 'adamw')
    throw new KonsilError('CONFIG_INVALID', `optimiser "${(spec as OptimiserSpec).kind}", expected sgd, adam or adamw`);
  check('beta1', spec.beta1, (v) => v >= 0 && v < 1, '[0, 1)');
  check('beta2', spec.beta2, (v) => v >= 0 && v < 1, '[0, 1)');
  check('epsilon', spec.epsilon, (v) => v > 0, '(0, ∞)');
  return adam(spec);
}

/**
 * The gradients after clipping. The norm is that of all gradients together; as in PyTorch the factor is
 * min(1, norm / (‖g‖ + 1e-6)).
 *
 * @throws KonsilError CONFIG_INVALID when a bound is not positive.
 */
export function clipGradients(graph: GraphBuilder, gradients: readonly Name[], clip: ClipSpec): Name[] {
  check('clip value', clip.value, (v) => v > 0, '(0, ∞)');
  check('clip norm', clip.norm, (v) => v > 0, '(0, ∞)');
  const { value, norm } = clip;
  const bounded =
    value === undefined
      ? [...gradients]
      : gradients.map((g) => graph.op('Clip', [g, graph.scalar(-value), graph.scalar(value)]));
  if (norm === undefined || bounded.length === 0) return bounded;
  const squares = bounded.map((g) => graph.total(graph.op('Mul', [g, g])));
  const length = graph.op('Sqrt', [squares.reduce((total, next) => graph.op('Add', [total, next]))]);
  const ratio = graph.op('Div', [graph.scalar(norm), graph.op('Add', [length, graph.scalar(1e-6)])]);
  const factor = graph.op('Min', [ratio, graph.scalar(1)]);
  return bounded.map((g) => graph.op('Mul', [g, factor]));
}
