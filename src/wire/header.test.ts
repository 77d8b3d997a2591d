import { describe, expect, it } from 'vitest';
import { toCbor } from './codec.ts';
import { decodeHeader, encodeHeader, type Header, PROTOCOL_VERSION, sameBoot, UNKNOWN_BOOT } from './header.ts';

const header: Header = {
  v: PROTOCOL_VERSION,
  kind: 'data',
  from: 'a'.repeat(43),
  to: 'b'.repeat(43),
  fromBoot: new Uint8Array(16).fill(1),
  toBoot: UNKNOWN_BOOT,
  seq: 7,
  run: '20260101-run',
  round: 3,
  phase: 'shares',
};

describe('message header', () => {
  it('comes back from its bytes', () => {
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
    expect(sameBoot(header.toBoot, new Uint8Array(16))).toBe(true);
    expect(sameBoot(header.toBoot, header.fromBoot)).toBe(false);
  });

  it.each([
    ['another version', { v: PROTOCOL_VERSION + 1 }],
    ['an unknown kind', { kind: 'shout' }],
    ['a short sender', { from: 'a' }],
    ['a short boot', { fromBoot: new Uint8Array(15) }],
    ['a boot that is text', { toBoot: '0'.repeat(16) }],
    ['a negative sequence', { seq: -1 }],
    ['a round that is no u32', { round: 2 ** 32 }],
    ['a broken sequence', { seq: 0.5 }],
    ['a long run', { run: 'r'.repeat(65) }],
    ['a long phase', { phase: 'p'.repeat(33) }],
    ['a field nobody knows', { extra: 1 }],
  ])('refuses %s', (_what, change) => {
    expect(() => decodeHeader(toCbor({ ...header, ...change }))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }),
    );
  });

  it('refuses a missing field and every truncation', () => {
    const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
    for (const name of Object.keys(header)) {
      const { [name as keyof Header]: _left, ...rest } = header;
      expect(() => decodeHeader(toCbor(rest)), name).toThrow(violation);
    }
    const bytes = encodeHeader(header);
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeHeader(bytes.subarray(0, length))).toThrow(violation);
  });
});
