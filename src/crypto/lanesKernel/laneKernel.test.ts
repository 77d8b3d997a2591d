import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANE_CODE, laneCode } from '../../../scripts/buildWasm.ts';
import type { LaneBits } from '../lanes.ts';
import { openLaneKernel, STRETCH_BYTES, type WebAssemblyApi } from './laneKernel.ts';

const api = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** Lane sums with whole numbers, bytes put together by hand. */
function referenceSum(target: Uint8Array, source: Uint8Array, bits: LaneBits, sign: 1 | -1): number[] {
  const [bytes, lane] = [bits / 8, (of: Uint8Array, at: number) => of.slice(at, at + bits / 8)];
  const value = (parts: Uint8Array): bigint => parts.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return Array.from({ length: target.length }, (_, i) => {
    const at = i - (i % bytes);
    const sum = BigInt.asUintN(bits, value(lane(target, at)) + BigInt(sign) * value(lane(source, at)));
    return Number((sum >> BigInt(8 * (i % bytes))) & 0xffn);
  });
}

const stretch = (blocks: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: 16 * blocks, maxLength: 16 * blocks });
const pairs = fc.integer({ min: 1, max: 9 }).chain((blocks) => fc.tuple(stretch(blocks), stretch(blocks)));

describe('lane kernel', () => {
  it('carries the code that its source assembles to', async () => {
    expect(await readFile(LANE_CODE, 'utf8')).toBe(await laneCode());
  });

  it('is WebAssembly here, and loops where the engine has none or no SIMD', () => {
    expect(openLaneKernel().name).toBe('wasm');
    expect(openLaneKernel(null).name).toBe('loop');
    expect(openLaneKernel({ ...api, validate: () => false }).name).toBe('loop');
  });

  for (const [name, kernel] of [
    ['wasm', openLaneKernel()],
    ['loop', openLaneKernel(null)],
  ] as const)
    for (const bits of [8, 16, 32] as const)
      for (const sign of [1, -1] as const)
        it(`${name}: target ${sign === 1 ? '+' : '-'} source modulo 2^${bits}`, () => {
          fc.assert(
            fc.property(pairs, fc.integer({ min: 0, max: 3 }), ([target, source], shift) => {
              const expected = referenceSum(target, source, bits, sign);
              // anywhere in memory, as a cipher's output may lie
              const moved = new Uint8Array(source.length + shift).subarray(shift);
              moved.set(source);
              kernel.load(target);
              kernel.combine(moved, bits, sign);
              kernel.store(target);
              expect([...target]).toEqual(expected);
              expect(moved).toEqual(source);
            }),
          );
        });

  it('takes a whole stretch, several sources in turn, and forgets on request', () => {
    for (const kernel of [openLaneKernel(), openLaneKernel(null)]) {
      const target = new Uint8Array(STRETCH_BYTES).fill(250);
      kernel.load(target);
      for (let i = 0; i < 3; i++) kernel.combine(new Uint8Array(STRETCH_BYTES).fill(4), 8, 1);
      kernel.store(target);
      expect(target).toEqual(new Uint8Array(STRETCH_BYTES).fill(6));
      kernel.wipe();
      kernel.store(target);
      expect(target).toEqual(new Uint8Array(STRETCH_BYTES));
    }
  });
});
