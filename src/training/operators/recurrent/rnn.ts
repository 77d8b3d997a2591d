/**
 * The simple recurrent network.
 * @module
 * @source ONNX RNN-14; Werbos, "Backpropagation through time" (1990).
 */
import type { Name } from '../../onnx/ir.ts';
import {
  addedUp,
  carried,
  collected,
  type Direction,
  initial,
  mergedBias,
  product,
  rowsAt,
  stacked,
  timesOf,
  type Unrolled,
} from './sequence.ts';

/** h = f(x·Wᵀ + h·Rᵀ + b) */
export function unrollRnn(direction: Direction): Unrolled {
  const { graph, x, w, r, b } = direction;
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
    const all = stacked(direction, sums.reverse());
    const db = (): Name => graph.sum(all, [0], false);
    return [
      needs(0) ? carried(graph, all, w) : null,
      needs(1) ? collected(graph, all, x) : null,
      needs(2) ? collected(graph, all, stacked(direction, before)) : null,
      b !== '' && needs(3) ? graph.concat([db(), db()], 0) : null,
      needs(4) ? dh : null,
    ];
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
