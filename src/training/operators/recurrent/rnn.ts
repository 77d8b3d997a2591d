/**
 * The simple recurrent network.
 * @module
 * @source ONNX RNN-14; Werbos, "Backpropagation through time" (1990).
 */
import type { Name } from '../../onnx/ir.ts';
import {
  addedUp,
  carried,
  type Direction,
  initial,
  mergedBias,
  product,
  rowsAt,
  stacked,
  timesOf,
  type Unrolled,
  weightGradients,
} from './sequence.ts';

/** h = f(x·Wᵀ + h·Rᵀ + b) */
export function unrollRnn(direction: Direction): Unrolled {
  const { graph, x, w, r } = direction;
  const f = direction.activations[0]!;
  const times = timesOf(direction);
  const input = product(graph, x, w, mergedBias(direction, 1));
  const before: Name[] = [];
  let h = initial(direction, direction.h0);
  const steps = times.map((t) => {
    before.push(h);
    const sum = product(graph, h, r, rowsAt(direction, input, t));
    h = f.apply(graph, sum);
    return { t, sum, h };
  });
  const backward: Unrolled['backward'] = (dy, needs) => {
    let dh = dy.lastH;
    const sums = steps.toReversed().map(({ t, sum, h }) => {
      const total = addedUp(graph, dh, dy.y === null ? null : rowsAt(direction, dy.y, t))!;
      const d = graph.op('Mul', [total, f.slope(graph, sum, h)]);
      dh = carried(graph, d, r);
      return d;
    });
    return [...weightGradients(direction, sums.reverse(), before, needs), needs(4) ? dh : null];
  };
  return {
    y: stacked(
      direction,
      steps.map((step) => step.h),
    ),
    lastH: h,
    backward,
  };
}
