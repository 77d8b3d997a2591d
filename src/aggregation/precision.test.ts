import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../base/index.ts';
import { addVectors, shapeBytes } from '../crypto/index.ts';
import { rotatedStretches } from './rotation.ts';
import { agreedClips, rangeCounts } from './scale.ts';
import { packLanes, rotatedFor, unpackLanes } from './vector.ts';
import { shapeOf, type VectorSpec, wireBytes } from './vectorSpec.ts';
import { fromWire, toWire } from './vectorWire.ts';

/** Tensors of a small network and how far their steps are apart. */
const TENSORS = [
  { length: 10_000, scale: 3e-3 },
  { length: 200, scale: 4e-2 },
  { length: 7_000, scale: 2e-4 },
  { length: 30, scale: 0.3 },
];
const LENGTH = TENSORS.reduce((sum, { length }) => sum + length, 0);

interface Pod {
  readonly update: Float32Array;
  readonly weight: number;
}

/** Updates with heavy tails (a normal over a root of a uniform: Student-like, 3 degrees), half of it common to all pods. */
function heavyTailed(pods: number): Pod[] {
  const rng = seededRng(pods, 'heavy tails');
  const tail = (): number => normal(rng) / Math.max(1e-3, rng()) ** (1 / 3);
  const common = TENSORS.flatMap(({ length, scale }) => Array.from({ length }, () => scale * tail()));
  return Array.from({ length: pods }, () => {
    const own = TENSORS.flatMap(({ length, scale }) => Array.from({ length }, () => scale * tail()));
    return { update: Float32Array.from(common, (x, i) => x + own[i]!), weight: 100 + Math.floor(900 * rng()) };
  });
}

function exactMean(pods: readonly Pod[], total: number): Float64Array {
  const mean = new Float64Array(LENGTH);
  for (const { update, weight } of pods) for (let i = 0; i < LENGTH; i++) mean[i]! += (update[i]! * weight) / total;
  return mean;
}

type Scale = 'fixed' | 'global' | 'tensors' | 'rotated';

/** Relative L2 error of the mean over the wire, clipped coordinates, bytes a parameter, and the first clip. */
function measure(pods: readonly Pod[], scale: Scale, more: Partial<VectorSpec> = {}, quantile = 1) {
  const total = pods.reduce((sum, { weight }) => sum + weight, 0);
  const rotation = scale === 'rotated' ? new Uint8Array(32).fill(3) : undefined;
  const base: VectorSpec = {
    ...{ cohort: pods.length, updateLength: LENGTH, clip: 8, extras: [], counts: [] },
    ...{ maxWeight: 1000, maxTotalWeight: total, bits: 16, rotation, ...more },
  };
  const stretches = {
    global: [LENGTH],
    tensors: TENSORS.map(({ length }) => length),
    rotated: rotatedStretches(LENGTH),
  };
  let spec = base;
  if (scale !== 'fixed') {
    const counts: Record<string, number> = {};
    for (const { update } of pods)
      for (const [name, count] of Object.entries(rangeCounts(rotatedFor(base, update), stretches[scale])))
        counts[name] = (counts[name] ?? 0) + count;
    spec = { ...base, clips: agreedClips(counts, stretches[scale], { pods: pods.length, quantile }) };
  }
  const sum = new Uint8Array(shapeBytes(shapeOf(spec)));
  pods.forEach(({ update, weight }, i) => {
    const seed = new Uint8Array(32).fill(i);
    const wire = toWire(packLanes({ update, weight, extras: {}, counts: {} }, spec, { seed }), spec);
    expect(wire.length).toBe(wireBytes(spec));
    addVectors(sum, fromWire(wire, spec), shapeOf(spec));
  });
  const { mean, clipped } = unpackLanes(sum, spec, pods.length);
  const exact = exactMean(pods, total);
  const squares = (values: Float64Array) => values.reduce((all, x) => all + x * x, 0);
  const off = squares(mean.map((x, i) => x - exact[i]!));
  return {
    relative: Math.sqrt(off / squares(exact)),
    clipped,
    bytes: (wireBytes(spec) - 8) / LENGTH,
    step: spec.clips?.[0]?.clip ?? 8,
  };
}

describe('two bytes a parameter', () => {
  it('keep a relative error of 1e-3 with a rotation and agreed clips, where one clip for all does not', () => {
    for (const pods of [3, 20]) {
      const drawn = heavyTailed(pods);
      const rotated = measure(drawn, 'rotated');
      expect(rotated).toMatchObject({ clipped: 0, bytes: 2 });
      expect(rotated.relative).toBeLessThan(5e-4);
      for (const scale of ['fixed', 'global'] as const) {
        const flat = measure(drawn, scale);
        expect(flat).toMatchObject({ clipped: 0, bytes: 2 });
        expect(flat.relative).toBeGreaterThan(1e-3);
      }
    }
  });

  it('keep it with stochastic rounding, and with a clip a tensor instead of a rotation', () => {
    const drawn = heavyTailed(5);
    expect(measure(drawn, 'rotated', { rounding: 'stochastic' }).relative).toBeLessThan(1e-3);
    expect(measure(drawn, 'tensors').relative).toBeLessThan(1e-3);
  });

  it('are 256 times coarser than three', () => {
    const drawn = heavyTailed(4);
    const [two, three] = [16, 24].map((bits) => measure(drawn, 'rotated', { bits }));
    expect(three!.bytes).toBe(3);
    expect(two!.relative / three!.relative).toBeGreaterThan(100);
  });

  it('do not suffer from one pod far out when a quantile of pods sets the clips; what is clipped is counted', () => {
    const drawn = heavyTailed(5).map(({ update, weight }, i) =>
      i === 2 ? { update: update.map((x) => 1e4 * x), weight: 1 } : { update, weight },
    );
    const clips = (quantile: number) => measure(drawn, 'rotated', {}, quantile);
    expect(clips(1).clipped).toBe(0);
    const most = clips(0.8);
    expect(most.clipped).toBeGreaterThan(LENGTH / 2);
    expect(most.clipped).toBeLessThanOrEqual(LENGTH);
    expect(most.step).toBeLessThan(clips(1).step / 1_000);
  });
});
