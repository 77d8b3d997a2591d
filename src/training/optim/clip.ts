/**
 * Gradient clipping.
 * @module
 * @source torch.nn.utils.clip_grad_value_ and clip_grad_norm_.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { checkNumber } from './spec.ts';

/** Before the optimiser sees the gradient: first each value to ±`value`, then the global norm; both in (0, ∞). */
export interface ClipSpec {
  readonly norm?: number;
  readonly value?: number;
}

/**
 * The gradients after clipping. The norm is that of all gradients together; as in PyTorch the factor is
 * min(1, norm / (‖g‖ + 1e-6)).
 *
 * @throws KonsilError CONFIG_INVALID when a bound is not positive.
 */
export function clipGradients(graph: GraphBuilder, gradients: readonly Name[], clip: ClipSpec): Name[] {
  checkNumber('clip value', clip.value, (v) => v > 0, '(0, ∞)');
  checkNumber('clip norm', clip.norm, (v) => v > 0, '(0, ∞)');
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
