/**
 * Trained parameters back into a model.json with one file of weights, as `tf.loadLayersModel` reads them: the model as
 * it came, its softmax or sigmoid included.
 * @module
 */
import { createHash } from 'node:crypto';
import { bytesOf, concatBytes, KonsilError } from '../../base/index.ts';
import { checkParameters, type Layout, viewOf } from '../layout.ts';
import { unpackTfjs } from './container.ts';

/** Two files of one model. */
export interface TfjsFiles {
  readonly json: string;
  readonly weights: Uint8Array;
}

/**
 * The packed `model` with the weights of `layout` taken from `parameters`.
 *
 * @param weightsFile - Name of the weights beside the model.json.
 * @param metadata - Becomes `userDefinedMetadata`, with the SHA-256 of the weights: who checks the model.json's hash
 * has checked both files.
 * @throws KonsilError MODEL_MISMATCH when `layout` does not belong to the model.
 */
export function exportTfjs(
  model: Uint8Array,
  layout: Layout,
  parameters: Float32Array,
  {
    source,
    weightsFile,
    metadata,
  }: { source: string; weightsFile: string; metadata: Readonly<Record<string, unknown>> },
): TfjsFiles {
  checkParameters(layout, parameters);
  const { topology, weights } = unpackTfjs(model, source);
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  const trained = weights.map(({ name, dims, values }) => {
    const entry = entries.get(name);
    entries.delete(name);
    if (entry !== undefined && entry.dims.join() !== dims.join())
      throw new KonsilError('MODEL_MISMATCH', `${source}: "${name}" has another shape than the parameters`);
    return bytesOf(entry === undefined ? values : viewOf(parameters, entry));
  });
  if (entries.size > 0)
    throw new KonsilError('MODEL_MISMATCH', `${source}: model has no weight ${[...entries.keys()].join(', ')}`);
  const bytes = concatBytes(...trained);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const specs = weights.map(({ name, dims }) => ({ name, shape: dims, dtype: 'float32' }));
  const json = {
    ...{ format: 'layers-model', generatedBy: 'konsil', convertedBy: null, modelTopology: topology },
    weightsManifest: [{ paths: [weightsFile], weights: specs }],
    userDefinedMetadata: { ...metadata, 'konsil.weights.sha256': sha256 },
  };
  return { json: `${JSON.stringify(json)}\n`, weights: bytes };
}
