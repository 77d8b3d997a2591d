import { describe, expect, it } from 'vitest';
import { layOut } from './layout.ts';
import { gatherStretches, scatterStretches, sharedPart } from './parts.ts';

const layout = layOut([
  { name: 'body.weight', dims: [2, 2], kind: 'trainable' },
  { name: 'norm.weight', dims: [2], kind: 'trainable' },
  { name: 'head.weight', dims: [2, 1], kind: 'trainable' },
  { name: 'head.bias', dims: [1], kind: 'trainable' },
  { name: 'norm.mean', dims: [2], kind: 'buffer' },
]);
const vector = Float32Array.from({ length: layout.length }, (_, i) => i);

describe('the shared part of a model', () => {
  it('is what no pattern names, in order', () => {
    const { entries, stretches } = sharedPart(layout, ['norm.*']);
    expect(entries.map(({ name }) => name)).toEqual(['body.weight', 'head.weight', 'head.bias']);
    expect(stretches).toEqual([
      { from: 0, to: 4 },
      { from: 6, to: 9 },
    ]);
    expect(gatherStretches(vector, stretches)).toEqual(Float32Array.of(0, 1, 2, 3, 6, 7, 8));
  });

  it('goes back to where it was, and the rest stays', () => {
    const { stretches } = sharedPart(layout, ['head.*', 'norm.mean']);
    const back = scatterStretches(Float32Array.of(10, 11, 12, 13, 14, 15), stretches, vector.slice());
    expect(back).toEqual(Float32Array.of(10, 11, 12, 13, 14, 15, 6, 7, 8, 9, 10));
  });

  it('must not be empty, and every pattern must name something', () => {
    expect(() => sharedPart(layout, ['*'])).toThrow(/leaves no trained weight to share/);
    expect(() => sharedPart(layout, ['body.weight', '*weight', 'head.bias'])).toThrow(/leaves no trained weight/);
    expect(() => sharedPart(layout, ['tail.*'])).toThrow(
      /local_parameters "tail\.\*" matches no weight; there are body/,
    );
  });
});
