/**
 * RMSprop and Adagrad.
 * @module
 * @source torch.optim.RMSprop, Adagrad; Hinton, lecture 6e of "Neural networks for machine learning" (2012); Graves,
 * "Generating sequences with recurrent neural networks" (2013), eq. 38-41, centred; Duchi et al., "Adaptive subgradient
 * methods" (2011).
 */
import type { Name } from '../onnx/ir.ts';
import { decayed, mix, moved, type Optimiser } from './rule.ts';
import type { AdagradSpec, RmspropSpec } from './spec.ts';

// v ← αv + (1-α)g²; centred: a ← αa + (1-α)g, v - a² for v below; d = g/(√v + ε); with momentum b ← μb + d, p ← p - ηb
export function rmsprop(spec: RmspropSpec): Optimiser {
  const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false, weightDecay = 0 } = spec;
  return {
    slots: 1 + Number(centered) + Number(momentum > 0),
    scalarNames: ['learning_rate'],
    scalarsAt: (_, learningRate) => ({ learning_rate: learningRate }),
    update(inputs) {
      const { graph, parameter, gradient, state } = inputs;
      const g = decayed(graph, gradient, parameter, weightDecay);
      const v = mix(graph, state[0]!, alpha, graph.op('Mul', [g, g]));
      const next: Name[] = [v];
      let spread = v;
      if (centered) {
        const a = mix(graph, state[1]!, alpha, g);
        next.push(a);
        // Deviation from PyTorch: rounding may leave a variance below 0, whose root would be NaN
        spread = graph.op('Relu', [graph.op('Sub', [v, graph.op('Mul', [a, a])])]);
      }
      let direction = graph.op('Div', [g, graph.op('Add', [graph.op('Sqrt', [spread]), graph.scalar(epsilon)])]);
      if (momentum > 0) {
        const kept = graph.op('Mul', [state.at(-1)!, graph.scalar(momentum)]);
        direction = graph.op('Add', [kept, direction]);
        next.push(direction);
      }
      return { parameter: moved(inputs, parameter, direction), state: next };
    },
  };
}

// s ← s + g²; p ← p - η/(1 + γ(t-1))·g/(√s + ε)
export function adagrad(spec: AdagradSpec): Optimiser {
  const { rateDecay = 0, initialAccumulator = 0, epsilon = 1e-10, weightDecay = 0 } = spec;
  return {
    slots: 1,
    stateStart: initialAccumulator,
    scalarNames: ['learning_rate'],
    scalarsAt: (step, learningRate) => ({ learning_rate: learningRate / (1 + rateDecay * (step - 1)) }),
    update(inputs) {
      const { graph, parameter, gradient, state } = inputs;
      const g = decayed(graph, gradient, parameter, weightDecay);
      const s = graph.op('Add', [state[0]!, graph.op('Mul', [g, g])]);
      const direction = graph.op('Div', [g, graph.op('Add', [graph.op('Sqrt', [s]), graph.scalar(epsilon)])]);
      return { parameter: moved(inputs, parameter, direction), state: [s] };
    },
  };
}
