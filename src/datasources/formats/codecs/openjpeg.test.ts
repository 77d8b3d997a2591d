import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeJ2k } from '../../../../test/support/j2kEncoder.ts';
import { bytesOf, concatBytes } from '../../../base/index.ts';
import { decodeJ2k, MAX_J2K_SAMPLES, readJ2kHeader } from './openjpeg.ts';

const ramp = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (37 * i + (i >> 4)) & 0xff);

afterEach(() => vi.restoreAllMocks());

describe('JPEG 2000', () => {
  it.each([
    ['grey of 8 bits', { width: 33, height: 20 }],
    ['one pixel', { width: 1, height: 1 }],
    ['colour', { width: 9, height: 40, channels: 3 }],
  ])('gives back %s, and prints nothing', async (_name, frame) => {
    const print = vi.spyOn(process.stdout, 'write');
    const channels = 'channels' in frame ? frame.channels : 1;
    const samples = ramp(frame.width * frame.height * channels);
    expect(await decodeJ2k(await encodeJ2k(samples, frame), 'a')).toEqual({
      ...{ ...frame, channels, bits: 8, isSigned: false },
      values: samples,
    });
    expect(print).not.toHaveBeenCalled();
  });

  it('gives back 12 and 16 bits, with and without a sign', async () => {
    const frame = { width: 5, height: 3 };
    const unsigned = Uint16Array.from({ length: 15 }, (_, i) => (i * 293) & 0xfff);
    const twelve = await encodeJ2k(bytesOf(unsigned), { ...frame, bits: 12 });
    expect(await decodeJ2k(twelve, 'a')).toMatchObject({ bits: 12, values: unsigned });
    const signed = Int16Array.from({ length: 15 }, (_, i) => 4681 * (i - 7));
    const sixteen = await encodeJ2k(bytesOf(signed), { ...frame, bits: 16, isSigned: true });
    expect(await decodeJ2k(sixteen, 'a')).toMatchObject({ bits: 16, isSigned: true, values: signed });
  });

  it('gives back 8 bits with a sign, which the engine clamps', async () => {
    // coefficients of an unsigned image are those of a signed one that is darker by 128
    const samples = ramp(15);
    const stream = await encodeJ2k(samples, { width: 5, height: 3 });
    expect(stream[42]).toBe(0x07);
    stream[42] = 0x87;
    const values = Int16Array.from(samples, (value) => value - 128);
    expect(Math.min(...values)).toBeLessThan(0);
    expect(await decodeJ2k(stream, 'a')).toEqual({ width: 5, height: 3, channels: 1, bits: 8, isSigned: true, values });
  });

  it('finds the codestream in a JP2 file', async () => {
    const stream = await encodeJ2k(ramp(12), { width: 4, height: 3 });
    const box = (type: string, content: Uint8Array): Uint8Array => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(8 + content.length);
      head.write(type, 4, 'latin1');
      return concatBytes(head, content);
    };
    const ihdr = box('ihdr', Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 7, 7, 0, 0));
    const colr = box('colr', Uint8Array.of(1, 0, 0, 0, 0, 0, 17));
    const jp2 = concatBytes(
      box('jP  ', Uint8Array.of(0x0d, 0x0a, 0x87, 0x0a)),
      box('ftyp', Buffer.from('jp2 \0\0\0\0jp2 ', 'latin1')),
      box('jp2h', concatBytes(ihdr, colr)),
      box('jp2c', stream),
    );
    expect((await decodeJ2k(jp2, 'a')).values).toEqual(ramp(12));
    expect(() => readJ2kHeader(jp2.subarray(0, 60), 'a')).toThrow('a: byte 0: a JP2 file without a codestream');
  });

  it('never gives the image before in place of one that is broken', async () => {
    const stream = await encodeJ2k(ramp(400), { width: 20, height: 20 });
    expect((await decodeJ2k(stream, 'a')).values).toEqual(ramp(400));
    for (const length of [60, 100, 120]) {
      const broken = stream.slice(0, length);
      await expect(decodeJ2k(broken, 'b')).rejects.toThrow(
        expect.objectContaining({ code: 'DATA_INVALID', message: 'b: the JPEG 2000 image does not decode' }),
      );
    }
    const cleared = stream.slice().fill(0, 51, 120);
    await expect(decodeJ2k(cleared, 'b')).rejects.toThrow('b: the JPEG 2000 image does not decode');
    expect((await decodeJ2k(stream, 'a')).values).toEqual(ramp(400));
  });

  it('refuses what is no codestream, and what claims more than it may, before the engine sees it', async () => {
    const stream = await encodeJ2k(ramp(400), { width: 20, height: 20 });
    expect(() => readJ2kHeader(new Uint8Array(8), 'a')).toThrow('a: byte 0: a JPEG 2000 codestream expected');
    expect(() => readJ2kHeader(stream.subarray(0, 20), 'a')).toThrow('the file ends before');
    const change = (at: number, value: number): Uint8Array => {
      const copy = stream.slice();
      new DataView(copy.buffer).setUint32(at, value);
      return copy;
    };
    expect(() => readJ2kHeader(change(8, 0), 'a')).toThrow('an image without pixels');
    expect(() => readJ2kHeader(change(8, MAX_J2K_SAMPLES), 'a')).toThrow(`of more than ${MAX_J2K_SAMPLES} samples`);
    expect(() => readJ2kHeader(change(40, 0x00010801), 'a')).not.toThrow();
    for (const changed of [0x00011001, 0x00020701, 0x00040701])
      expect(() => readJ2kHeader(change(40, changed), 'a')).toThrow('1 or 3 channels of up to 16 bits');
    expect(() => readJ2kHeader(change(40, 0x00010702), 'a')).toThrow('channels of unlike size or depth');
  });
});
