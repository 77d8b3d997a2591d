import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/secaggCohort.ts';
import { referenceGfMultiply } from '../../test/support/secaggReference.ts';
import { reconstructor, splitSecret } from './shamir.ts';

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('Shamir over GF(2^8)', () => {
  it('evaluates the polynomial whose constant is the secret', () => {
    expect(referenceGfMultiply(0x57, 0x83)).toBe(0xc1); // FIPS 197 §4.2
    fc.assert(
      fc.property(secret, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 255 }), (bytes, threshold, x) => {
        const points = [x, ...[1, 2, 3, 4, 5, 6].filter((other) => other !== x)];
        const randomness = seededBytes('poly')(32 * (threshold - 1));
        const [share] = splitSecret(bytes, threshold, points, () => randomness.slice());
        const expected = bytes.map((constant, at) => {
          let value = constant;
          for (let k = 1, power = x; k < threshold; k++, power = referenceGfMultiply(power, x))
            value ^= referenceGfMultiply(randomness[(k - 1) * 32 + at]!, power);
          return value;
        });
        expect(share).toEqual(expected);
      }),
    );
  });

  it('gives the secret back from any threshold of shares, in any order', () => {
    fc.assert(
      fc.property(
        secret,
        fc.integer({ min: 1, max: 32 }).chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n }))),
        fc.infiniteStream(fc.nat()),
        (bytes, [n, threshold], order) => {
          const points = Array.from({ length: n }, (_, i) => i + 1);
          const shares = splitSecret(bytes, threshold, points, seededBytes('any'));
          const keyed = points.map((x) => [order.next().value as number, x] as const);
          const chosen = keyed
            .sort((a, b) => a[0] - b[0])
            .map(([, x]) => x)
            .slice(0, threshold);
          expect(reconstructor(chosen)(chosen.map((x) => shares[x - 1]!))).toEqual(bytes);
        },
      ),
    );
  });

  it('gives something else from fewer than the threshold', () => {
    const bytes = seededBytes('secret')(32);
    const shares = splitSecret(bytes, 3, [1, 2, 3, 4], seededBytes('fewer'));
    expect(reconstructor([1, 2])(shares.slice(0, 2))).not.toEqual(bytes);
  });

  it('works at every evaluation point up to 255', () => {
    const bytes = seededBytes('secret')(32);
    const points = Array.from({ length: 255 }, (_, i) => i + 1);
    const shares = splitSecret(bytes, 255, points, seededBytes('all'));
    expect(reconstructor(points)(shares)).toEqual(bytes);
  });

  it('refuses bad points, thresholds, lengths and counts', () => {
    const random = seededBytes('bad');
    const bytes = new Uint8Array(32);
    for (const points of [
      [0, 1],
      [1, 1],
      [256, 1],
      [1.5, 2],
    ])
      expect(() => splitSecret(bytes, 2, points, random)).toThrow(RangeError);
    for (const threshold of [0, 3, 1.5])
      expect(() => splitSecret(bytes, threshold, [1, 2], random)).toThrow(RangeError);
    expect(() => splitSecret(new Uint8Array(31), 2, [1, 2], random)).toThrow(RangeError);
    expect(() => splitSecret(bytes, 2, [1, 2], () => new Uint8Array(31))).toThrow(RangeError);
    expect(() => reconstructor([1, 2])([bytes])).toThrow(RangeError);
    expect(() => reconstructor([1, 2])([bytes, new Uint8Array(33)])).toThrow(RangeError);
  });
});
