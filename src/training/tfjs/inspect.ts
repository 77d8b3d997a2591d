/**
 * What is in a TensorFlow.js model, and whether the trainer can train it; read without building it.
 * @module
 */
import { isObject, type Json, type JsonObject } from './container.ts';
import { findLayerProblems, layersOf, readTopology } from './topology.ts';

/** A TensorFlow.js model for people to read before a run. */
export interface InspectedTfjsModel {
  readonly format: 'tfjs';
  /** Sizes of the input, null for the batch; empty when the model does not say. */
  readonly input: readonly (number | null)[];
  readonly layers: readonly {
    readonly name: string;
    readonly className: string;
    readonly parameters: number;
    /** Why it does not train; empty: it does. */
    readonly problems: readonly string[];
  }[];
  readonly parameters: readonly { readonly name: string; readonly dims: readonly number[]; readonly count: number }[];
  readonly parameterCount: number;
  /** Size of the weights. */
  readonly bytes: number;
}

function isSizes(value: Json | undefined): value is readonly (number | null)[] {
  return Array.isArray(value) && value.every((dim: Json) => dim === null || typeof dim === 'number');
}

/**
 * Describes a topology and its weights, supported or not.
 * @throws KonsilError MODEL_INVALID when the topology is none.
 */
export function inspectTopology(
  topology: JsonObject,
  weights: readonly { readonly name: string; readonly dims: readonly number[] }[],
  source: string,
): InspectedTfjsModel {
  const root = readTopology(topology, source);
  const problems = findLayerProblems(root);
  const nodes = layersOf(root);
  const parameters = weights.map(({ name, dims }) => ({ name, dims, count: dims.reduce((n, dim) => n * dim, 1) }));
  const count = (of: typeof parameters): number => of.reduce((n, entry) => n + entry.count, 0);
  const input = nodes.map(({ config }) => config['batch_input_shape'] ?? config['batch_shape']).find(isSizes);
  return {
    format: 'tfjs',
    input: input ?? [],
    layers: nodes.map(({ name, className }) => ({
      ...{ name, className },
      parameters: count(parameters.filter((entry) => entry.name.startsWith(`${name}/`))),
      problems: problems.filter((problem) => problem.name === name).map(({ reason }) => reason),
    })),
    ...{ parameters, parameterCount: count(parameters), bytes: 4 * count(parameters) },
  };
}

/** Names and shapes in a model.json's `weightsManifest`. */
export function manifestWeights(manifest: Json | undefined): { name: string; dims: number[] }[] {
  const groups = Array.isArray(manifest) ? manifest : [];
  return groups.flatMap((group: Json) => {
    const weights = isObject(group) ? group['weights'] : undefined;
    return (Array.isArray(weights) ? weights : []).flatMap((spec: Json) =>
      isObject(spec) && typeof spec['name'] === 'string' && Array.isArray(spec['shape'])
        ? [{ name: spec['name'], dims: spec['shape'].map(Number) }]
        : [],
    );
  });
}
