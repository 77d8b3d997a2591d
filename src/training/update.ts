/**
 * The second half of a training step: from gradients to new weights.
 * @module
 */
import { storedType } from './layout.ts';
import { GraphBuilder } from './onnx/builder.ts';
import { emitModel } from './onnx/emit.ts';
import type { Name } from './onnx/ir.ts';
import { clipGradients } from './optim/clip.ts';
import { createOptimiser } from './optim/optimisers.ts';
import type { Plan } from './plan.ts';
import { GRAPH_NAMES } from './program.ts';

/**
 * What the optimiser sees: clip(g + μ(p - anchor)) + correction. The proximal term is part of what is minimised, so it is
 * clipped with the rest; the correction is not, so that the mean step of a SCAFFOLD round minus the correction is the mean
 * clipped gradient.
 */
function hooked(graph: GraphBuilder, { trained, options }: Plan, gradients: ReadonlyMap<Name, Name>): Name[] {
  const { proximal, controlVariates, clip } = options;
  const pulled = trained.map(({ name, type }) => {
    const gradient = gradients.get(name)!;
    if (proximal === undefined) return gradient;
    const distance = graph.op('Sub', [
      GRAPH_NAMES.parameter(name),
      graph.input(GRAPH_NAMES.anchor(name), storedType(type)),
    ]);
    return graph.op('Add', [gradient, graph.op('Mul', [distance, graph.scalar(proximal.mu)])]);
  });
  const clipped = clipGradients(graph, pulled, clip ?? {});
  if (!controlVariates) return clipped;
  return trained.map(({ name, type }, i) =>
    graph.op('Add', [clipped[i]!, graph.input(GRAPH_NAMES.correction(name), storedType(type))]),
  );
}

/**
 * Appends one optimiser step for the trained weights of `plan`, whose gradients are given by name in the model.
 *
 * @returns Values by output name: `next/param/…` and `next/state<k>/…`.
 */
export function appendUpdate(
  graph: GraphBuilder,
  plan: Plan,
  gradients: ReadonlyMap<Name, Name>,
): ReadonlyMap<Name, Name> {
  const { options, trained } = plan;
  const directions = hooked(graph, plan, gradients);
  const optimiser = createOptimiser(options.optimiser);
  const scalars = Object.fromEntries(
    optimiser.scalarNames.map((name) => [name, graph.input(GRAPH_NAMES.scalar(name), { dtype: 'float32', dims: [] })]),
  );
  const outputs = new Map<Name, Name>();
  for (const [i, { name, type }] of trained.entries()) {
    const state = Array.from({ length: optimiser.slots }, (_, slot) =>
      graph.input(GRAPH_NAMES.state(slot, name), storedType(type)),
    );
    const parameter = GRAPH_NAMES.parameter(name);
    const next = optimiser.update({ graph, parameter, gradient: directions[i]!, state, scalars });
    outputs.set(GRAPH_NAMES.nextParameter(name), next.parameter);
    for (const [slot, value] of next.state.entries()) outputs.set(GRAPH_NAMES.nextState(slot, name), value);
  }
  return outputs;
}

/** The optimiser step alone, with gradients as inputs. */
export function updateGraph(plan: Plan): Uint8Array {
  const graph = new GraphBuilder(plan.options.target);
  const gradients = new Map<Name, Name>();
  for (const { name, type } of plan.trained) {
    graph.input(GRAPH_NAMES.parameter(name), storedType(type));
    gradients.set(name, graph.input(GRAPH_NAMES.gradient(name), storedType(type)));
  }
  return emitModel(graph, appendUpdate(graph, plan, gradients));
}
