/**
 * What a finished ONNX model takes and gives, whether or not it could be trained: how rows become its inputs, and which of
 * its outputs is the prediction.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type Name, opOf, type Port, portOf } from '../onnx/ir.ts';
import { decodeModel, type GraphProto } from '../onnx/proto.ts';
import { type DType, dtypeName, findDType, sizeOf } from '../onnx/tensor.ts';

/** What values of the prediction are: `probabilities` where the graph ends in a softmax, a sigmoid or a classifier. */
export type Scale = 'probabilities' | 'raw';

export interface GraphInput {
  readonly name: Name;
  readonly dtype: DType;
  /** Without the rows. */
  readonly dims: readonly number[];
  /** Place of the rows among the axes. */
  readonly batchAxis: number;
  /** Where it begins in a row, and how many values of it are this input. */
  readonly offset: number;
  readonly width: number;
}

export interface GraphPorts {
  readonly inputs: readonly GraphInput[];
  /** Values a row. */
  readonly width: number;
  readonly output: { readonly name: Name; readonly dtype: DType };
  readonly scale: Scale;
  /** Rows that the graph takes at once, where it says. */
  readonly fixedRows: number | undefined;
}

/**
 * Whether a tensor says that its values are in another file: the key `location` of a StringStringEntryProto, which is field 1 of
 * eight bytes, however its length is written. Such a file would be one of the machine that runs the model.
 */
function namesFiles(model: Uint8Array): boolean {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  for (let at = bytes.indexOf('location'); at >= 0; at = bytes.indexOf('location', at + 1)) {
    let tag = at - 1;
    if (bytes[tag] === 0x00) for (tag--; bytes[tag] === 0x80; ) tag--;
    if ((bytes[tag]! & 0x7f) === 0x08 && bytes[tag - 1] === 0x0a) return true;
  }
  return false;
}

/**
 * Reads the ports of `model`.
 *
 * @param options - `width`: values a row, needed only where an input leaves one axis open; `output`: the prediction's name.
 *   @default `probabilities`, `output_probability`, or the first output of numbers
 * @throws KonsilError MODEL_INVALID; MODEL_UNSUPPORTED for weights in other files, inputs of text, open axes, or no output of
 *   numbers; MODEL_MISMATCH when there is no output of that name.
 */
export function graphPorts(
  model: Uint8Array,
  source: string,
  options: { readonly width?: number | undefined; readonly output?: string | undefined } = {},
): GraphPorts {
  if (namesFiles(model))
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: model keeps weights in other files; expected all of it in one`,
    );
  const { graph } = decodeModel(model, source);
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const ports = graph.input.filter(({ name }) => !constants.has(name)).map(portOf);
  if (ports.length === 0) throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model has no input`);
  const inputs = inputsOf(ports, source, options.width);
  const output = outputOf(graph.output.map(portOf), source, options.output);
  const fixed = ports.map(({ dims }, i) => dims[inputs[i]!.batchAxis]).find((dim) => typeof dim === 'number');
  return {
    inputs,
    width: inputs.reduce((sum, { width }) => sum + width, 0),
    output,
    scale: scaleOf(graph, output.name),
    fixedRows: typeof fixed === 'number' ? fixed : undefined,
  };
}

function inputsOf(ports: readonly Port[], source: string, total: number | undefined): GraphInput[] {
  const unsupported = (name: string, why: string): KonsilError =>
    new KonsilError('MODEL_UNSUPPORTED', `${source}: input "${name}" ${why}`);
  const shapes = ports.map(({ name, elemType, dims }) => {
    const dtype = findDType(elemType);
    if (dtype === undefined) throw unsupported(name, `is of type ${dtypeName(elemType)}; expected numbers`);
    if (dims.length === 0) throw unsupported(name, 'is one number; expected rows');
    const batchAxis = Math.max(
      0,
      dims.findIndex((dim) => typeof dim === 'string'),
    );
    return { name, dtype, batchAxis, rest: dims.filter((_, axis) => axis !== batchAxis) };
  });
  const open = shapes.flatMap(({ name, rest }) => rest.filter((dim) => typeof dim === 'string').map(() => name));
  if (open.length > 1 || (open.length === 1 && total === undefined))
    throw unsupported(
      open[0]!,
      `leaves ${open.length} sizes open besides the number of rows; export it with fixed sizes`,
    );
  const known = shapes.reduce(
    (sum, { rest }) => sum + (rest.some((dim) => typeof dim === 'string') ? 0 : sizeOf(rest as number[])),
    0,
  );
  let offset = 0;
  return shapes.map(({ rest, ...shape }) => {
    const sizes = rest.filter((dim) => typeof dim === 'number');
    const left = sizes.length === rest.length ? 1 : (total! - known) / sizeOf(sizes);
    if (!Number.isInteger(left) || left < 1)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `${source}: input "${shape.name}" of shape [rows, ${rest.join(', ')}] cannot be made of ${total} values a row`,
      );
    const dims = rest.map((dim) => (typeof dim === 'number' ? dim : left));
    const input = { ...shape, dims, offset, width: sizeOf(dims) };
    offset += input.width;
    return input;
  });
}

function outputOf(ports: readonly Port[], source: string, wanted: string | undefined): GraphPorts['output'] {
  const names = ports.map(({ name }) => name);
  if (wanted !== undefined && !names.includes(wanted))
    throw new KonsilError('MODEL_MISMATCH', `${source}: model has no output "${wanted}"; it has ${names.join(', ')}`);
  const isFloat = ({ elemType }: Port): boolean => dtypeName(elemType).startsWith('float');
  const port =
    ports.find(({ name }) => name === wanted) ??
    ports.find((one) => isFloat(one) && /^(?:output_)?probabilit(?:y|ies)$/.test(one.name)) ??
    ports.find(isFloat) ??
    ports.find(({ elemType }) => findDType(elemType) !== undefined);
  const dtype = findDType(port?.elemType);
  if (port === undefined || dtype === undefined)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: ${wanted === undefined ? 'no output is' : `output "${wanted}" is not`} of numbers; from scikit-learn export with zipmap=False`,
    );
  return { name: port.name, dtype };
}

/** Operators that leave values as they are. */
const CARRIERS = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Cast', 'Transpose', 'Concat']);
const PROBABLE = new Set(['Softmax', 'Sigmoid', 'HardSigmoid']);

function scaleOf(graph: GraphProto, output: Name): Scale {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const seen = new Set<Name>();
  for (let name = output; !seen.has(name); ) {
    seen.add(name);
    const node = makers.get(name);
    if (node === undefined) return 'raw';
    const op = opOf(node);
    if (PROBABLE.has(op)) return 'probabilities';
    if (/::(?:LinearClassifier|SVMClassifier|Normalizer|TreeEnsembleClassifier)$/.test(op)) {
      const post = node.attribute.find((attribute) => attribute.name === 'post_transform')?.s;
      const transform = post === undefined ? 'NONE' : new TextDecoder().decode(post);
      // trees give shares of votes where nothing is done after them, linear ones their margin
      return transform === 'NONE' && op.endsWith('::LinearClassifier') ? 'raw' : 'probabilities';
    }
    if (!CARRIERS.has(op)) return 'raw';
    name = node.input[0] ?? '';
  }
  return 'raw';
}
