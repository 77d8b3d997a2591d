/**
 * The codec on good, damaged and random bytes.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { isKonsilError } from '../../base/index.ts';
import { compile } from '../compile.ts';
import { inspectModel } from '../inspect.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import { decodeModel, encodeModel } from './proto.ts';
import { decodeTensor, encodeTensor, floatScalar, floatTensor, intVector, tensorFrom } from './tensor.ts';

const files = ['logreg', 'mlp', 'mlp_reg', 'resnet_tiny', 'vit_tiny'].map(
  (name) => new Uint8Array(readFixture(name, 'model_dyn.onnx')),
);
const small = builtinMlp({ inputs: 3, hidden: [2], outputs: 2, activation: 'relu', seed: 1 });

/** Operators with axes, shapes and settings that damage can make absurd. */
const chain = modelOf(
  [
    ['Shape', ['x'], 's'],
    ['Slice', ['s', 'zero', 'one'], 'n'],
    ['Concat', ['n', 'minus'], 'to', { axis: { int: 0 } }],
    ['Reshape', ['x', 'to'], 'flat'],
    ['Transpose', ['flat'], 't', { perm: { ints: [1, 0] } }],
    ['Gemm', ['t', 'w', 'b'], 'h', { transA: { int: 1 } }],
    ['Unsqueeze', ['h', 'one'], 'u'],
    ['ReduceMean', ['u'], 'm', { axes: { ints: [1] }, keepdims: { int: 0 } }],
    ['Clip', ['m', 'low'], 'c'],
    ['Dropout', ['c', 'ratio', 'on'], 'd'],
    ['Softmax', ['d'], 'y', { axis: { int: 1 } }],
  ],
  {
    zero: intVector([0]),
    one: intVector([1]),
    minus: intVector([-1]),
    w: floatTensor([6, 2], new Float32Array(12).fill(0.5)),
    b: floatTensor([2], new Float32Array(2)),
    low: floatScalar(-1),
    ratio: floatScalar(0.5),
    on: tensorFrom('bool', [], [1]),
  },
  ['n', 2, 3],
  ['n', 2],
);

/** Decodes and compiles; gives the code it was refused with. Anything but a KonsilError escapes and fails the test. */
function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    inspectModel(bytes, 'broken.onnx');
    compile(bytes, {
      source: 'broken.onnx',
      loss: 'cross_entropy',
      optimiser: { kind: 'sgd', learningRate: 1 },
      batchSize: 2,
    });
    return undefined;
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    expect(error.message).toContain('broken.onnx');
    return error.code;
  }
}

describe('ONNX codec', () => {
  it('writes PyTorch files back byte for byte', () => {
    for (const bytes of files) expect(encodeModel(decodeModel(bytes, 'x.onnx'))).toEqual(bytes);
  });

  it('writes texts and numbers of any length and size, and reads them back', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({ unit: 'grapheme', minLength: 900, maxLength: 1200 }),
    );
    const attribute = fc.record({
      name: text,
      f: fc.float({ noNaN: true }),
      i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      s: fc.uint8Array({ maxLength: 3000 }),
      ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      floats: fc.array(fc.float({ noNaN: true })),
      type: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    });
    const node = fc.record({ name: text, input: fc.array(text), attribute: fc.array(attribute) });
    const property = fc.property(fc.array(node, { maxLength: 12 }), (nodes) => {
      const full = nodes.map((given) => ({
        ...given,
        ...{ output: [], unknown: [] },
        attribute: given.attribute.map((a) => ({ ...a, strings: [], graphs: [], unknown: [] })),
      }));
      const graph = { node: full, initializer: [], input: [], output: [], valueInfo: [], unknown: [] };
      const model = { graph, opsetImport: [], metadataProps: [], unknown: [] };
      expect(decodeModel(encodeModel(model), 'm')).toEqual(model);
    });
    fc.assert(property, { seed: 20261121, numRuns: 100 });
  });

  it('keeps fields it does not know', () => {
    // field 19, length-delimited, "hi"; field 30 = 300
    const unknown = Uint8Array.of(0x9a, 0x01, 2, 0x68, 0x69, 0xf0, 0x01, 0xac, 0x02);
    const bytes = new Uint8Array([...small, ...unknown]);
    expect(encodeModel(decodeModel(bytes, 'x.onnx'))).toEqual(bytes);
  });

  it('names file and byte offset of the damage', () => {
    // field 7 (graph) says 100 bytes, 1 follows
    const bytes = Uint8Array.of(0x08, 0x08, 0x3a, 100, 0);
    expect(() => decodeModel(bytes, 'cut.onnx')).toThrow(
      'cut.onnx: not a valid onnx file at byte 4: needs 100 bytes, 1 are left',
    );
    expect(() => decodeModel(Uint8Array.of(0x08, 0x08), 'a.onnx')).toThrow(
      'a.onnx: not a valid onnx file at byte 2: ended without a graph',
    );
    expect(() => decodeModel(Uint8Array.of(0x0b), 'a.onnx')).toThrow('at byte 1: field "irVersion" has wire type 3');
    expect(() => decodeModel(new Uint8Array(12).fill(0xff), 'a.onnx')).toThrow('varint is longer than 10 bytes');
  });

  it('compiles the models that the damage tests start from', () => {
    expect([refusalOf(small), refusalOf(chain)]).toEqual([undefined, undefined]);
  });

  it('refuses every truncation of a file, with a code', () => {
    for (let length = 0; length < small.length; length++) {
      const code = refusalOf(small.subarray(0, length));
      // cut between two fields after the graph, only the opset is missing
      expect(['MODEL_INVALID', 'MODEL_UNSUPPORTED']).toContain(code);
    }
  });

  it.each([
    ['dense', small],
    ['chain', chain],
  ])('survives flipped bits in a %s model: a KonsilError or a program, never a crash', (_, model) => {
    fc.assert(
      fc.property(fc.array(fc.nat(model.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const bytes = model.slice();
        for (const bit of bits) bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect([undefined, 'MODEL_INVALID', 'MODEL_UNSUPPORTED', 'MODEL_MISMATCH']).toContain(refusalOf(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(refusalOf(bytes)).toMatch(/^MODEL_(INVALID|UNSUPPORTED)$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('tensors', () => {
  it('are copied out of a Buffer too, whose slice would be a view', () => {
    const file = Buffer.from(small);
    const [first, second] = [decodeModel(file, 'a'), decodeModel(new Uint8Array(small), 'b')];
    const weight = first.graph.initializer[0]!;
    expect(decodeTensor(weight, 'a')).toEqual(decodeTensor(second.graph.initializer[0]!, 'b'));
  });

  it('read the same from raw data and from typed lists', () => {
    for (const dtype of ['float32', 'float64', 'int32', 'int64', 'bool'] as const) {
      const tensor = tensorFrom(dtype, [2], [1, 0]);
      const raw = encodeTensor(tensor, 't');
      const { rawData: _, ...rest } = raw;
      const list = {
        float32: 'floatData',
        float64: 'doubleData',
        int32: 'int32Data',
        int64: 'int64Data',
        bool: 'int32Data',
      }[dtype];
      const values = dtype.startsWith('float') ? [1, 0] : [1n, 0n];
      expect(decodeTensor(raw, 't')).toEqual(tensor);
      expect(decodeTensor({ ...rest, [list]: values }, 't')).toEqual(tensor);
    }
  });

  it('must have as many values as their shape says', () => {
    const proto = encodeTensor(tensorFrom('float32', [3], [1, 2, 3]), 't');
    expect(() => decodeTensor({ ...proto, dims: [4] }, 'm: t')).toThrow('m: t: shape [4] needs 4 values, found 3');
    expect(() => decodeTensor({ ...proto, dims: [-3] }, 'm: t')).toThrow('shape [-3] is not possible');
    expect(() => decodeTensor({ ...proto, dims: [2 ** 40] }, 'm: t')).toThrow('is not possible');
    expect(() => decodeTensor({ ...proto, dataType: 10 }, 'm: t')).toThrow(
      'element type float16, expected one of float32',
    );
  });
});
