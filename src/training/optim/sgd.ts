/**
 * Stochastic gradient descent.
 * @module
 * @source torch.optim.SGD; Sutskever et al., "On the importance of initialization and momentum" (2013).
 */
import { decayed, moved, type Optimiser } from './rule.ts';
import type { SgdSpec } from './spec.ts';

// g ← g + λp; b ← μb + (1-d)g, at first b = g; p ← p - ηb, with Nesterov p ← p - η(g + μb)
export function sgd({ momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 }: SgdSpec): Optimiser {
  const isDamped = momentum > 0 && dampening > 0;
  return {
    slots: momentum === 0 ? 0 : 1,
    scalarNames: isDamped ? ['learning_rate', 'share'] : ['learning_rate'],
    // PyTorch starts from b = g: for zero b that is a first step without dampening
    scalarsAt: (step, learningRate) => ({
      learning_rate: learningRate,
      ...(isDamped ? { share: step === 1 ? 1 : 1 - dampening } : {}),
    }),
    update(inputs) {
      const { graph, parameter, gradient, state, scalars } = inputs;
      const g = decayed(graph, gradient, parameter, weightDecay);
      if (momentum === 0) return { parameter: moved(inputs, parameter, g), state: [] };
      const part = isDamped ? graph.op('Mul', [g, scalars['share']!]) : g;
      const b = graph.op('Add', [graph.op('Mul', [state[0]!, graph.scalar(momentum)]), part]);
      const ahead = nesterov ? graph.op('Add', [g, graph.op('Mul', [b, graph.scalar(momentum)])]) : b;
      return { parameter: moved(inputs, parameter, ahead), state: [b] };
    },
  };
}
