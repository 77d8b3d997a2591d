import { describe, expect, it } from 'vitest';
import { bytesOf, float32Of } from './index.ts';

describe('float32Of', () => {
  it('reads a part of a buffer, whatever its offset and class', () => {
    const whole = Buffer.alloc(64, 0xff);
    const values = Float32Array.of(1.5, -2, 3.25);
    whole.set(bytesOf(values), 7);
    expect(float32Of(whole.subarray(7, 19))).toEqual(values);
    expect(float32Of(new Uint8Array(whole).subarray(7, 19))).toEqual(values);
    const copy = float32Of(whole.subarray(7, 19));
    whole.fill(0);
    expect(copy).toEqual(values);
    expect(() => float32Of(whole.subarray(0, 5))).toThrow(RangeError);
  });
});
