/**
 * Trained parameters back into the model file, and a self-contained file for use elsewhere: raw features in,
 * probabilities out, in any onnxruntime.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { checkParameters, type Layout, viewOf } from './layout.ts';
import { mergedWeight } from './lora.ts';
import { nodeProto, portProto } from './onnx/emit.ts';
import { type Attributes, type Name, opOf, portOf } from './onnx/ir.ts';
import {
  type AttributeProto,
  decodeModel,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from './onnx/proto.ts';
import { decodeTensor, encodeTensor, findDType, floatTensor, sizeOf, type Tensor } from './onnx/tensor.ts';

export interface ExportOptions {
  /** Name of the model file, for error messages. */
  readonly source: string;
  /**
   * Standardisation to put in front: missing features (NaN) become `mean`, then (raw - mean) / scale. One value per
   * feature; `scale` finite and not 0.
   * @default none
   */
  readonly preprocess?: { readonly mean: Float32Array; readonly scale: Float32Array };
  /** What makes the second output `probabilities` from the raw output; `none` adds no output. */
  readonly head: 'softmax' | 'sigmoid' | 'none';
  /** Entries for the file's metadata; they replace entries of the same key. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Name of the exported model's input, for models with one. @default that of the model */
  readonly inputName?: string;
  /** The output to keep. @default the only one */
  readonly output?: string;
}

type Model = ModelProto & { graph: GraphProto };

/** Name of the output that `head` adds. */
const PROBABILITIES = 'probabilities';

/** New values of the file's initializers, by name: trained ones, and matrices with their adapters merged in. */
function valuesOf(model: Model, layout: Layout, parameters: Float32Array, source: string): Map<Name, Tensor> {
  checkParameters(layout, parameters);
  const values = new Map(
    layout.entries.map((entry) => [entry.name, floatTensor(entry.dims, viewOf(parameters, entry))]),
  );
  for (const adapter of layout.adapters ?? []) {
    const [a, b] = [values.get(adapter.a)!, values.get(adapter.b)!];
    const proto = model.graph.initializer.find(({ name }) => name === adapter.weight);
    const [rows, columns] = adapter.isInputFirst ? [a.dims[0], b.dims[1]] : [b.dims[0], a.dims[1]];
    if (proto?.dims.join() !== `${rows},${columns}`)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `${source}: model has no matrix "${adapter.weight}" [${rows}, ${columns}]`,
      );
    const base = decodeTensor(proto, `${source}: initializer "${adapter.weight}"`);
    const [weight, factors] = [base.data as Float32Array, [a.data, b.data] as [Float32Array, Float32Array]];
    values.set(adapter.weight, floatTensor(base.dims, mergedWeight(weight, base.dims, ...factors, adapter)));
    values.delete(adapter.a);
    values.delete(adapter.b);
  }
  return values;
}

function replaceParameters(model: Model, layout: Layout, parameters: Float32Array, source: string): Model {
  const values = valuesOf(model, layout, parameters, source);
  const initializer = model.graph.initializer.map((proto) => {
    const name = proto.name ?? '';
    const value = values.get(name);
    if (value === undefined) return proto;
    if (proto.dims.join() !== value.dims.join())
      throw new KonsilError(
        'MODEL_MISMATCH',
        `${source}: "${name}" has shape [${proto.dims.join(', ')}], the parameters have [${value.dims.join(', ')}]`,
      );
    values.delete(name);
    const unknown = proto.unknown;
    return { ...encodeTensor(value, name), unknown };
  });
  if (values.size > 0)
    throw new KonsilError('MODEL_MISMATCH', `${source}: model has no initializer ${[...values.keys()].join(', ')}`);
  return { ...model, graph: { ...model.graph, initializer } };
}

/**
 * The ONNX file `model` with the weights of `layout` taken from `parameters` and adapters merged; all else as it was.
 *
 * @throws KonsilError MODEL_MISMATCH when `layout` does not belong to the model, MODEL_INVALID when it is malformed.
 */
export function writeParameters(
  model: Uint8Array,
  layout: Layout,
  parameters: Float32Array,
  source: string,
): Uint8Array {
  return encodeModel(replaceParameters(decodeModel(model, source), layout, parameters, source));
}

function node(op: string, name: string, inputs: Name[], output: Name, attributes: Attributes = {}): NodeProto {
  return nodeProto({ op, name, inputs, outputs: [output], attributes });
}

/** For use, not training: Dropout without the inputs that switch it on, batch normalisation by running statistics. */
function settle(proto: NodeProto): NodeProto {
  const op = opOf(proto);
  if (op !== 'Dropout' && op !== 'BatchNormalization') return proto;
  const output = proto.output.slice(0, 1);
  if (op === 'Dropout') return { ...proto, input: proto.input.slice(0, 1), output };
  return { ...proto, output, attribute: proto.attribute.filter(({ name }) => name !== 'training_mode') };
}

/** `port` with a symbolic batch axis: the symbolic one it has, else the first. */
function freeBatch(port: ValueInfoProto): ValueInfoProto {
  const { name, elemType, dims } = portOf(port);
  const dtype = findDType(elemType) ?? 'float32';
  return portProto(name, { dtype, dims: dims.some((dim) => typeof dim === 'string') ? dims : dims.with(0, 'batch') });
}

function usedNames(graph: GraphProto): Set<Name> {
  const tensors = [...graph.initializer, ...graph.input, ...graph.output].map(({ name }) => name ?? '');
  return new Set([...tensors, ...graph.node.flatMap((proto) => [...proto.input, ...proto.output])]);
}

/** `stem`, or `stem_1`, `stem_2`, ... until it is not in `used`; then it is. */
function fresh(used: Set<Name>, stem: Name): Name {
  let name = stem;
  for (let i = 1; used.has(name); i++) name = `${stem}_${i}`;
  used.add(name);
  return name;
}

function checkPreprocess({ mean, scale }: NonNullable<ExportOptions['preprocess']>, width: number, name: Name): void {
  if (mean.length !== width || scale.length !== width)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `model expects ${width} features on input "${name}", preprocessing has ${mean.length} means and ${scale.length} scales`,
    );
  if (!mean.every(Number.isFinite) || !scale.every((s) => Number.isFinite(s) && s !== 0))
    throw new KonsilError('CONFIG_INVALID', 'preprocessing needs finite means and finite scales other than 0');
}

/** Nodes and constants that turn `raw` into `ready`. */
function preprocessing(
  { mean, scale }: NonNullable<ExportOptions['preprocess']>,
  dims: readonly number[],
  used: Set<Name>,
  raw: Name,
  ready: Name,
): Pick<GraphProto, 'node' | 'initializer'> {
  const name = (stem: string): Name => fresh(used, `preprocess/${stem}`);
  const [meanName, scaleName, missing, filled, centred] = ['mean', 'scale', 'missing', 'filled', 'centred'].map(name);
  return {
    initializer: [encodeTensor(floatTensor(dims, mean), meanName), encodeTensor(floatTensor(dims, scale), scaleName)],
    node: [
      node('IsNaN', 'preprocess/IsNaN', [raw], missing!),
      node('Where', 'preprocess/Where', [missing!, meanName!, raw], filled!),
      node('Sub', 'preprocess/Sub', [filled!, meanName!], centred!),
      node('Div', 'preprocess/Div', [centred!, scaleName!], ready),
    ],
  };
}

function isSubgraph(attribute: AttributeProto): boolean {
  return attribute.g !== undefined || attribute.graphs.length > 0;
}

function withMetadata(model: Model, metadata: ExportOptions['metadata']): ModelProto['metadataProps'] {
  const kept = model.metadataProps.filter(({ key }) => !Object.hasOwn(metadata, key ?? ''));
  return [...kept, ...Object.entries(metadata).map(([key, value]) => ({ key, value, unknown: [] }))];
}

/**
 * A file for use: trained weights, free batch axis, Dropout off, batch normalisation by running
 * statistics, standardisation in front and probabilities behind.
 * Outputs are the model's raw output under its own name and, with a head, `probabilities`.
 *
 * @throws KonsilError MODEL_MISMATCH when parameters or preprocessing do not fit, MODEL_UNSUPPORTED for models with
 * several inputs or outputs, with subgraphs or with an output already called `probabilities`.
 */
export function exportModel(
  model: Uint8Array,
  layout: Layout,
  parameters: Float32Array,
  options: ExportOptions,
): Uint8Array {
  const { source, preprocess, head, metadata } = options;
  const trained = replaceParameters(decodeModel(model, source), layout, parameters, source);
  const { graph } = trained;
  const names = new Set(graph.initializer.map((proto) => proto.name));
  const ports = graph.input.filter((port) => !names.has(port.name));
  const outputs = graph.output.filter(({ name }) => options.output === undefined || name === options.output);
  const [input, output] = [ports[0], outputs[0]];
  const isPlain = preprocess === undefined && options.inputName === undefined;
  if (input === undefined || output === undefined || (ports.length > 1 && !isPlain) || outputs.length > 1)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: model has ${ports.length} inputs and ${outputs.length} outputs, expected one of each`,
    );
  if (graph.node.some((proto) => proto.attribute.some(isSubgraph)))
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model has nested graphs, which cannot be exported`);
  const used = usedNames(graph);
  if (head !== 'none' && used.has(PROBABILITIES))
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model uses the name "${PROBABILITIES}" already`);
  const given = portOf(input);
  const raw = options.inputName ?? given.name;
  // the inner input keeps its name unless the exported one takes it
  const ready = raw === given.name && preprocess !== undefined ? fresh(used, `${given.name}/standardised`) : given.name;
  if (raw !== given.name && used.has(raw))
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model uses the name "${raw}" already`);
  const before = preprocess === undefined ? undefined : frontOf(preprocess, given, used, raw, ready);
  const inner = preprocess === undefined ? raw : ready;
  const rewire = (name: Name): Name => (name === given.name ? inner : name);
  const body = graph.node.map((proto) => settle({ ...proto, input: proto.input.map(rewire) }));
  return encodeModel({
    ...trained,
    metadataProps: withMetadata(trained, metadata),
    graph: {
      ...graph,
      initializer: [...graph.initializer, ...(before?.initializer ?? [])],
      node: [...(before?.node ?? []), ...body, ...headNodes(head, output.name ?? '')],
      input: ports.map((port) => freeBatch(port === input ? { ...port, name: raw } : port)),
      output:
        head === 'none' ? [freeBatch(output)] : [freeBatch(output), freeBatch({ ...output, name: PROBABILITIES })],
      // recorded shapes of intermediate values name the old batch size
      valueInfo: [],
    },
  });
}

function frontOf(
  preprocess: NonNullable<ExportOptions['preprocess']>,
  given: ReturnType<typeof portOf>,
  used: Set<Name>,
  raw: Name,
  ready: Name,
): Pick<GraphProto, 'node' | 'initializer'> {
  const dims = given.dims.slice(1).map(Number);
  checkPreprocess(preprocess, sizeOf(dims), given.name);
  return preprocessing(preprocess, dims, used, raw, ready);
}

function headNodes(head: ExportOptions['head'], output: Name): NodeProto[] {
  // classes are axis 1, also where pixels follow
  if (head === 'softmax') return [node('Softmax', PROBABILITIES, [output], PROBABILITIES, { axis: { int: 1 } })];
  return head === 'sigmoid' ? [node('Sigmoid', PROBABILITIES, [output], PROBABILITIES)] : [];
}
