/** Models and operators on WebGPU against the CPU, with the device in software. */
import { describe, expect, it } from 'vitest';
import { FIXTURES } from '../fixtures/training/fixtures.ts';
import { NO_VULKAN, onWebgpu } from '../support/webgpu.ts';
import type { ModelComparison } from '../support/webgpuModel.ts';
import type { OperatorFailure } from '../support/webgpuOperators.ts';

/** `SEED=7 RUNS=50 npx vitest run --project webgpu -t operators` looks further; compiling shaders takes most of the time. */
const SEED = process.env['SEED'] ?? '20261121';
const RUNS = process.env['RUNS'] ?? '2';

/** Rows for models that take a software driver long; 8 otherwise. */
const ROWS: Readonly<Record<string, number>> = { unet_tiny: 2, vit_tiny: 2, densenet_tiny: 2, mobilenet_tiny: 4 };

/**
 * Differences relative to the largest element of the gradient. Sums run in another order than on the CPU: 1e-6 is seen.
 * `misc` has a sine and a cosine, which WGSL promises to 2^-11 only (SwiftShader: 2e-4).
 */
const TOLERANCE: Readonly<Record<string, number>> = { misc: 5e-4 };

/** What may run on the CPU, and why. */
const STRAYS = [
  // indices of ScatterND must be int64, which WebGPU does not reshape
  'Reshape int64 int64',
];

if (NO_VULKAN !== null) {
  it.skip(`WebGPU is not tested: ${NO_VULKAN}`, () => undefined);
} else {
  describe('models on WebGPU', () => {
    it.each(FIXTURES)('%s: gradient and three steps as on the CPU, all of it on the device', async (name) => {
      const got = await onWebgpu<ModelComparison>('webgpuModel.ts', [name, String(ROWS[name] ?? 8)]);
      const tolerance = (TOLERANCE[name] ?? 1e-5) * got.largestGradient;
      expect(got.device).toBe('webgpu');
      expect(got.strays.filter((stray) => !STRAYS.includes(stray))).toEqual([]);
      expect(got.loss).toBeLessThanOrEqual(1e-5);
      expect(got.gradient).toBeLessThanOrEqual(tolerance);
      // an Adam step of rate 0.01 moves by 0.01·g/(|g| + 1e-3), whose slope is 10 at most
      expect(got.parameters).toBeLessThanOrEqual(3 * 10 * tolerance);
    });
  });

  describe('operators on WebGPU', () => {
    it(`give the values and gradients of the reference (seed ${SEED})`, async () => {
      expect(await onWebgpu<OperatorFailure[]>('webgpuOperators.ts', [SEED, RUNS])).toEqual([]);
    });
  });
}
