/**
 * What a topology may contain, read as plain JSON before TensorFlow.js sees any of it: the layers that train here, the
 * settings that do not, and the activation at the end that the losses bring themselves.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { isObject, type Json, type JsonObject } from './container.ts';

/** Models that hold layers. */
const CONTAINERS = ['Sequential', 'Functional', 'Model'] as const;
/** Layers that hold one layer, in `config.layer`. */
const WRAPPERS = ['TimeDistributed', 'Bidirectional'] as const;

const KERNEL_BIAS = ['kernel', 'bias'] as const;
const RECURRENT = ['kernel', 'recurrent', 'bias'] as const;

/**
 * Layer classes that train, with the weights they make. All are TensorFlow.js's own; a class from elsewhere is refused,
 * so no code travels with a model. Left out: layers that draw random numbers without a seed, and those for which
 * TensorFlow.js has no gradient.
 */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  InputLayer: [],
  Dense: KERNEL_BIAS,
  Conv1D: KERNEL_BIAS,
  Conv2D: KERNEL_BIAS,
  Conv3D: KERNEL_BIAS,
  Conv2DTranspose: KERNEL_BIAS,
  SeparableConv2D: ['depthwise', 'pointwise', 'bias'],
  DepthwiseConv2D: ['depthwise', 'bias'],
  BatchNormalization: ['beta', 'gamma', 'moving_mean', 'moving_variance'],
  LayerNormalization: ['beta', 'gamma'],
  Embedding: ['embeddings'],
  PReLU: ['alpha'],
  SimpleRNN: RECURRENT,
  GRU: RECURRENT,
  LSTM: RECURRENT,
  ...Object.fromEntries(
    [
      ...['Activation', 'ReLU', 'LeakyReLU', 'ELU', 'Softmax', 'Dropout', 'SpatialDropout1D'],
      ...['Flatten', 'Reshape', 'Permute', 'RepeatVector', 'Masking', 'Rescaling', 'Cropping2D', 'UpSampling2D'],
      ...['ZeroPadding2D', 'MaxPooling1D', 'MaxPooling2D', 'MaxPooling3D', 'AveragePooling1D', 'AveragePooling2D'],
      ...['AveragePooling3D', 'GlobalAveragePooling1D', 'GlobalAveragePooling2D', 'GlobalMaxPooling1D'],
      ...['GlobalMaxPooling2D', 'Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Dot'],
    ].map((name) => [name, []]),
  ),
};

/** Every class that may stand in a topology. */
export const TRAINABLE_LAYERS: readonly string[] = [...CONTAINERS, ...WRAPPERS, ...Object.keys(LAYERS)];

/** One layer or model of a topology: `{ class_name, config }`. */
export interface LayerNode {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
  /** Layers inside, of a model or a wrapper. */
  readonly inside: readonly LayerNode[];
}

/** A layer that keeps the model from being trained, and why. */
export interface LayerProblem {
  readonly name: string;
  readonly className: string;
  readonly reason: string;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** @throws KonsilError MODEL_INVALID when `json` is not a layer. */
function readNode(json: Json | undefined, source: string): LayerNode {
  const className = isObject(json) ? textOf(json['class_name']) : '';
  const given = isObject(json) ? json['config'] : undefined;
  // old Keras writes a Sequential's layers in place of its config
  const config = Array.isArray(given) ? { layers: given } : given;
  if (className === '' || !isObject(config))
    throw new KonsilError('MODEL_INVALID', `${source}: a layer has no class_name or no config`, { file: source });
  const inside = CONTAINERS.some((name) => name === className)
    ? listOf(config['layers'])
    : WRAPPERS.some((name) => name === className)
      ? [config['layer']]
      : [];
  return { className, name: textOf(config['name']), config, inside: inside.map((layer) => readNode(layer, source)) };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** The root of a topology, which may be wrapped as Keras's converter writes it. @throws KonsilError MODEL_INVALID */
export function readTopology(topology: JsonObject, source: string): LayerNode {
  const root = readNode(topology['model_config'] ?? topology, source);
  if (!CONTAINERS.some((name) => name === root.className))
    throw new KonsilError('MODEL_INVALID', `${source}: topology is a ${root.className}, expected a Layers model`);
  return root;
}

/** Every layer below `root`, depth first; models and wrappers come before what they hold. */
export function layersOf(root: LayerNode): LayerNode[] {
  return root.inside.flatMap((node) => [node, ...layersOf(node)]);
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== 0 && value !== false;
}

function reasonsAgainst({ className, config }: LayerNode): string[] {
  if (!TRAINABLE_LAYERS.includes(className)) return ['is not among the layers that train'];
  const reasons = Object.keys(config)
    .filter((key) => /_(regularizer|constraint)$/.test(key) && isSet(config[key]))
    .map((key) => `has a ${key}, which is not applied here; weight decay does what an L2 regulariser does`);
  for (const key of ['dropout', 'recurrent_dropout'])
    if (isSet(config[key])) reasons.push(`has ${key}, which cannot be repeated from a seed; use a Dropout layer`);
  if (isSet(config['stateful'])) reasons.push('is stateful, and rows are shuffled');
  if (className === 'BatchNormalization' && (config['scale'] === false || config['center'] === false))
    reasons.push('has no scale or no center, with which TensorFlow.js cannot train it');
  const shape = config['batch_input_shape'];
  if (Array.isArray(shape) && shape[0] !== null)
    reasons.push(`has a fixed batch size of ${String(shape[0])}, expected null`);
  return reasons;
}

/** Every layer that keeps the model from being trained. */
export function findLayerProblems(root: LayerNode): LayerProblem[] {
  return layersOf(root).flatMap((node) =>
    reasonsAgainst(node).map((reason) => ({ name: node.name, className: node.className, reason })),
  );
}

/** @throws KonsilError MODEL_UNSUPPORTED naming every layer that does not train; MODEL_INVALID */
export function checkLayers(topology: JsonObject, source: string): void {
  const problems = findLayerProblems(readTopology(topology, source));
  if (problems.length === 0) return;
  const list = problems.map(({ name, className, reason }) => `${className} "${name}" ${reason}`).join('; ');
  throw new KonsilError('MODEL_UNSUPPORTED', `${source}: layers the trainer does not support: ${list}`, {
    file: source,
    count: problems.length,
  });
}

/** The activation at the end that a loss on logits brings itself. */
export type Head = 'softmax' | 'sigmoid';

interface Rewrite {
  readonly root: JsonObject;
  readonly head: Head | undefined;
}

function activationOf({ className, config }: LayerNode): Head | undefined {
  if (className === 'Softmax') return 'softmax';
  const activation = textOf(config['activation']);
  const isHead = className === 'Activation' || className === 'Dense' || className.includes('Conv');
  return isHead && (activation === 'softmax' || activation === 'sigmoid') ? activation : undefined;
}

/** Name of the layer whose output is the model's; undefined unless there is exactly one. */
function outputName({ className, config, inside }: LayerNode): string | undefined {
  if (className === 'Sequential') return inside.at(-1)?.name;
  const outputs = listOf(config['output_layers']);
  const only = Array.isArray(outputs[0]) ? outputs[0][0] : outputs[0];
  const isOne = outputs.length === 1 || (outputs.length === 3 && typeof outputs[0] === 'string');
  return isOne && typeof only === 'string' ? only : undefined;
}

/** Name of the model's only input, as TensorFlow.js names the first time it builds it. */
export function inputName(topology: JsonObject, source: string): string {
  const nameIn = ({ className, config, inside }: LayerNode): string => {
    const inputs = listOf(config['input_layers']);
    if (className !== 'Sequential') return textOf(listOf(inputs[0])[0] ?? inputs[0]);
    const first = inside[0];
    if (first === undefined) return '';
    if (CONTAINERS.some((name) => name === first.className)) return nameIn(first);
    return first.className === 'InputLayer' ? first.name : `${first.name}_input`;
  };
  return nameIn(readTopology(topology, source));
}

/** Whether a layer of `model` other than its end reads the layer `name`. */
function isReadInside({ config }: LayerNode, name: string): boolean {
  const names = (value: Json): boolean =>
    Array.isArray(value) && ((value[0] === name && typeof value[1] === 'number') || value.some(names));
  return listOf(config['layers']).some((layer) => isObject(layer) && names(layer['inbound_nodes'] ?? []));
}

/** The activation at the end of `model` and the path of layer positions to it. */
function findEnd(model: LayerNode): { head: Head; path: number[]; isShared: boolean } | undefined {
  const name = outputName(model);
  const at = model.inside.findIndex((node) => node.name === name);
  const end = model.inside[at];
  if (name === undefined || end === undefined) return undefined;
  const isShared = isReadInside(model, name);
  if (CONTAINERS.some((container) => container === end.className)) {
    const inner = findEnd(end);
    return inner && { head: inner.head, path: [at, ...inner.path], isShared: isShared || inner.isShared };
  }
  const head = activationOf(end);
  return head && { head, path: [at], isShared };
}

/** Whether a model's end makes probabilities. */
export function endsInProbabilities(topology: JsonObject, source: string): boolean {
  return findEnd(readTopology(topology, source)) !== undefined;
}

/** `layer` with `activation` linear. */
function linear(layer: JsonObject): JsonObject {
  const { axis: _axis, ...config } = layer['config'] as JsonObject;
  const className = layer['class_name'] === 'Softmax' ? 'Activation' : layer['class_name']!;
  return { ...layer, class_name: className, config: { ...config, activation: 'linear' } };
}

function rewriteAt(model: JsonObject, path: readonly number[]): JsonObject {
  const [at, ...rest] = path;
  if (at === undefined) return linear(model);
  const config = model['config'] as JsonObject;
  const layers = config['layers'] as readonly JsonObject[];
  const changed = layers.map((layer, i) => (i === at ? rewriteAt(layer, rest) : layer));
  return { ...model, config: { ...config, layers: changed } };
}

const HEAD_OF_LOSS: Readonly<Record<string, Head>> = { cross_entropy: 'softmax', bce_with_logits: 'sigmoid' };

/**
 * The topology without the softmax or sigmoid at its end, when `loss` takes logits: cross_entropy brings the softmax
 * itself, bce_with_logits the sigmoid. For other losses the end stays as it is.
 *
 * @throws KonsilError MODEL_MISMATCH when the end is the other of the two, or is read inside the model as well.
 */
export function stripHead(topology: JsonObject, loss: string, source: string): Rewrite {
  const root = (topology['model_config'] ?? topology) as JsonObject;
  const end = findEnd(readTopology(topology, source));
  const expected = HEAD_OF_LOSS[loss];
  if (end === undefined || expected === undefined) return { root, head: undefined };
  if (end.head !== expected)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model ends in ${end.head}, loss ${loss} expects logits or ${expected}`,
    );
  if (end.isShared)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: the ${end.head} at the end is also read inside the model; give it a layer of its own`,
    );
  return { root: rewriteAt(root, end.path), head: end.head };
}

/** `root` with every initializer replaced by `initializer`: weights come from the file. */
export function withInitializer(root: JsonObject, initializer: JsonObject): JsonObject {
  const className = textOf(root['class_name']);
  const config = root['config'] as JsonObject;
  const inner = (node: Json): JsonObject => withInitializer(node as JsonObject, initializer);
  if (Array.isArray(config)) return { ...root, config: config.map(inner) };
  const next: Record<string, Json> = { ...config };
  for (const weight of LAYERS[className] ?? []) next[`${weight}_initializer`] = initializer;
  // an LSTM makes this part of its bias by itself, of ones
  if (className === 'LSTM') next['unit_forget_bias'] = false;
  if (Array.isArray(config['layers'])) next['layers'] = config['layers'].map(inner);
  if (isObject(config['layer'])) next['layer'] = inner(config['layer']);
  return { ...root, config: next };
}
