/**
 * ONNX files whose weights lie in files beside them: brought into the one file that travels.
 * @module
 * @source ONNX documentation, "External Data": TensorProto.external_data with keys location, offset and length.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';
import { decodeModel, encodeModel, type GraphProto, type TensorProto } from './onnx/proto.ts';

/** `location` seen from the model: a file from elsewhere must not send other files of this machine. */
export function besideModel(model: string, location: unknown): string {
  if (typeof location !== 'string' || location === '' || isAbsolute(location) || location.split(/[/\\]/).includes('..'))
    throw new KonsilError(
      'MODEL_INVALID',
      `${model}: weights at ${JSON.stringify(location)}, expected a path beside the model`,
      { file: model },
    );
  return join(dirname(model), location);
}

/**
 * Bytes `[offset, offset + length)` of `file`, to its end without `length`, in memory of their own.
 * @throws KonsilError FILE_NOT_FOUND
 */
export async function readBytes(file: string, offset = 0, length?: number): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { size } = await handle.stat();
    // told before memory is taken: the length comes from a file
    if (offset + (length ?? 0) > size) throw new RangeError(`it has ${size} bytes`);
    const bytes = new Uint8Array(length ?? size - offset);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, offset + at);
      if (bytesRead === 0) throw new RangeError(`it ended at byte ${offset + at}`);
      at += bytesRead;
    }
    return bytes;
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: cannot read the model: ${messageOf(cause)}`, { file }, { cause });
  } finally {
    await handle?.close();
  }
}

function isExternal({ dataLocation }: TensorProto): boolean {
  return dataLocation === 1;
}

function hasExternal({ initializer, node }: GraphProto): boolean {
  return initializer.some(isExternal) || node.some(({ attribute }) => attribute.some(({ t }) => t && isExternal(t)));
}

async function inlined(proto: TensorProto, model: string): Promise<TensorProto> {
  if (!isExternal(proto)) return proto;
  const { dataLocation: _l, externalData = [], ...rest } = proto;
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
  const numberOf = (key: string): number | undefined => {
    const given = entries.get(key);
    if (given === undefined) return undefined;
    if (!/^\d{1,15}$/.test(given))
      throw new KonsilError(
        'MODEL_INVALID',
        `${model}: initializer "${proto.name ?? ''}" has ${key} ${JSON.stringify(given)}, expected a number of bytes`,
      );
    return Number(given);
  };
  const file = besideModel(model, entries.get('location'));
  return { ...rest, rawData: await readBytes(file, numberOf('offset'), numberOf('length')) };
}

/**
 * The ONNX file `bytes`, read from `model`, with all weights in it; as it is where they are.
 *
 * @throws KonsilError MODEL_INVALID or FILE_NOT_FOUND
 */
export async function withWeights(bytes: Uint8Array, model: string): Promise<Uint8Array> {
  const proto = decodeModel(bytes, model);
  if (!hasExternal(proto.graph)) return bytes;
  const { initializer, node } = proto.graph;
  const weights: TensorProto[] = [];
  for (const tensor of initializer) weights.push(await inlined(tensor, model));
  for (const { attribute } of node)
    for (const found of attribute) if (found.t !== undefined) found.t = await inlined(found.t, model);
  return encodeModel({ ...proto, graph: { ...proto.graph, initializer: weights } });
}
