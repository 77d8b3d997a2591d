/**
 * The group against the vectors of RFC 9496 (appendix A) and RFC 9497 (appendix A.1.1: hashing and blinding together).
 */
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../base/index.ts';
import { randomBytes } from './primitives.ts';
import {
  ELEMENT_BYTES,
  elementOf,
  expandMessage,
  groupReady,
  invertScalar,
  isScalar,
  multiply,
  multiplyScalars,
  randomScalar,
} from './ristretto255.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const scalar = (value: number): Uint8Array => new Uint8Array(32).with(0, value);

/** RFC 9496 A.1: B, 2B, …, 15B. */
const MULTIPLES = [
  'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76',
  '6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919',
  '94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259',
  'da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57',
  'e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e',
  'f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403',
  '44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d',
  '903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c',
  '02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031',
  '20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f',
  'bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42',
  'e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460',
  'aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f',
  '46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e',
  'e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e',
];

/** RFC 9496 A.2. */
const INVALID = {
  'no canonical field element': [
    '00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ],
  'a negative field element': [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20',
    '87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309',
  ],
  'a non-square x²': [
    '26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371',
    '2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b',
  ],
  'a negative xy': [
    '3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e',
    '445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b',
  ],
  's = -1': ['ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  identity: ['00'.repeat(32)],
};

/** RFC 9496 A.3: uniform bytes to elements; the last three are not reduced. */
const DERIVED = [
  [
    '5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c14d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6',
    '3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46',
  ],
  [
    'f116b34b8f17ceb56e8732a60d913dd10cce47a6d53bee9204be8b44f6678b270102a56902e2488c46120e9276cfe54638286b9e4b3cdb470b542d46c2068d38',
    'f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b',
  ],
  [`ed${'ff'.repeat(31)}12${'00'.repeat(31)}`, '304282791023b73128d277bdcb5c7746ef2eac08dde9f2983379cb8e5ef0517f'],
  [`ed${'ff'.repeat(30)}7f${'ff'.repeat(32)}`, '304282791023b73128d277bdcb5c7746ef2eac08dde9f2983379cb8e5ef0517f'],
  [`${'00'.repeat(32)}12${'00'.repeat(30)}80`, '304282791023b73128d277bdcb5c7746ef2eac08dde9f2983379cb8e5ef0517f'],
] as const;

beforeAll(async () => groupReady);

describe('ristretto255', () => {
  it('multiplies as RFC 9496 A.1 lists', () => {
    MULTIPLES.forEach((multiple, i) => {
      expect(toHex(multiply(bytes(MULTIPLES[0]!), scalar(i + 1))!)).toBe(multiple);
    });
  });

  for (const [why, encodings] of Object.entries(INVALID))
    it(`refuses what encodes ${why}`, () => {
      for (const encoding of encodings) expect(multiply(bytes(encoding), scalar(3))).toBeNull();
    });

  it('refuses what is too short or too long', () => {
    for (const length of [0, 31, 33, 64]) expect(multiply(new Uint8Array(length).fill(2), scalar(3))).toBeNull();
  });

  it('derives elements as RFC 9496 A.3 lists', () => {
    for (const [uniform, element] of DERIVED) expect(toHex(elementOf(bytes(uniform)))).toBe(element);
    expect(() => elementOf(new Uint8Array(32))).toThrow(RangeError);
  });

  it('hashes, blinds, evaluates and unblinds as RFC 9497 A.1.1 lists', () => {
    const dst = utf8('HashToGroup-OPRFV1-\u0000-ristretto255-SHA512');
    const blind = bytes('64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706');
    const key = bytes('5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e');
    for (const [input, blinded, evaluated] of [
      [
        '00',
        '609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c',
        '7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e',
      ],
      [
        '5a'.repeat(17),
        'da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418',
        'b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25',
      ],
    ] as const) {
      const hashed = elementOf(expandMessage(bytes(input), dst));
      const once = multiply(hashed, blind)!;
      const twice = multiply(once, key)!;
      expect([toHex(once), toHex(twice)]).toEqual([blinded, evaluated]);
      expect(multiply(twice, invertScalar(blind))).toEqual(multiply(hashed, key));
    }
  });

  it('commutes, and dividing undoes multiplying', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (uniform) => {
        const element = elementOf(uniform);
        const [a, b] = [randomScalar(randomBytes), randomScalar(randomBytes)];
        expect(multiply(multiply(element, a)!, b)).toEqual(multiply(multiply(element, b)!, a));
        expect(multiply(multiply(element, a)!, invertScalar(a))).toEqual(element);
      }),
      { numRuns: 10 },
    );
  });

  it('gives what noble gives', () => {
    const { Point } = ristretto255;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (uniform) => {
        const point = ristretto255_hasher.deriveToCurve!(uniform);
        const scalar = randomScalar(randomBytes);
        expect(elementOf(uniform)).toEqual(point.toBytes());
        expect(multiply(point.toBytes(), scalar)).toEqual(point.multiply(Point.Fn.fromBytes(scalar)).toBytes());
      }),
      { numRuns: 20 },
    );
    const isPoint = (bytes: Uint8Array): boolean => {
      try {
        return !Point.fromBytes(bytes).is0();
      } catch {
        return false;
      }
    };
    // even and below 2^255: about a quarter of these are encodings
    const candidates = Array.from({ length: 100 }, () =>
      randomBytes(32).map((byte, i) => (i === 0 ? byte & 0xfe : i === 31 ? byte & 0x7f : byte)),
    );
    expect(candidates.map((bytes) => multiply(bytes, scalar(3)) !== null)).toEqual(candidates.map(isPoint));
    expect(candidates.filter(isPoint).length).toBeGreaterThan(0);
  });

  it('draws scalars modulo the order, never zero', () => {
    const order = bytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
    const draws = [new Uint8Array(64), new Uint8Array(64).map((_, i) => order[i] ?? 0), scalar(9)];
    const nine = randomScalar(() => {
      const draw = new Uint8Array(64);
      draw.set(draws.shift()!);
      return draw;
    });
    expect(nine).toEqual(scalar(9));
    expect(draws).toHaveLength(0);
  });

  it('multiplies scalars as one after the other, and knows scalars from other bytes', () => {
    const element = elementOf(randomBytes(64));
    const [a, b] = [randomScalar(randomBytes), randomScalar(randomBytes)];
    expect(multiply(element, multiplyScalars(a, b))).toEqual(multiply(multiply(element, a)!, b));
    const order = bytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
    expect([a, scalar(1), order.with(0, 0xec)].map(isScalar)).toEqual([true, true, true]);
    for (const none of [
      order,
      new Uint8Array(32),
      new Uint8Array(32).fill(0xff),
      new Uint8Array(31),
      new Uint8Array(0),
    ])
      expect(isScalar(none)).toBe(false);
  });

  it('refuses an empty domain and one that a length byte cannot hold', () => {
    for (const length of [0, 256])
      expect(() => expandMessage(new Uint8Array(1), new Uint8Array(length))).toThrow(RangeError);
    expect(elementOf(expandMessage(new Uint8Array(1), new Uint8Array(255)))).toHaveLength(ELEMENT_BYTES);
  });
});
