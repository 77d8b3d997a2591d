/**
 * A model that TensorFlow.js has loaded, or a model.json with its weights, as the packed form that travels.
 * @module
 */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { isKonsilError, KonsilError, messageOf } from '../../base/index.ts';
import { isObject, type JsonObject, packTfjs } from './container.ts';
import { tf, tfl } from './tf.ts';
import { checkLayers } from './topology.ts';

/** A model.json taken apart, as `tf.io` has it. */
export interface TfjsArtifacts {
  readonly modelTopology: JsonObject;
  /** Absent: the weights are drawn by the layers' initializers. */
  readonly weightSpecs?: readonly JsonObject[];
  readonly weightData?: Uint8Array;
}

async function ready(): Promise<void> {
  if (tf.getBackend()) return;
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
}

/** Packs a model that exists in memory. @throws KonsilError MODEL_UNSUPPORTED or MODEL_INVALID */
export async function packLayersModel(model: LayersModel, source: string): Promise<Uint8Array> {
  const topology = model.toJSON(null, false) as unknown as JsonObject;
  checkLayers(topology, source);
  const weights = [];
  for (const weight of model.weights) {
    const { originalName: name, shape, dtype } = weight;
    if (dtype !== 'float32')
      throw new KonsilError('MODEL_UNSUPPORTED', `${source}: weight "${name}" is ${dtype}, expected float32`);
    weights.push({ name, dims: shape as number[], values: Float32Array.from(await weight.read().data()) });
  }
  return packTfjs({ topology, weights }, source);
}

/**
 * Loads and packs a model.json: names, weight types and topology become those of this version of TensorFlow.js,
 * whichever program wrote the file.
 *
 * @throws KonsilError MODEL_UNSUPPORTED naming every layer that does not train, MODEL_INVALID
 */
export async function packArtifacts(artifacts: TfjsArtifacts, source: string): Promise<Uint8Array> {
  checkLayers(artifacts.modelTopology, source);
  await ready();
  let model: LayersModel | undefined;
  try {
    const { weightData, ...rest } = artifacts;
    const data = weightData && { weightData: new Uint8Array(weightData).buffer };
    model = await tfl.loadLayersModel(tf.io.fromMemory({ ...rest, ...data }));
    return await packLayersModel(model, source);
  } catch (cause) {
    if (isKonsilError(cause)) throw cause;
    const reason = messageOf(cause).split('\n', 1)[0];
    throw new KonsilError(
      'MODEL_INVALID',
      `${source}: TensorFlow.js cannot load this model: ${reason}`,
      { file: source },
      { cause },
    );
  } finally {
    model?.dispose();
  }
}

/** Calls the function a module exports by default with TensorFlow.js and packs the model it returns. */
export async function packModuleModel(build: unknown, source: string): Promise<Uint8Array> {
  const wrong = (what: string): KonsilError => new KonsilError('MODEL_INVALID', `${source}: ${what}`, { file: source });
  if (typeof build !== 'function') throw wrong('expected `export default (tf) => model`');
  await ready();
  let model: unknown;
  try {
    model = await (build as (api: object) => unknown)({ ...tf, ...tfl });
  } catch (cause) {
    throw new KonsilError(
      'MODEL_INVALID',
      `${source}: its function failed: ${messageOf(cause)}`,
      { file: source },
      { cause },
    );
  }
  // by what it has, not by its class: a module may bring a TensorFlow.js of its own
  const looksRight = isObject(model) && 'toJSON' in model && 'weights' in model && 'layers' in model;
  if (!looksRight) throw wrong('its function returned no LayersModel');
  return packLayersModel(model as LayersModel, source);
}
