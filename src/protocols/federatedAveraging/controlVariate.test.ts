import { describe, expect, it } from 'vitest';
import { ControlVariate } from './controlVariate.ts';

const c = Float32Array.of(1, -1);
const to = Float32Array.of(0.5, 0.25, 9);
const rateSum = 0.5;
const from = Float32Array.of(1, 0, 5);

describe('a control variate', () => {
  it('is what option II makes of the round, and corrects the next one', () => {
    const own = new ControlVariate(2, 100);
    expect(own.correction(c, 3)).toEqual(Float32Array.of(1, -1, 0));
    // 0 − c + (x − y)/(K·η)
    expect(own.change(c, from, to, rateSum)).toEqual(Float32Array.of(-1 + 1, 1 - 0.5));
    own.settle();
    expect(own.correction(c, 3)).toEqual(Float32Array.of(1 - 0, -1 - 0.5, 0));
  });

  it('forgets a round that was never summed', () => {
    const own = new ControlVariate(2, 100);
    own.change(c, from, to, rateSum);
    expect(own.correction(c, 2)).toEqual(c);
    expect(own.change(c, from, to, rateSum)).toEqual(Float32Array.of(0, 0.5));
  });

  it('changes by no more than the clip, here and in what is sent', () => {
    const own = new ControlVariate(2, 0.2);
    expect(own.change(c, from, to, rateSum)).toEqual(Float32Array.of(0, 0.2));
    own.settle();
    expect(own.correction(new Float32Array(2), 2)).toEqual(Float32Array.of(0, -0.2));
  });
});
