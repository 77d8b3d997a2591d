/**
 * Weights in files beside the model.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { readModelFile } from './modelFile.ts';
import { decodeModel, encodeModel, type TensorProto } from './onnx/proto.ts';
import { builtinMlp } from './zoo/tabular.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-external-'));
afterAll(() => rmSync(folder, { recursive: true }));

const mlp = builtinMlp({ inputs: 3, hidden: [5], outputs: 2, activation: 'relu', seed: 4 });
const settings = {
  source: 'm',
  loss: 'cross_entropy',
  optimiser: { kind: 'sgd', learningRate: 1 },
  batchSize: 2,
} as const;
const key = (name: string, value: string) => ({ key: name, value, unknown: [] });

/** The model with each initializer's values in `weights/w.bin`, as `place` says where. */
function split(place: (tensor: TensorProto, offset: number) => Record<string, string>): Uint8Array {
  const model = decodeModel(mlp, 'mlp');
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const initializer = model.graph.initializer.map((tensor) => {
    const { rawData, ...rest } = tensor;
    const entries = Object.entries(place(tensor, offset)).map(([name, value]) => key(name, value));
    chunks.push(rawData!, new Uint8Array(3));
    offset += rawData!.length + 3;
    return { ...rest, dataLocation: 1, externalData: entries };
  });
  mkdirSync(join(folder, 'weights'), { recursive: true });
  writeFileSync(join(folder, 'weights/w.bin'), Buffer.concat(chunks));
  return encodeModel({ ...model, graph: { ...model.graph, initializer } });
}

const rightly = (tensor: TensorProto, offset: number) => ({
  location: 'weights/w.bin',
  offset: String(offset),
  length: String(tensor.rawData!.length),
});

async function readSplit(place: Parameters<typeof split>[0]): Promise<Uint8Array> {
  const file = join(folder, 'model.onnx');
  writeFileSync(file, split(place));
  return readModelFile(file);
}

describe('weights beside the model', () => {
  it('are brought into the file: it is the one that was split', async () => {
    expect(await readSplit(rightly)).toEqual(mlp);
    expect(compile(await readSplit(rightly), settings).initial).toEqual(compile(mlp, settings).initial);
  });

  it('reach to the end of their file where no length is given', async () => {
    writeFileSync(join(folder, 'one.bin'), new Uint8Array(4 * 15));
    const first = (tensor: TensorProto, offset: number) =>
      offset === 0 ? { location: 'one.bin' } : rightly(tensor, offset);
    const { rawData } = decodeModel(await readSplit(first), 'm').graph.initializer[0]!;
    expect(rawData).toEqual(new Uint8Array(60));
  });

  it.each<[string, Record<string, string>, string, RegExp]>([
    ['a path upwards', { location: '../../etc/passwd' }, 'MODEL_INVALID', /expected a path beside the model/],
    ['a path upwards further on', { location: 'weights/../../x' }, 'MODEL_INVALID', /expected a path beside/],
    ['a Windows path upwards', { location: 'weights\\..\\..\\x' }, 'MODEL_INVALID', /expected a path beside/],
    ['an absolute path', { location: '/etc/passwd' }, 'MODEL_INVALID', /expected a path beside the model/],
    ['no path', {}, 'MODEL_INVALID', /weights at undefined/],
    ['a missing file', { location: 'none.bin' }, 'FILE_NOT_FOUND', /none\.bin/],
    ['an odd offset', { location: 'weights/w.bin', offset: '-4' }, 'MODEL_INVALID', /offset "-4"/],
    ['a huge length', { location: 'weights/w.bin', length: '999999999999999' }, 'FILE_NOT_FOUND', /it has \d+ bytes/],
    ['an offset beyond the end', { location: 'weights/w.bin', offset: '99999' }, 'FILE_NOT_FOUND', /it has \d+ bytes/],
  ])('are refused: %s', async (_, entries, code, message) => {
    await expect(readSplit(() => entries)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('of the wrong length are refused by the compiler, and unread ones too', async () => {
    const short = (tensor: TensorProto, offset: number) => ({ ...rightly(tensor, offset), length: '8' });
    const bytes = await readSplit(short);
    expect(() => compile(bytes, settings)).toThrow(/needs 15 values, found 2/);
    expect(() => compile(split(rightly), settings)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });
});
