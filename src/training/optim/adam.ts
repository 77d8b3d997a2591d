/**
 * Adam and AdamW.
 * @module
 * @source torch.optim.Adam, AdamW; Kingma and Ba, "Adam" (2015); Loshchilov and Hutter, "Decoupled weight decay
 * regularization" (2019); Reddi et al., "On the convergence of Adam and beyond" (2018), for AMSGrad.
 */
import { decayed, mix, moved, type Optimiser } from './rule.ts';
import type { AdamSpec } from './spec.ts';

// m ← β₁m + (1-β₁)g; v ← β₂v + (1-β₂)g²; u ← max(u, v); p ← p - η·ĉ₁m / (√(ĉ₂v) + ε), AMSGrad with u for v; AdamW
// first p ← p·(1 - ηλ)
export function adam(spec: AdamSpec): Optimiser {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = spec;
  const isDecoupled = spec.kind === 'adamw';
  const weightDecay = spec.weightDecay ?? (isDecoupled ? 0.01 : 0);
  return {
    slots: amsgrad ? 3 : 2,
    scalarNames: ['learning_rate', 'correction1', 'correction2', ...(isDecoupled ? ['shrink'] : [])],
    scalarsAt: (step, learningRate) => ({
      learning_rate: learningRate,
      correction1: 1 / (1 - beta1 ** step),
      correction2: 1 / (1 - beta2 ** step),
      ...(isDecoupled ? { shrink: 1 - learningRate * weightDecay } : {}),
    }),
    update(inputs) {
      const { graph, parameter, gradient, state, scalars } = inputs;
      const g = isDecoupled ? gradient : decayed(graph, gradient, parameter, weightDecay);
      const p = isDecoupled ? graph.op('Mul', [parameter, scalars['shrink']!]) : parameter;
      const m = mix(graph, state[0]!, beta1, g);
      const v = mix(graph, state[1]!, beta2, graph.op('Mul', [g, g]));
      const u = amsgrad ? graph.op('Max', [state[2]!, v]) : v;
      const root = graph.op('Sqrt', [graph.op('Mul', [u, scalars['correction2']!])]);
      const direction = graph.op('Div', [
        graph.op('Mul', [m, scalars['correction1']!]),
        graph.op('Add', [root, graph.scalar(epsilon)]),
      ]);
      return { parameter: moved(inputs, p, direction), state: amsgrad ? [m, v, u] : [m, v] };
    },
  };
}
