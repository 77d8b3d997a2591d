import { describe, expect, it } from 'vitest';
import { createStrategy } from './createStrategy.ts';

const settings = { name: 'SCAFFOLD', serverLearningRate: 0.5, controlClip: 1 } as const;
const make = () => createStrategy(settings, { parameters: 3, trained: 2 });

describe('SCAFFOLD at the server', () => {
  it('moves the model by η and the control variate by its share, and gives pods both', () => {
    const strategy = make();
    const x = Float32Array.of(1, 1, 1);
    expect(strategy.given(x)).toEqual(Float32Array.of(1, 1, 1, 0, 0));
    const next = strategy.step(x, Float64Array.of(2, -2, 4, 8, 16), { share: 0.25 });
    expect(next).toEqual(Float32Array.of(2, 0, 5));
    expect(strategy.given(next)).toEqual(Float32Array.of(2, 0, 5, 2, 4));
  });

  it('keeps c at the weighted mean of the pods’ own, whoever takes part', () => {
    // 3 pods with 1, 2 and 5 rows; in each round two of them send c⁺ − c
    const rows = [1, 2, 5];
    const own = rows.map(() => [0, 0]);
    const strategy = make();
    let x: Float32Array = new Float32Array(3);
    for (let round = 0; round < 12; round++) {
      const taking = [0, 1, 2].filter((pod) => pod !== round % 3);
      const weight = taking.reduce((sum, pod) => sum + rows[pod]!, 0);
      const mean = new Float64Array(5);
      for (const pod of taking) {
        const next = [Math.sin(round + pod), Math.cos(round * pod)];
        for (const i of [0, 1]) mean[3 + i]! += (rows[pod]! * (next[i]! - own[pod]![i]!)) / weight;
        own[pod] = next;
      }
      x = strategy.step(x, mean, { share: weight / 8 });
      const { c } = strategy.state();
      for (const i of [0, 1]) {
        const expected = own.reduce((sum, control, pod) => sum + (rows[pod]! / 8) * control[i]!, 0);
        expect(c![i]).toBeCloseTo(expected, 12);
      }
    }
  });

  it('saves and restores c', () => {
    const strategy = make();
    strategy.step(new Float32Array(3), Float64Array.of(0, 0, 0, 8, 16));
    const restored = make();
    restored.restore(strategy.state());
    expect(restored.given(new Float32Array(3))).toEqual(strategy.given(new Float32Array(3)));
    expect(() => restored.restore({ c: new Float64Array(3) })).toThrow(
      expect.objectContaining({ code: 'DATA_INVALID' }),
    );
  });

  it('refuses a mean without control variates', () => {
    expect(() => make().step(new Float32Array(3), new Float64Array(3))).toThrow(RangeError);
  });
});
