import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fromCbor, MAX_MESSAGE_BYTES, toCbor } from './codec.ts';

const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const decode = (hex: string): unknown => fromCbor(z.any(), bytesOf(hex), 'thing');

/** Values that messages consist of. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).any;

describe('strict CBOR', () => {
  it('gives every value back', () => {
    fc.assert(
      fc.property(value, (thing) => {
        // −0 has no encoding of its own: integers are written as integers
        expect(fromCbor(z.any(), toCbor(thing), 'thing')).toEqual(withoutMinusZero(thing));
      }),
    );
  });

  it('accepts one encoding of a value only: whatever decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 12 }), value.map(toCbor).chain(oneByteChanged)), (bytes) => {
        let thing: unknown;
        try {
          thing = fromCbor(z.any(), bytes, 'thing');
        } catch (error) {
          expect(error).toEqual(violation);
          return;
        }
        expect(toCbor(thing)).toEqual(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['bytes after the value', '00 00'],
    ['a cut string', '62 61'],
    ['a cut array', '82 00'],
    ['a length beyond the end', '5b 0000000100000000'],
    ['an integer longer than needed', '18 01'],
    ['a 64-bit integer longer than needed', '1b 0000000000000001'],
    ['an integer beyond 2^53', '1b 0020000000000001'],
    ['a string length longer than needed', '78 01 61'],
    ['an array length longer than needed', '98 01 00'],
    ['an indefinite byte string', '5f 41 00 ff'],
    ['an indefinite array', '9f 00 ff'],
    ['an indefinite map', 'bf 61 61 00 ff'],
    ['a duplicate key', 'a2 61 61 00 61 61 01'],
    ['keys out of order', 'a2 61 62 00 61 61 01'],
    ['a key that is a number', 'a1 00 00'],
    ['undefined', 'f7'],
    ['another simple value', 'f0'],
    ['NaN', 'f9 7e00'],
    ['infinity', 'f9 7c00'],
    ['minus infinity', 'fb fff0000000000000'],
    ['an integer as a float', 'f9 3c00'],
    ['a float longer than needed', 'fb 3ff8000000000000'],
    ['a tag', 'c0 61 61'],
    ['a bignum tag', 'c2 41 01'],
    ['text that is not UTF-8', '62 c3 28'],
    ['a reserved length', '1c'],
    ['a break alone', 'ff'],
  ])('refuses %s', (_what, hex) => {
    expect(() => decode(hex)).toThrow(violation);
  });

  it('refuses arrays nested so deep that they would exhaust the stack', () => {
    expect(() => fromCbor(z.any(), new Uint8Array(MAX_MESSAGE_BYTES).fill(0x81), 'thing')).toThrow(violation);
  });

  it('refuses more than the largest message', () => {
    const longest = toCbor(new Uint8Array(MAX_MESSAGE_BYTES - 5));
    expect(longest.length).toBe(MAX_MESSAGE_BYTES);
    expect(fromCbor(z.any(), longest, 'thing')).toHaveLength(MAX_MESSAGE_BYTES - 5);
    expect(() => fromCbor(z.any(), toCbor(new Uint8Array(MAX_MESSAGE_BYTES - 4)), 'thing')).toThrow(violation);
  });

  it('names the field that is wrong, and refuses fields nobody knows', () => {
    const schema = z.strictObject({ outer: z.strictObject({ n: z.int() }) });
    expect(() => fromCbor(schema, toCbor({ outer: { n: 'x' } }), 'greeting')).toThrow(/greeting .*"outer\.n"/);
    expect(() => fromCbor(schema, toCbor({ outer: { n: 1, m: 2 } }), 'greeting')).toThrow(violation);
    // {"__proto__": {"outer": {"n": 0}}}: fields do not come from a prototype
    const inherited = bytesOf('a1 69 5f5f70726f746f5f5f a1 65 6f75746572 a1 61 6e 00');
    expect(() => fromCbor(schema, inherited, 'greeting')).toThrow(violation);
  });
});

function oneByteChanged(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.nat({ max: Math.max(0, bytes.length - 1) }), fc.integer({ min: 0, max: 255 }))
    .map(([at, byte]) => {
      const changed = bytes.slice();
      if (at < changed.length) changed[at] = byte;
      return changed;
    });
}

function withoutMinusZero(thing: unknown): unknown {
  if (thing === 0) return 0;
  if (Array.isArray(thing)) return thing.map(withoutMinusZero);
  if (thing === null || typeof thing !== 'object' || thing instanceof Uint8Array) return thing;
  return Object.fromEntries(Object.entries(thing).map(([key, inner]) => [key, withoutMinusZero(inner)]));
}
