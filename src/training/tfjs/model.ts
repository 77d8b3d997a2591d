/**
 * From a checked container to a LayersModel whose weights lie in one flat vector. The weights' sizes are those of the
 * file before any of them is allocated, so a topology cannot ask for more memory than its own weights take.
 * @module
 */
import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, layers as tflLayers } from '@tensorflow/tfjs-layers';
import { KonsilError, messageOf } from '../../base/index.ts';
import { type Layout, type LayoutEntry, layOut, viewOf } from '../layout.ts';
import type { JsonObject, TfjsModel } from './container.ts';
import { tf, tfl } from './tf.ts';
import { checkLayers, inputName, stripHead, withInitializer } from './topology.ts';

type Layer = tflLayers.Layer;
type LayerVariable = LayersModel['weights'][number];

/** Elements of one layer's output for one row: 256 MiB of float32. */
const MAX_ACTIVATION = 1 << 26;

/** A model ready to train. */
export interface BuiltModel {
  readonly model: LayersModel;
  /** The topology that was built, without the head. */
  readonly topology: JsonObject;
  readonly layout: Layout;
  /** Variables in the order of the layout. */
  readonly variables: readonly Variable[];
  readonly initial: Float32Array;
  /** Sizes of a row. */
  readonly input: { readonly name: string; readonly dims: readonly number[] };
  readonly output: { readonly name: string; readonly dims: readonly number[] };
  /** Gives every Dropout layer its seed for the next step, or none: off. */
  readonly seedDropout: (next: (() => number) | undefined) => void;
}

/** Stands in for every initializer: zeros, as long as the weights of the file are not used up. */
class Budget extends tf.serialization.Serializable {
  static readonly className = 'KonsilBudget';
  static left = 0;

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
  ): T {
    return new cls({});
  }

  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }

  apply(shape: number[]): Tensor {
    const size = shape.reduce((n, dim) => n * dim, 1);
    if (!(size <= Budget.left)) throw new RangeError('topology has more weights than the file');
    Budget.left -= size;
    return tf.zeros(shape);
  }
}
tf.serialization.registerClass(Budget);

async function build(root: JsonObject, elements: number, source: string): Promise<LayersModel> {
  Budget.left = elements;
  try {
    const topology = withInitializer(root, { class_name: Budget.className, config: {} });
    return await tfl.models.modelFromJSON({ modelTopology: topology } as { modelTopology: never });
  } catch (cause) {
    const reason = messageOf(cause).split('\n', 1)[0];
    throw new KonsilError(
      'MODEL_INVALID',
      `${source}: TensorFlow.js cannot build this model: ${reason}`,
      { file: source },
      { cause },
    );
  }
}

/** The sizes after the batch of the only input or output. */
function portOf(
  model: LayersModel,
  side: 'input' | 'output',
  source: string,
): { readonly name: string; readonly dims: readonly number[] } {
  const ports = side === 'input' ? model.inputs : model.outputs;
  const port = ports?.[0];
  if (port === undefined || ports.length !== 1)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: model has ${ports?.length ?? 0} ${side}s, expected one (a Sequential needs an inputShape)`,
    );
  const dims = port.shape.slice(1);
  if (port.shape[0] !== null || dims.length === 0 || dims.some((dim) => dim === null || dim < 1))
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: ${side} has shape [${port.shape.map((dim) => dim ?? 'null').join(', ')}], expected [null, ...] with fixed sizes after the batch`,
    );
  return { name: port.name.split('/')[0]!, dims: dims as number[] };
}

function checkActivations(model: LayersModel, source: string): void {
  // a layer in a wrapper has no place of its own; the wrapper has
  for (const layer of everyLayer(model).filter(({ inboundNodes }) => inboundNodes.length > 0)) {
    const shapes = [layer.outputShape].flat(2);
    const size = shapes.reduce<number>((n, dim) => n * (dim ?? 1), 1);
    if (size > MAX_ACTIVATION)
      throw new KonsilError(
        'MODEL_UNSUPPORTED',
        `${source}: layer "${layer.name}" gives ${size} values a row, at most ${MAX_ACTIVATION} are taken`,
      );
  }
}

/** The layers of `model`; those of models and wrappers inside in their place. */
function everyLayer(model: LayersModel): Layer[] {
  const unfold = (layer: Layer): Layer[] => {
    if (layer instanceof tfl.LayersModel) return everyLayer(layer);
    const wrapped = 'layer' in layer ? layer.layer : undefined;
    return wrapped === undefined ? [layer] : [layer, ...unfold(wrapped as Layer)];
  };
  return model.layers.flatMap(unfold);
}

/** A frozen BatchNormalization uses its statistics as they are, as in Keras; TensorFlow.js would go on changing them. */
function holdStatistics(layer: Layer): void {
  const call = layer.call.bind(layer);
  layer.call = (inputs, kwargs) => call(inputs, { ...kwargs, training: false });
}

/** Names of the weights that are not trained but that training changes; statistics of frozen layers are held. */
function runningStatistics(layers: readonly Layer[], trained: ReadonlySet<string>): Set<string> {
  const running = new Set<string>();
  for (const layer of layers.filter((each) => each.getClassName() === 'BatchNormalization')) {
    const names = layer.weights.map(({ originalName }) => originalName);
    if (!names.some((name) => trained.has(name))) holdStatistics(layer);
    else for (const name of names) if (/\/moving_(mean|variance)$/.test(name)) running.add(name);
  }
  return running;
}

function dropoutSwitch(layers: readonly Layer[]): BuiltModel['seedDropout'] {
  const names = ['Dropout', 'SpatialDropout1D'];
  const dropouts = layers.filter((layer) => names.includes(layer.getClassName()));
  let isOn = false;
  for (const layer of dropouts) {
    const call = layer.call.bind(layer);
    layer.call = (inputs, kwargs) => call(inputs, isOn ? kwargs : { ...kwargs, training: false });
  }
  return (next) => {
    isOn = next !== undefined;
    // the layer draws the same mask for the same seed, so every step needs another one
    if (next) for (const layer of dropouts) (layer as unknown as { seed: number }).seed = next();
  };
}

/** Weights of `model` by name, each exactly as in the file. */
function checkWeights(model: LayersModel, from: TfjsModel, source: string): Map<string, LayerVariable> {
  const built = new Map(model.weights.map((weight) => [weight.originalName, weight]));
  const mismatch = (what: string): KonsilError => new KonsilError('MODEL_INVALID', `${source}: ${what}`);
  if (built.size !== model.weights.length)
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: two weights of the model have the same name`);
  for (const { name, dims } of from.weights) {
    const weight = built.get(name);
    if (weight === undefined) throw mismatch(`topology has no weight "${name}"`);
    if (weight.dtype !== 'float32' || weight.shape.join() !== dims.join())
      throw mismatch(`weight "${name}" has shape [${dims.join(', ')}], the topology [${weight.shape.join(', ')}]`);
  }
  const missing = [...built.keys()].find((name) => !from.weights.some((weight) => weight.name === name));
  if (missing !== undefined) throw mismatch(`weight "${missing}" of the topology is not in the file`);
  return built;
}

/**
 * Builds `from` for training by `loss`.
 *
 * @param choose - Which of the weights to train, by name; those of a layer with `trainable: false` are not asked for.
 * @throws KonsilError MODEL_INVALID, MODEL_UNSUPPORTED or MODEL_MISMATCH.
 */
export async function buildModel(
  from: TfjsModel,
  loss: string,
  choose: (names: readonly string[]) => ReadonlySet<string>,
  source: string,
): Promise<BuiltModel> {
  checkLayers(from.topology, source);
  const { root: topology } = stripHead(from.topology, loss, source);
  const elements = from.weights.reduce((n, { values }) => n + values.length, 0);
  const model = await build(topology, elements, source);
  try {
    // built a second time, an input made by TensorFlow.js has another name
    const input = { ...portOf(model, 'input', source), name: inputName(topology, source) };
    const output = portOf(model, 'output', source);
    checkActivations(model, source);
    const weights = checkWeights(model, from, source);
    const values = new Map(from.weights.map((weight) => [weight.name, weight.values]));
    for (const [name, weight] of weights)
      tf.tidy(() => (weight.read() as Variable).assign(tf.tensor(values.get(name)!, weight.shape as number[])));
    const layers = everyLayer(model);
    const chosen = choose(model.trainableWeights.map(({ originalName }) => originalName));
    const trained = model.trainableWeights.filter(({ originalName }) => chosen.has(originalName));
    if (trained.length === 0)
      throw new KonsilError('MODEL_UNSUPPORTED', `${source}: nothing to train, every weight is frozen`);
    const running = runningStatistics(layers, new Set(trained.map(({ originalName }) => originalName)));
    const buffers = model.weights.filter(({ originalName }) => running.has(originalName));
    const entryOf =
      (kind: LayoutEntry['kind']) =>
      ({ originalName, shape }: LayerVariable) => ({ name: originalName, dims: shape as number[], kind });
    const layout = layOut([...trained.map(entryOf('trainable')), ...buffers.map(entryOf('buffer'))]);
    const initial = new Float32Array(layout.length);
    for (const entry of layout.entries) viewOf(initial, entry).set(values.get(entry.name)!);
    return {
      ...{ model, topology, layout, initial, input, output, seedDropout: dropoutSwitch(layers) },
      variables: [...trained, ...buffers].map((weight) => weight.read() as Variable),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
