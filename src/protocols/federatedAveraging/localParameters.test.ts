import { describe, expect, it } from 'vitest';
import { LocalParameters, type LocalStore } from './localParameters.ts';

const part = {
  stretches: [
    { from: 1, to: 3 },
    { from: 4, to: 5 },
  ],
  ...{ model: 6, trained: 6 },
};
const given = Float32Array.of(0, 1, 2, 3, 4, 5);

/** A store in memory. */
function storeOf(saved: Float32Array | null = null): LocalStore & { saved: Float32Array | null } {
  const store = { saved, load: () => store.saved, save: (values: Float32Array) => void (store.saved = values) };
  return store;
}

describe('local parameters', () => {
  it('begin as they are given, and stay as they were trained', () => {
    const local = new LocalParameters(part);
    expect(local.personal(given)).toEqual(given);
    expect(local.shared(given)).toEqual(Float32Array.of(1, 2, 4));
    local.trained(Float32Array.of(10, 11, 12, 13, 14, 15));
    expect(local.personal(given)).toEqual(given); // nothing of it was summed yet
    local.settle();
    expect(local.personal(given.map(() => 7))).toEqual(Float32Array.of(10, 7, 7, 13, 7, 15));
    local.trained(given);
    expect(local.personal(given)).toEqual(Float32Array.of(10, 1, 2, 13, 4, 15));
  });

  it('take a shared part, and nothing else', () => {
    const local = new LocalParameters(part);
    expect(local.withShared(given, Float32Array.of(-1, -2, -4))).toEqual(Float32Array.of(0, -1, -2, 3, -4, 5));
    expect(given[1]).toBe(1);
  });

  it('outlast a restart, once they are in a sum', () => {
    const store = storeOf();
    const local = new LocalParameters(part, store);
    local.personal(given);
    local.trained(Float32Array.of(10, 11, 12, 13, 14, 15));
    expect(store.saved).toBeNull();
    local.settle();
    expect(store.saved).toEqual(Float32Array.of(10, 13, 15));
    expect(new LocalParameters(part, store).personal(given)).toEqual(Float32Array.of(10, 1, 2, 13, 4, 15));
  });

  it('are refused when they are those of another model', () => {
    const local = new LocalParameters(part, storeOf(new Float32Array(4)));
    expect(() => local.personal(given)).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
  });
});
