/**
 * JPEG decoders against an encoder of the tests, real streams, and each other.
 * @module
 */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../../../test/fixtures/dicom/fixtures.ts';
import { encodeLosslessJpeg, type LosslessImage } from '../../../../../../test/support/jpegLossless.ts';
import { seededRng } from '../../../../../base/index.ts';
import { CodecError } from '../../../codecs/codecError.ts';
import { ybrToRgb } from '../../colour.ts';
import { readDicom } from '../../dicomFormat.ts';
import { decodeJpeg } from '../jpeg.ts';
import { decodeJpegTurbo } from '../jpegTurbo.ts';
import { ZIGZAG } from './blocks.ts';
import { decodeDct } from './dct.ts';
import { readJpegHeader } from './header.ts';
import { inverseDct } from './idct.ts';

const rng = seededRng(3, 'jpeg');

function noise(length: number, precision: number): number[] {
  // smooth runs between jumps, and the extremes, whose differences are the longest
  let value = 0;
  return Array.from({ length }, () => {
    const dice = rng();
    if (dice < 0.1) value = dice < 0.05 ? 0 : 2 ** precision - 1;
    else if (dice < 0.3) value = Math.floor(rng() * 2 ** precision);
    else value = Math.min(2 ** precision - 1, Math.max(0, value + Math.floor(rng() * 5) - 2));
    return value;
  });
}

async function decode(image: LosslessImage) {
  const { width, height, components } = image;
  return [...(await decodeJpeg(encodeLosslessJpeg(image), { width, height, components }, true)).values];
}

describe('lossless JPEG gives every sample back', () => {
  for (let predictor = 1; predictor <= 7; predictor++)
    it(`with predictor ${predictor}, of every precision, with restarts, in one scan and in several`, async () => {
      for (let precision = 2; precision <= 16; precision++)
        for (const components of [1, 3])
          for (const options of [{}, { restartRows: 2 }, { isPlanar: true }]) {
            const values = noise(9 * 7 * components, precision);
            const image = { width: 9, height: 7, components, precision, values, predictor, ...options };
            expect(await decode(image), `${precision} bits, ${JSON.stringify(options)}`).toEqual(values);
          }
    });

  it('but for the bits of the point transform', async () => {
    const values = noise(63, 12);
    const image = { width: 9, height: 7, components: 1, precision: 12, values, predictor: 4, pointTransform: 3 };
    expect(await decode(image)).toEqual(values.map((value) => (value >> 3) << 3));
  });

  it('to the last one', async () => {
    // a stream may end within the byte of its last difference
    for (let length = 1; length < 40; length++) {
      const values = noise(length, 8);
      const image = { width: length, height: 1, components: 1, precision: 8, values, predictor: 1 };
      expect(await decode(image)).toEqual(values);
    }
  });
});

describe('the inverse transform', () => {
  it('is that of the definition, rounded', () => {
    const out = new Uint16Array(64);
    const quantisation = Uint16Array.from({ length: 64 }, (_, i) => 1 + (i % 5));
    const scale = (k: number): number => (k === 0 ? Math.SQRT1_2 : 1);
    for (let round = 0; round < 50; round++) {
      const last = Math.floor(rng() * 64);
      const block = Int16Array.from({ length: 64 }, (_, i) => (i <= last ? Math.floor(rng() * 200 - 100) : 0));
      inverseDct(block, 0, quantisation, 2048, out, 0, 8);
      for (let y = 0; y < 8; y++)
        for (let x = 0; x < 8; x++) {
          let sum = 0;
          for (let v = 0; v < 8; v++)
            for (let u = 0; u < 8; u++)
              sum +=
                scale(u) *
                scale(v) *
                block[v * 8 + u]! *
                quantisation[v * 8 + u]! *
                Math.cos(((2 * x + 1) * u * Math.PI) / 16) *
                Math.cos(((2 * y + 1) * v * Math.PI) / 16);
          expect(Math.abs(out[y * 8 + x]! - (2048 + sum / 4))).toBeLessThanOrEqual(0.5 + 1e-6);
        }
    }
  });

  it('clips to the range of the precision', () => {
    const out = new Uint16Array(64);
    for (const [constant, expected] of [
      [32000, 4095],
      [-32000, 0],
    ] as const) {
      const block = new Int16Array(64);
      block[0] = constant;
      inverseDct(block, 0, new Uint16Array(64).fill(1), 2048, out, 0, 8);
      expect([...out]).toEqual(Array.from({ length: 64 }, () => expected));
    }
  });

  it('takes coefficients in the order of the standard', () => {
    expect([...ZIGZAG.subarray(0, 10)]).toEqual([0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
    expect([...ZIGZAG.subarray(60)]).toEqual([47, 55, 62, 63].slice(0, 4));
    expect(new Set(ZIGZAG).size).toBe(64);
  });
});

/** The first stream in a file. */
function streamOf(name: string): Uint8Array {
  const bytes = fixture(name);
  const start = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xd8 && bytes[i + 2] === 0xff);
  return bytes.subarray(start);
}

async function compareWithTurbo(stream: Uint8Array): Promise<number> {
  const header = readJpegHeader(stream);
  const expected = { width: header.width, height: header.height, components: header.components };
  const turbo = await decodeJpegTurbo(stream, header, expected, true);
  const own = decodeDct(stream, header, expected);
  // what an Adobe or JFIF stream calls luma and chroma, the other decoder makes red, green, blue
  const isYbr = header.components === 3 && (header.hasJfif || header.adobeTransform === 1);
  const values: ArrayLike<number> = isYbr ? ybrToRgb(own.values, 8) : own.values;
  let worst = 0;
  for (let i = 0; i < values.length; i++) worst = Math.max(worst, Math.abs(values[i]! - turbo.values[i]!));
  return worst;
}

describe('JPEG with DCT', () => {
  it('is decoded here as by libjpeg-turbo, within rounding, where no chroma is shared', async () => {
    expect(await compareWithTurbo(streamOf('SC_jpeg_no_color_transform.dcm'))).toBeLessThanOrEqual(1);
  });

  it.each([1, 3] as const)('in progressive scans too, with %i components', async (channels) => {
    const [width, height] = [61, 45];
    const raw = Buffer.from(noise(width * height * channels, 8));
    for (const quality of [35, 80, 100]) {
      const image = sharp(raw, { raw: { width, height, channels } });
      const grey = channels === 1 ? image.toColourspace('b-w') : image;
      const stream = await grey.jpeg({ progressive: true, quality, chromaSubsampling: '4:4:4' }).toBuffer();
      expect(readJpegHeader(stream)).toMatchObject({ process: 0xc2, components: channels });
      // rounded once for the samples and once for the colours
      expect(await compareWithTurbo(new Uint8Array(stream)), `quality ${quality}`).toBeLessThanOrEqual(channels);
    }
  });

  it('of 12 bits has no shift of its grey levels', async () => {
    const { values } = await readDicom(fixture('JPGExtended.dcm'), 'a.dcm').stored(0);
    // of an empty background; decoders that shift give 15
    expect(values[0]).toBeLessThanOrEqual(1);
  });
});

describe('broken streams', () => {
  const expected = { width: 9, height: 7, components: 1 };
  const whole = encodeLosslessJpeg({ ...expected, precision: 12, values: noise(63, 12), predictor: 1 });
  const changed = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = whole.slice();
    copy.set(bytes, at);
    return copy;
  };

  it.each<readonly [string, Uint8Array, RegExp]>([
    ['no start', changed(0, 0), /is no JPEG stream/],
    ['another size', changed(9, 0, 8), /is a JPEG image of 8 × 7 × 1; expected 9 × 7 × 1/],
    ['an arithmetic coder', changed(3, 0xc9), /hierarchical or arithmetic/],
    ['17 bits', changed(6, 17), /17 bits per sample/],
    ['a sampling factor of 0', changed(13, 0), /sampling factors/],
    ['a segment beyond the end', changed(4, 0xff, 0xff), /segment at byte 2 that ends outside/],
    ['too many codes', changed(19, 200), /Huffman table/],
    ['predictor 0', changed(whole.indexOf(0xda, 20) + 6, 0), /predictor 0/],
    ['half of the scan', whole.subarray(0, whole.length - 20), /ends early/],
    ['no scan', whole.subarray(0, 40), /ends at byte 40|outside of its 40 bytes/],
  ])('%s', async (_name, bytes, message) => {
    await expect(decodeJpeg(bytes, expected, false)).rejects.toThrow(message);
    await expect(decodeJpeg(bytes, expected, false)).rejects.toBeInstanceOf(CodecError);
  });

  it('of many scans end before they take long', async () => {
    const scan = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0, 0];
    const bytes = Uint8Array.from([...whole.subarray(0, -2), ...Array.from({ length: 200 }, () => scan).flat()]);
    await expect(decodeJpeg(bytes, expected, false)).rejects.toThrow('more than 128 JPEG scans');
  });
});
