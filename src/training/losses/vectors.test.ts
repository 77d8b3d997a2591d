/**
 * Losses and their gradients, run alone: against PyTorch, against their formulas in float64 on random shapes, and padded.
 * Tolerance: sums of a few hundred terms in float32, so 64 roundings of 2^-24 relative to the largest number; central
 * differences with h = 1e-5 are good to 1e-8.
 * @module
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LossCase,
  lossGraph,
  lossReference,
  runLoss,
  slopeReference,
} from '../../../test/fixtures/training/lossReference.ts';
import { emitModel } from '../onnx/emit.ts';
import { decodeModel } from '../onnx/proto.ts';
import { type LossSpec, resolveLoss } from './spec.ts';

interface Vector extends Omit<LossCase, 'weight'> {
  readonly name: string;
  readonly loss: number;
  readonly gradient: readonly number[];
}

const path = new URL('../../../test/vectors/losses/losses.json', import.meta.url);
const VECTORS = JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[];
const TOLERANCE = 64 * 2 ** -24;

function expectClose(actual: readonly number[], expected: readonly number[], scale = 1): void {
  const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const worst = expected.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[i]!)), 0);
  expect(actual).toHaveLength(expected.length);
  expect(actual.every(Number.isFinite)).toBe(true);
  expect(worst).toBeLessThanOrEqual(TOLERANCE * (largest + scale));
}

const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

describe('losses against PyTorch', () => {
  it.each(VECTORS.flatMap((v) => (['cpu', 'gpu'] as const).map((target) => [v.name, target, v] as const)))(
    '%s on %s',
    async (_, target, vector) => {
      const given = { ...vector, weight: ones(vector.dims[0]!) };
      const { loss, gradient } = await runLoss(given, target);
      expectClose([loss], [vector.loss]);
      expectClose(gradient, vector.gradient, 0.1);
      // the reference of the random tests stands the same test
      expect(Math.abs(lossReference(given) - vector.loss)).toBeLessThan(1e-12 * (1 + vector.loss));
    },
  );
});

const number = fc.double({ min: -3, max: 3, noNaN: true }).map(Math.fround);
const share = fc.double({ min: 0, max: 1, noNaN: true }).map(Math.fround);
const positive = fc.double({ min: 0.25, max: 4, noNaN: true }).map(Math.fround);

function list<T>(count: number, element: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(element, { minLength: count, maxLength: count });
}

function size(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}

/** Weights of samples, at least one above 0, as padding has them and in between. */
function weights(batch: number): fc.Arbitrary<number[]> {
  return list<number>(batch, fc.constantFrom(0, 1, 0.5)).map((w) => (w.some((v) => v > 0) ? w : w.with(0, 1)));
}

const dimsOf = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }));

function elementwise(
  spec: (dims: readonly number[]) => fc.Arbitrary<LossSpec>,
  target = number,
): fc.Arbitrary<LossCase> {
  return dimsOf.chain(([batch, rest]) => {
    const dims = [batch, ...rest];
    return fc.record({
      spec: spec(dims),
      dims: fc.constant(dims),
      output: list(size(dims), number),
      target: list(size(dims), target),
      weight: weights(batch),
    });
  });
}

const crossEntropy: fc.Arbitrary<LossCase> = fc
  .tuple(dimsOf, fc.integer({ min: 2, max: 5 }))
  .chain(([[batch, rest], classes]) => {
    const positions = rest.slice(0, 2);
    const dims = [batch, classes, ...positions];
    return fc.record({
      spec: fc.record(
        {
          kind: fc.constant('cross_entropy' as const),
          classWeights: list<number>(classes, fc.oneof(positive, fc.constant(0))).map((w) => w.with(0, 1)),
          labelSmoothing: fc.constantFrom(0, 0.1, 0.5),
          ignoreIndex: fc.constant(-1),
        },
        { requiredKeys: ['kind', 'ignoreIndex'] },
      ),
      dims: fc.constant(dims),
      output: list(size(dims), number),
      target: list(batch * size(positions), fc.integer({ min: -1, max: classes - 1 })),
      weight: weights(batch),
    });
  });

const cox: fc.Arbitrary<LossCase> = fc.integer({ min: 1, max: 7 }).chain((batch) =>
  fc.record({
    spec: fc.constant('cox' as const),
    dims: fc.constant([batch, 1]),
    output: list(batch, number),
    // few distinct times, so that there are ties
    target: list(batch, fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom(0, 1))).map((rows) => rows.flat()),
    weight: weights(batch),
  }),
);

const RANDOM: Readonly<Record<string, fc.Arbitrary<LossCase>>> = {
  cross_entropy: crossEntropy,
  bce_with_logits: elementwise(
    (dims) =>
      fc.oneof(
        fc.constant('bce_with_logits' as const),
        fc.record({
          kind: fc.constant('bce_with_logits' as const),
          posWeight: fc.oneof(positive, list(dims[1] ?? 1, positive)),
        }),
      ),
    share,
  ),
  mse: elementwise(() => fc.constant('mse')),
  mae: elementwise(() => fc.constant('mae')),
  huber: elementwise(() => fc.record({ kind: fc.constant('huber' as const), delta: positive })),
  smooth_l1: elementwise(() => fc.record({ kind: fc.constant('smooth_l1' as const), beta: positive })),
  dice: elementwise(() => fc.record({ kind: fc.constant('dice' as const), smooth: positive }), share),
  bce_dice: elementwise(() => fc.constant('bce_dice'), share),
  cox,
};

/** Whether a kink lies so close that differences say nothing. */
function isNearKink({ spec, output, target }: LossCase): boolean {
  const options = resolveLoss(spec);
  const kinks = options.kind === 'mae' ? [0] : [];
  return output.some((z, i) => kinks.some((kink) => Math.abs(Math.abs(z - target[i]!) - kink) < 1e-3));
}

describe('losses on random shapes', () => {
  it.each(Object.entries(RANDOM))(
    '%s has the value of its formula and the gradient of its slopes',
    async (_, cases) => {
      const property = fc.asyncProperty(cases, async (given) => {
        fc.pre(!isNearKink(given));
        const { loss, gradient } = await runLoss(given);
        expectClose([loss], [lossReference(given)]);
        expectClose(gradient, slopeReference(given));
      });
      await fc.assert(property, { numRuns: 40, seed: 11 });
    },
  );

  it.each(Object.entries(RANDOM))('%s is the same with padding behind, on gpu too', async (_, cases) => {
    const property = fc.asyncProperty(cases, fc.integer({ min: 1, max: 3 }), async (given, extra) => {
      const batch = given.dims[0]!;
      const pad = (values: readonly number[]): number[] => {
        const first = values.slice(0, values.length / batch);
        return [...values, ...Array.from({ length: extra }, () => first).flat()];
      };
      const plain = await runLoss(given);
      const padded = await runLoss(
        {
          spec: given.spec,
          dims: [batch + extra, ...given.dims.slice(1)],
          output: pad(given.output),
          target: pad(given.target),
          weight: [...given.weight, ...Array.from({ length: extra }, () => 0)],
        },
        'gpu',
      );
      expectClose([padded.loss, padded.mass ?? 0], [plain.loss, plain.mass ?? 0]);
      expectClose(padded.gradient.slice(0, plain.gradient.length), plain.gradient);
      expect(padded.gradient.slice(plain.gradient.length).every((g) => g === 0)).toBe(true);
    });
    await fc.assert(property, { numRuns: 15, seed: 12 });
  });
});

describe('losses at their edges', () => {
  it('cox without events has loss and gradient 0, and counts for nothing', async () => {
    const given = {
      spec: 'cox',
      dims: [3, 1],
      output: [1, 2, 3],
      target: [1, 0, 2, 0, 3, 0],
      weight: ones(3),
    } as const;
    const { loss, gradient, mass } = await runLoss(given);
    expect([loss + 0, mass, ...gradient.map((g) => g + 0)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('cross_entropy with all targets ignored has loss and gradient 0', async () => {
    const spec = { kind: 'cross_entropy', ignoreIndex: 9 } as const;
    const given = { spec, dims: [2, 2], output: [1, 2, 3, 4], target: [9, 9], weight: ones(2) };
    const { loss, gradient } = await runLoss(given);
    expect([loss + 0, ...gradient.map((g) => g + 0)]).toEqual([0, 0, 0, 0, 0]);
  });

  it.each(['cpu', 'gpu'] as const)('stay finite for extreme outputs on %s', async (target) => {
    const output = [1e30, -1e30, 200, -200];
    const of = async (spec: LossSpec, y: number[], dims = [4, 1]) =>
      runLoss({ spec, dims, output, target: y, weight: ones(dims[0]!) }, target);
    for (const spec of ['bce_with_logits', 'dice', 'bce_dice', 'mae', 'huber'] as const) {
      const { loss, gradient } = await of(spec, [1, 0, 1, 0]);
      expect([loss, ...gradient].every(Number.isFinite), spec).toBe(true);
    }
    const wide = { kind: 'bce_with_logits', posWeight: 3 } as const;
    expect((await of(wide, [1, 0, 1, 0])).loss).toBe(0);
    expect((await of('cross_entropy', [0, 0], [2, 2])).loss + 0).toBe(0);
    const survival = await runLoss(
      { spec: 'cox', dims: [3, 1], output: [1e4, -1e4, 0], target: [1, 1, 2, 1, 3, 1], weight: ones(3) },
      target,
    );
    expect(survival.loss).toBeCloseTo(1e4 / 3, 2);
  });

  it('use no operator that WebGPU leaves to the processor', () => {
    const slow = new Set(['LogSoftmax', 'Sign', 'Or', 'OneHot']);
    for (const { spec, dims } of VECTORS) {
      const { graph, loss, seed } = lossGraph({ spec, dims }, 'gpu');
      const nodes = decodeModel(emitModel(graph, new Map([['l', loss], ['s', seed]])), 'g').graph.node; // biome-ignore format: pairs
      expect(nodes.map(({ opType }) => opType ?? '').filter((op) => slow.has(op))).toEqual([]);
    }
  });

  it.each<[LossSpec, string]>([
    [{ kind: 'cross_entropy', classWeights: [1, -1] }, 'loss classWeights is -1, expected [0, ∞)'],
    [{ kind: 'cross_entropy', classWeights: [0, 0] }, 'loss classWeights are all 0'],
    [{ kind: 'cross_entropy', labelSmoothing: 1 }, 'loss labelSmoothing is 1, expected [0, 1)'],
    [{ kind: 'cross_entropy', ignoreIndex: 0.5 }, 'loss ignoreIndex is 0.5'],
    [{ kind: 'bce_with_logits', posWeight: 0 }, 'loss posWeight is 0, expected (0, ∞)'],
    [{ kind: 'bce_with_logits', posWeight: [1, Number.NaN] }, 'loss posWeight is NaN'],
    [{ kind: 'huber', delta: 0 }, 'loss delta is 0'],
    [{ kind: 'smooth_l1', beta: -1 }, 'loss beta is -1'],
    [{ kind: 'bce_dice', smooth: 0 }, 'loss smooth is 0'],
    ['hinge' as 'mse', 'loss "hinge", expected one of cross_entropy'],
  ])('refuse %j', (spec, message) => {
    expect(() => resolveLoss(spec)).toThrow(message);
  });

  it.each<[LossSpec, number[], string]>([
    [
      { kind: 'cross_entropy', classWeights: [1, 1] },
      [4, 3],
      "loss has 2 classWeights, the model's output has 3 classes",
    ],
    [{ kind: 'bce_with_logits', posWeight: [1, 2] }, [4, 3], 'loss has 2 posWeights, the model has 3 outputs'],
    ['cross_entropy', [4], 'cross_entropy needs a model output [batch, classes] with 2 or more classes, got [batch]'],
    ['cox', [4, 2], 'cox needs a model output [batch, 1], got [batch, 2]'],
    ['output', [4, 2], 'loss output needs a model output of one number, [batch] or [batch, 1], got [batch, 2]'],
  ])('%j does not fit %j', (spec, dims, message) => {
    expect(() => lossGraph({ spec, dims })).toThrow(message);
  });
});
