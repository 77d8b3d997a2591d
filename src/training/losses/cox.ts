/**
 * Cox's partial likelihood within a batch: the output is a log hazard, the target (time, event) with event 1 where time
 * is that of the event and 0 where observation ended.
 * @module
 * @source Cox, "Regression models and life-tables" (1972); ties as Breslow, discussion of the same (1972); as a network's
 * loss Katzman et al., "DeepSurv" (2018), §3.
 */
import type { Name } from '../onnx/ir.ts';
import { intVector, sizeOf } from '../onnx/tensor.ts';
import { type LossRule, mismatch, showBatch, TINY } from './rule.ts';

/** Stands for a log hazard outside the risk set: its exponential is 0, and unlike -∞ it may be subtracted from itself. */
const OUTSIDE = -1e30;

/**
 * l = Σᵢ aᵢ(ln Σⱼ wⱼ[tⱼ ≥ tᵢ]exp ηⱼ - ηᵢ)/Σa with aᵢ = wᵢ·eventᵢ; dl/dηₖ = (Σᵢ aᵢPᵢₖ - aₖ)/Σa, P each risk set's
 * softmax. Without events both are 0.
 */
export const cox: LossRule = {
  target(dims, source) {
    if (sizeOf(dims.slice(1)) !== 1) mismatch(source, `cox needs a model output [batch, 1], got ${showBatch(dims)}`);
    return { dtype: 'float32', dims: [dims[0]!, 2] };
  },
  mixesRows: () => true,
  build({ graph, output, target, weight }) {
    const batch = graph.dims(output)[0]!;
    const [row, col] = [
      (x: Name): Name => graph.reshape(x, [1, batch]),
      (x: Name): Name => graph.reshape(x, [batch, 1]),
    ];
    const part = (index: number): Name =>
      graph.op('Slice', [target, ...[[index], [index + 1], [1]].map((v) => graph.constant(intVector(v)))]);
    const [time, event] = [part(0), part(1)];
    const isAtRisk = graph.cast(graph.op('GreaterOrEqual', [row(time), time]), 'float32');
    const member = graph.op('Mul', [isAtRisk, row(weight)]);
    const isMember = graph.op('Greater', [member, graph.scalar(0)]);
    const hazards = graph.op('Where', [isMember, row(output), graph.scalar(OUTSIDE)]);
    const top = graph.op('ReduceMax', [hazards], { axes: { ints: [1] }, keepdims: { int: 1 } });
    const terms = graph.op('Mul', [graph.op('Exp', [graph.op('Sub', [hazards, top])]), member]);
    const sums = graph.op('Max', [graph.sum(terms, [1], true), graph.scalar(TINY)]);
    const logSums = graph.op('Add', [top, graph.op('Log', [sums])]);
    const a = graph.op('Mul', [event, col(weight)]);
    const mass = graph.total(a);
    const shares = graph.op('Div', [a, graph.op('Max', [mass, graph.scalar(TINY)])]);
    const expected = graph.op('MatMul', [row(shares), graph.op('Div', [terms, sums])]);
    return {
      loss: graph.total(graph.op('Mul', [shares, graph.op('Sub', [logSums, col(output)])])),
      seed: graph.reshape(graph.op('Sub', [expected, row(shares)]), graph.dims(output)),
      mass,
    };
  },
};
