/**
 * Random cases of every operator on WebGPU, values and gradients against the float64 reference.
 * `webgpuOperators.ts <seed> <cases of each> [operator...]` prints {@link OperatorFailure}s.
 * @module
 */
import * as fc from 'fast-check';
import { messageOf } from '../../src/base/index.ts';
import { checkLowered } from './operatorCases/check.ts';
import { CASES, Draw } from './operatorCases/index.ts';

export interface OperatorFailure {
  readonly op: string;
  readonly message: string;
  readonly inputs: readonly (readonly number[] | null)[];
  readonly attributes: unknown;
}

/** WGSL promises sine and cosine to 2^-11 only, and inherits that or 4096 units in the last place for the others. */
const ROUGH = new Set(['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan']);

const [seed, runs, ...only] = process.argv.slice(2);
const failures: OperatorFailure[] = [];
for (const [op, make] of Object.entries(CASES)) {
  if (only.length > 0 && !only.includes(op)) continue;
  const property = fc.asyncProperty(fc.gen(), async (generate) => {
    const draw = new Draw(generate);
    const drawn = make(draw);
    // division, roots and fused products round differently from device to device
    const roundings = ROUGH.has(op) ? 2 ** 13 : 4 * (drawn.roundings ?? 64);
    const given = { ...drawn, roundings };
    try {
      await checkLowered(op, given, draw.rng, 'gpu', 'webgpu');
    } catch (error) {
      const inputs = given.inputs.map((input) => (input.kind === 'absent' ? null : input.tensor.dims));
      failures.push({ op, message: messageOf(error), inputs, attributes: given.attributes });
    }
  });
  await fc.assert(property, { seed: Number(seed), numRuns: Number(runs) });
}
process.stdout.write(`${JSON.stringify(failures)}\n`);
