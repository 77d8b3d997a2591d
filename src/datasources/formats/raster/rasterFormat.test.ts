/**
 * Pictures written by libvips (lossless ones must come back bit for bit), and broken copies of each.
 * @module
 */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { bitmap } from '../../../../test/support/bitmap.ts';
import { brokenCopies } from '../../../../test/support/fuzzBytes.ts';
import { isKonsilError, seededRng } from '../../../base/index.ts';
import type { PixelData } from '../imageRecord.ts';
import { rasterFormat } from './rasterFormat.ts';

const WIDTH = 23;
const HEIGHT = 11;

function noise(length: number, most: number): number[] {
  const rng = seededRng(7, 'noise');
  return Array.from({ length }, () => Math.floor(rng() * (most + 1)));
}

function raw(channels: 1 | 2 | 3 | 4, bits: 8 | 16) {
  const values = noise(WIDTH * HEIGHT * channels, 2 ** bits - 1);
  const samples = bits === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
  const space = bits === 8 ? (channels <= 2 ? 'b-w' : 'srgb') : channels <= 2 ? 'grey16' : 'rgb16';
  // a Uint16Array of one pixel is told from bytes by sharp itself
  const image = sharp(samples, { raw: { width: WIDTH, height: HEIGHT, channels } });
  return { samples, image: image.pipelineColourspace(space).toColourspace(space) };
}

async function decode(bytes: Uint8Array, index = 0): Promise<PixelData> {
  const [record] = await rasterFormat.read(bytes, 'picture');
  return record!.frame(index);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isKonsilError(error) ? error.code : String(error);
  }
  return 'none';
}

describe('lossless pictures', () => {
  for (const channels of [1, 2, 3, 4] as const)
    for (const bits of [8, 16] as const)
      for (const format of ['png', 'tiff'] as const)
        it(`keep every value of ${channels} channels of ${bits} bits in ${format}`, async () => {
          const { samples, image } = raw(channels, bits);
          const file = await image.toFormat(format, format === 'tiff' ? { compression: 'lzw' } : {}).toBuffer();
          const [record] = await rasterFormat.read(file, 'picture');
          expect(record!.columns).toEqual({
            ...{
              Rows: HEIGHT,
              Columns: WIDTH,
              SamplesPerPixel: channels,
              BitsAllocated: bits,
              NumberOfFrames: 1,
              format,
            },
          });
          const pixels = await record!.frame(0);
          expect(pixels).toMatchObject({ width: WIDTH, height: HEIGHT, channels: channels === 2 ? 4 : channels });
          expect(pixels.values.BYTES_PER_ELEMENT).toBe(bits / 8);
          const sampleOf = (i: number): number => samples[channels === 2 ? 2 * (i >> 2) + (i % 4 === 3 ? 1 : 0) : i]!;
          expect([...pixels.values]).toEqual(Array.from(pixels.values, (_, i) => sampleOf(i)));
        });

  it('keep every value in lossless WebP', async () => {
    const { samples, image } = raw(3, 8);
    const pixels = await decode(await image.webp({ lossless: true }).toBuffer());
    expect(pixels.values).toEqual(samples);
  });

  it('of 32-bit floating point in grey TIFF keep negative and large values', async () => {
    const values = Float32Array.from(noise(WIDTH * HEIGHT, 9999), (value) => value / 7 - 300);
    // floats as TIFF: little endian, one strip, SampleFormat 3
    const pixels = await decode(floatTiff(values));
    expect(pixels.channels).toBe(1);
    expect(pixels.values).toEqual(values);
  });

  it('lose an opacity that is opaque everywhere', async () => {
    const { samples, image } = raw(3, 16);
    const file = await image.ensureAlpha(1).png().toBuffer();
    const [record] = await rasterFormat.read(file, 'picture');
    expect(record!.columns.SamplesPerPixel).toBe(4);
    const pixels = await record!.frame(0);
    expect(pixels.channels).toBe(3);
    expect(pixels.values).toEqual(samples);
  });
});

/** TIFF 6.0 with one strip of 32-bit samples. */
function floatTiff(values: Float32Array): Uint8Array {
  const tags: readonly (readonly [number, number, number])[] = [
    ...([
      [256, 4, WIDTH],
      [257, 4, HEIGHT],
      [258, 3, 32],
      [259, 3, 1],
      [262, 3, 1],
    ] as const),
    ...([
      [273, 4, 8],
      [277, 3, 1],
      [278, 4, HEIGHT],
      [279, 4, values.byteLength],
      [339, 3, 3],
    ] as const),
  ];
  const start = 8 + values.byteLength;
  const bytes = new Uint8Array(start + 2 + 12 * tags.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0]);
  view.setUint32(4, start, true);
  bytes.set(new Uint8Array(values.buffer), 8);
  view.setUint16(start, tags.length, true);
  for (const [i, [tag, type, value]] of tags.entries()) {
    const at = start + 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    if (type === 3) view.setUint16(at + 8, value, true);
    else view.setUint32(at + 8, value, true);
  }
  return bytes;
}

describe('pictures', () => {
  it('stand upright as EXIF says, in columns and pixels', async () => {
    const file = await raw(3, 8).image.withMetadata({ orientation: 6 }).png().toBuffer();
    const lying = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    const [record] = await rasterFormat.read(file, 'picture');
    expect(record!.columns).toMatchObject({ Rows: WIDTH, Columns: HEIGHT });
    const { values, width, height } = await record!.frame(0);
    expect([width, height]).toEqual([HEIGHT, WIDTH]);
    // 6: turned by 90° clockwise
    for (let y = 0; y < height; y++)
      for (let x = 0; x < 3 * width; x++) {
        const from = (HEIGHT - 1 - Math.floor(x / 3)) * WIDTH + y;
        expect(values[3 * y * width + x]).toBe(lying[3 * from + (x % 3)]);
      }
  });

  it('with a colour profile keep the values of the file', async () => {
    const { samples, image } = raw(3, 8);
    const file = await image.withIccProfile('p3', { attach: true }).png().toBuffer();
    const plain = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    const pixels = await decode(file);
    expect(pixels.values).toEqual(new Uint8Array(plain));
    expect(pixels.values).not.toEqual(samples); // the profile did change what was written
  });

  it('of several pages are frames of their own', async () => {
    const { samples } = raw(1, 8);
    const doubled = new Uint8Array(3 * samples.length);
    for (let k = 0; k < 3; k++)
      doubled.set(
        Uint8Array.from(samples, (value) => value ^ k),
        k * samples.length,
      );
    const file = await sharp(doubled, { raw: { width: WIDTH, height: 3 * HEIGHT, channels: 1, pageHeight: HEIGHT } })
      .toColourspace('b-w')
      .tiff({ compression: 'deflate' })
      .toBuffer();
    const [record] = await rasterFormat.read(file, 'picture');
    expect(record!.frames).toBe(3);
    expect(record!.columns).toMatchObject({ Rows: HEIGHT, NumberOfFrames: 3 });
    for (let k = 0; k < 3; k++) expect((await record!.frame(k)).values).toEqual(Uint8Array.from(samples, (v) => v ^ k));
    await expect(record!.frame(3)).rejects.toThrow(RangeError);
  });

  it('show nothing of EXIF or XMP', async () => {
    const file = await raw(3, 8)
      .image.withExif({ IFD0: { Artist: 'SECRET^NAME', ImageDescription: 'SECRET' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET</x:xmpmeta>')
      .jpeg()
      .toBuffer();
    expect(Buffer.from(file).includes('SECRET')).toBe(true);
    const [record] = await rasterFormat.read(file, 'picture');
    expect(Object.keys(record!.columns)).toEqual([...rasterFormat.openColumns]);
    expect(JSON.stringify(record)).not.toContain('SECRET');
  });

  it('may begin at any byte of their memory', async () => {
    const { samples, image } = raw(3, 16);
    const file = await image.png().toBuffer();
    const memory = new Uint8Array(file.length + 7);
    memory.set(file, 3);
    expect((await decode(memory.subarray(3, 3 + file.length))).values).toEqual(samples);
  });

  it('give the same values every time', async () => {
    const file = await raw(3, 8).image.jpeg({ quality: 60 }).toBuffer();
    const first = await decode(file);
    for (let i = 0; i < 5; i++) expect(await decode(file)).toEqual(first);
  });

  it('in CMYK, or of signed 16 bits, are refused', async () => {
    const cmyk = await raw(3, 8).image.toColourspace('cmyk').jpeg().toBuffer();
    expect(await codeOf(decode(cmyk))).toBe('DATA_UNSUPPORTED');
    const signed = floatTiff(new Float32Array(WIDTH * HEIGHT));
    const at = 8 + 4 * WIDTH * HEIGHT + 2;
    signed[at + 2 * 12 + 8] = 16; // BitsPerSample
    signed[at + 9 * 12 + 8] = 2; // SampleFormat: signed
    expect(await codeOf(decode(signed))).toBe('DATA_UNSUPPORTED');
  });

  it('are told by their first bytes', async () => {
    const { image } = raw(3, 8);
    for (const format of ['jpeg', 'png', 'tiff', 'webp'] as const) {
      const head = (await image.clone().toFormat(format).toBuffer()).subarray(0, rasterFormat.headBytes);
      expect(rasterFormat.matches(head), format).toBe(true);
      expect(rasterFormat.matches(head.subarray(0, 1)), format).toBe(false);
    }
    const gif = await image.clone().gif().toBuffer();
    expect(rasterFormat.matches(gif)).toBe(false);
    expect(await codeOf(rasterFormat.read(gif, 'x'))).toBe('DATA_INVALID');
    expect(rasterFormat.matches(new TextEncoder().encode('<svg xmlns="'))).toBe(false);
  });

  it('are never opened as something else than JPEG, PNG, TIFF or WebP', async () => {
    // without the list of decoders libvips would open both
    const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
    await decode(await raw(1, 8).image.png().toBuffer());
    await expect(sharp(svg).metadata()).rejects.toThrow('unsupported');
  });
});

describe('broken pictures', () => {
  it('of 1500 kinds are read or refused with a code, and never name the file system', async () => {
    const files = [
      await raw(3, 8).image.jpeg().toBuffer(),
      await raw(1, 16).image.png().toBuffer(),
      await raw(3, 16).image.tiff({ compression: 'lzw' }).toBuffer(),
      await raw(4, 8).image.webp().toBuffer(),
      bitmap({
        bits: 8,
        height: HEIGHT,
        palette: Array.from({ length: 256 }, (_, i) => [i, i, i, 0]),
        pixel: () => [3],
      }),
      bitmap({ bits: 24, height: HEIGHT, pixel: () => [1, 2, 3] }),
    ];
    let refused = 0;
    for (const [f, file] of files.entries())
      for (const { what, bytes } of brokenCopies(new Uint8Array(file), 250, f)) {
        try {
          for (const record of await rasterFormat.read(bytes, 'picture')) {
            const pixels = await record.frame(record.frames - 1);
            expect(pixels.values.length, what).toBe(pixels.width * pixels.height * pixels.channels);
          }
        } catch (error) {
          expect(isKonsilError(error), `${what}: ${String(error)}`).toBe(true);
          expect((error as Error).message, what).toMatch(/^picture: (byte|frame) \d+: /);
          expect((error as Error).cause, what).toBeUndefined();
          refused++;
        }
      }
    expect(refused).toBeGreaterThan(500);
  });

  it('that end too early are refused', async () => {
    for (const format of ['jpeg', 'png', 'tiff', 'webp'] as const) {
      const file = await raw(3, 8).image.toFormat(format).toBuffer();
      expect(await codeOf(decode(file.subarray(0, Math.floor(file.length * 0.6)))), format).toBe('DATA_INVALID');
    }
  });

  it('that claim 65500 × 65500 pixels are refused before they are decoded', async () => {
    const file = new Uint8Array(await raw(1, 8).image.png().toBuffer());
    new DataView(file.buffer).setUint32(16, 65500);
    new DataView(file.buffer).setUint32(20, 65500);
    expect(await codeOf(rasterFormat.read(file, 'picture'))).toBe('DATA_INVALID');
  });
});
