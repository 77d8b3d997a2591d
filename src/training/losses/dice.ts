/**
 * Soft Dice loss of masks, alone and with sigmoid cross-entropy.
 * @module
 * @source Milletari et al., "V-Net" (2016), §3, with Σp + Σt below the line and smoothing as usual for U-Nets.
 */
import { plainBce } from './elementwise.ts';
import { column, type LossInputs, type LossNodes, type LossRule, perElement } from './rule.ts';

// l = 1 - N/D per sample with p = σ(z), N = 2Σpt + s, D = Σp + Σt + s; dl/dz = (N/D - 2t)/D·p(1-p)
function overlap(inputs: LossInputs, smooth: number): LossNodes {
  const { graph, output, target, share } = inputs;
  const axes = graph.dims(output).flatMap((_, i) => (i === 0 ? [] : [i]));
  // per-sample sums keep their axes; a [batch] output has one element a sample
  const inner = (x: string): string => (axes.length === 0 ? x : graph.sum(x, axes, true));
  const s = graph.scalar(smooth);
  const p = graph.op('Sigmoid', [output]);
  const both = inner(graph.op('Mul', [p, target]));
  const above = graph.op('Add', [graph.op('Add', [both, both]), s]);
  const below = graph.op('Add', [graph.op('Add', [inner(p), inner(target)]), s]);
  const ratio = graph.op('Div', [above, below]);
  const rows = column(inputs, share);
  const slope = graph.op('Sub', [ratio, graph.op('Add', [target, target])]);
  const chain = graph.op('Mul', [p, graph.op('Sub', [graph.scalar(1), p])]);
  return {
    loss: graph.total(graph.op('Mul', [graph.op('Sub', [graph.scalar(1), ratio]), rows])),
    seed: graph.op('Mul', [graph.op('Mul', [slope, chain]), graph.op('Div', [rows, below])]),
  };
}

export function dice(smooth: number): LossRule {
  return { target: perElement, build: (inputs) => overlap(inputs, smooth) };
}

// the sum of both, each a mean over samples
export function bceDice(smooth: number): LossRule {
  return {
    target: perElement,
    build(inputs) {
      const { graph } = inputs;
      const [a, b] = [plainBce(inputs), overlap(inputs, smooth)];
      return { loss: graph.op('Add', [a.loss, b.loss]), seed: graph.op('Add', [a.seed, b.seed]) };
    },
  };
}
