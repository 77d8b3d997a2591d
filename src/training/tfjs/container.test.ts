/**
 * The packed form: round trips, and bytes from a modeller that means harm.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convNet, layer, packed, sequential, weights } from '../../../test/fixtures/training/tfjsModels.ts';
import { isKonsilError, utf8 } from '../../base/index.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import { isTfjsModel, packTfjs, type TfjsModel, unpackTfjs } from './container.ts';
import { TfjsEngine } from './engine.ts';

const bytes = packed(convNet);
const options = {
  source: 'm',
  loss: 'cross_entropy',
  optimiser: { kind: 'sgd', learningRate: 0.1 },
  batchSize: 4,
} as const;

async function open(model: Uint8Array): Promise<'opened'> {
  const engine = await TfjsEngine.open(model, options, ['cpu']);
  await engine.close();
  return 'opened';
}

/** The code that refuses `model`, or `opened`; anything but a KonsilError is thrown. */
async function outcome(model: Uint8Array): Promise<string> {
  try {
    return await open(model);
  } catch (error) {
    if (isKonsilError(error)) return error.code;
    throw error;
  }
}

/** `model` with `edit` made to one of its layers. */
function edited(name: string, edit: object, className?: string): TfjsModel {
  const topology = structuredClone(convNet.topology) as never as {
    config: { layers: { class_name: string; config: { name: string } }[] };
  };
  const found = topology.config.layers.find(({ config }) => config.name === name)!;
  Object.assign(found.config, edit);
  if (className !== undefined) found.class_name = className;
  return { ...convNet, topology: topology };
}

describe('the packed form', () => {
  it('comes back as it went, and is the same for the same model', () => {
    expect(isTfjsModel(bytes)).toBe(true);
    const model = unpackTfjs(bytes, 'm');
    expect(model.weights).toEqual(convNet.weights);
    expect(model.topology).toEqual(convNet.topology);
    const { class_name, config } = convNet.topology;
    expect(packTfjs({ ...convNet, topology: { config: config!, class_name: class_name! } }, 'm')).toEqual(bytes);
  });

  it('is told from ONNX by its first bytes', () => {
    const onnx = builtinMlp({ inputs: 2, hidden: [], outputs: 1, activation: 'relu', seed: 1 });
    expect(isTfjsModel(onnx)).toBe(false);
    expect(isTfjsModel(utf8('KONSIL'))).toBe(false);
    expect(() => unpackTfjs(onnx, 'm')).toThrow(/not a TensorFlow.js model/);
  });

  it('is refused when it is cut anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
        expect(() => unpackTfjs(bytes.slice(0, length), 'm')).toThrow(
          expect.objectContaining({ code: 'MODEL_INVALID' }),
        );
      }),
    );
    expect(() => unpackTfjs(Uint8Array.of(...bytes, 0), 'm')).toThrow(/1\d* are there/);
  });

  it('opens or is refused with a reason, whichever bit is flipped', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 8 * bytes.length - 1 }), async (bit) => {
        const damaged = bytes.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        seen.add(isTfjsModel(damaged) ? await outcome(damaged) : 'other format');
      }),
      { numRuns: 150 },
    );
    const allowed = ['opened', 'other format', 'MODEL_INVALID', 'MODEL_UNSUPPORTED', 'MODEL_MISMATCH'];
    for (const each of seen) expect(allowed).toContain(each);
    expect(seen).toContain('MODEL_INVALID');
  });

  it.each<[string, Partial<TfjsModel>, RegExp]>([
    [
      'a weight that is not a number',
      { weights: [{ name: 'a', dims: [1], values: Float32Array.of(Number.NaN) }] },
      /"a" has values that are not finite/,
    ],
    ['the same name twice', { weights: weights(1, { a: [1] }).flatMap((w) => [w, w]) }, /two weights are called "a"/],
    ['a shape of nothing', { weights: [{ name: 'a', dims: [0], values: new Float32Array(0) }] }, /"a" has shape \[0\]/],
    [
      'a shape of other size',
      { weights: [{ name: 'a', dims: [3], values: new Float32Array(2) }] },
      /2 values, its shape 3/,
    ],
    ['a name with control characters', { weights: weights(1, { 'a\u001b[2J': [1] }) }, /unreadable name/],
    [
      'a key __proto__',
      { topology: JSON.parse('{"class_name":"Sequential","config":{"__proto__":{}}}') as never },
      /__proto__/,
    ],
    ['endless nesting', { topology: JSON.parse(`{"a":${'['.repeat(99)}${']'.repeat(99)}}`) as never }, /nested deeper/],
  ])('cannot hold %s', (_, part, message) => {
    expect(() => packTfjs({ ...convNet, ...part }, 'm')).toThrow(
      expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) }),
    );
  });
});

describe('opening a model from another party', () => {
  it.each<[string, TfjsModel, string, RegExp]>([
    ['a class of its own', edited('out', {}, 'Lambda'), 'MODEL_UNSUPPORTED', /Lambda "out" is not among the layers/],
    ['unseeded noise', edited('drop', { stddev: 1 }, 'GaussianNoise'), 'MODEL_UNSUPPORTED', /GaussianNoise "drop"/],
    [
      'a regulariser',
      edited('out', { kernel_regularizer: { class_name: 'L1L2', config: { l1: 1, l2: 0 } } }),
      'MODEL_UNSUPPORTED',
      /Dense "out" has a kernel_regularizer/,
    ],
    [
      'a fixed batch',
      edited('conv', { batch_input_shape: [4, 6, 6, 1] }),
      'MODEL_UNSUPPORTED',
      /fixed batch size of 4/,
    ],
    ['BatchNormalization without scale', edited('norm', { scale: false }), 'MODEL_UNSUPPORTED', /"norm" has no scale/],
    ['an unknown activation', edited('conv', { activation: 'eval' }), 'MODEL_INVALID', /cannot build this model/],
    // 4 TB of weights: refused before one byte of them is taken
    ['more weights than its file', edited('out', { units: 2 ** 37 }), 'MODEL_INVALID', /more weights than the file/],
    [
      'weights of another shape',
      edited('out', { units: 2 }),
      'MODEL_INVALID',
      /"out\/kernel" has shape \[8, 3\], the topology \[8, 2\]/,
    ],
    ['another weight name', edited('conv', { name: 'vonc' }), 'MODEL_INVALID', /topology has no weight "conv\/kernel"/],
    [
      'a weight too few',
      { ...convNet, weights: convNet.weights.slice(1) },
      'MODEL_INVALID',
      /more weights than the file|is not in the file/,
    ],
    ['no layers', { topology: sequential(), weights: [] }, 'MODEL_UNSUPPORTED', /0 inputs/],
    [
      'a topology that is a layer',
      { topology: layer('Dense', 'a') as never, weights: [] },
      'MODEL_INVALID',
      /topology is a Dense/,
    ],
    [
      'huge values between layers',
      {
        ...convNet,
        topology: sequential(
          layer('Flatten', 'flat', { batch_input_shape: [null, 6, 6, 1] }),
          layer('RepeatVector', 'many', { n: 2 ** 30 }),
          layer('GlobalMaxPooling1D', 'few'),
        ),
        weights: [],
      },
      'MODEL_UNSUPPORTED',
      /"many" gives 38654705664 values a row/,
    ],
  ])('refuses %s', async (_, model, code, message) => {
    await expect(open(packed(model))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
