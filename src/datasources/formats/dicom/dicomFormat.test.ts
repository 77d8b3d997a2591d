/**
 * Pixels of DICOM files that the tests write: syntaxes, frames, values, colours.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { SYNTAX, type Tags, type WrittenFile, writeDicom } from '../../../../test/support/dicomWriter.ts';
import { seededRng } from '../../../base/index.ts';
import { readDicom } from './dicomFormat.ts';

const rng = seededRng(7, 'dicom');
const noise = (length: number, limit: number): number[] => Array.from({ length }, () => Math.floor(rng() * limit));
const GREY = [Int16Array.from(noise(35, 65536)), Int16Array.from(noise(35, 65536)), new Int16Array(35)];
const COLOUR = [Uint8Array.from(noise(105, 256)), Uint8Array.from(noise(105, 256))];
const NATIVE = ['implicit', 'explicit', 'deflated', 'bigEndian'] as const;

async function frameOf(file: WrittenFile, index = 0) {
  return await readDicom(writeDicom(file), 'a.dcm').frame(index);
}

const grey = (frames: readonly (Uint8Array | Uint16Array)[]) => ({ width: frames[0]!.length, height: 1, frames });

describe('stored values survive', () => {
  for (const syntax of [...NATIVE, 'rle', 'deflatedFrame'] as const) {
    it(`${syntax}: three frames of 16 bits with signs`, async () => {
      const bytes = writeDicom({ transferSyntax: SYNTAX[syntax], pixels: { width: 7, height: 5, frames: GREY } });
      const record = readDicom(bytes, 'a.dcm');
      expect(record.frames).toBe(3);
      for (const [i, frame] of GREY.entries())
        expect(await record.stored(i)).toEqual({ width: 7, height: 5, channels: 1, values: frame });
    });

    it(`${syntax}: two frames of colours`, async () => {
      const pixels = { width: 7, height: 5, samples: 3, frames: COLOUR };
      const record = readDicom(writeDicom({ transferSyntax: SYNTAX[syntax], pixels }), 'a.dcm');
      for (const [i, frame] of COLOUR.entries())
        expect(await record.frame(i)).toEqual({ width: 7, height: 5, channels: 3, values: frame });
    });

    it(`${syntax}: 32 bits, ${syntax === 'bigEndian' ? 'turned around' : 'as they are'}`, async () => {
      const values = Uint32Array.of(0, 1, 0x80000000, 0xfffffffe, 0x01020304, 77);
      const file = { transferSyntax: SYNTAX[syntax], pixels: { width: 3, height: 2, frames: [values] } };
      expect((await frameOf(file)).values).toEqual(values);
    });
  }

  it('in planes as well as together', async () => {
    const planes = Uint8Array.from([0, 1, 2].flatMap((channel) => [...COLOUR[0]!.filter((_, i) => i % 3 === channel)]));
    const pixels = { width: 7, height: 5, samples: 3, frames: [planes] };
    expect((await frameOf({ pixels, tags: { PlanarConfiguration: 1 } })).values).toEqual(COLOUR[0]);
    // a Buffer's slices are views: the file must not change under its records
    const file = Buffer.from(writeDicom({ pixels, tags: { PlanarConfiguration: 1 } }));
    const before = Buffer.from(file);
    const record = readDicom(file, 'a.dcm');
    expect((await record.frame(0)).values).toEqual((await record.frame(0)).values);
    expect(file.equals(before)).toBe(true);
  });

  it('with offset tables of both kinds, none, and frames in several fragments', async () => {
    const rle = (frame: number) =>
      writeDicom({ transferSyntax: SYNTAX.rle, pixels: { width: 7, height: 5, frames: [GREY[frame]!] } });
    const stream = (frame: number): Uint8Array => {
      const bytes = rle(frame);
      // the stream begins after the item of the empty table and the header of its own item
      return bytes.subarray(bytes.length - 8 - rleLength(bytes), bytes.length - 8);
    };
    const whole = [stream(0), stream(1)];
    const halves = whole.map((bytes) => [bytes.subarray(0, 70), bytes.subarray(70)]);
    for (const offsets of ['basic', 'extended'] as const) {
      const file: WrittenFile = {
        ...{ transferSyntax: SYNTAX.rle, encoded: halves, offsets },
        pixels: { width: 7, height: 5, frames: GREY.slice(0, 2) },
      };
      const record = readDicom(writeDicom(file), 'a.dcm');
      expect((await record.stored(0)).values, offsets).toEqual(GREY[0]);
      expect((await record.stored(1)).values, offsets).toEqual(GREY[1]);
    }
    const apart = { encoded: whole.map((bytes) => [bytes]), offsets: 'none' } as const;
    const file = { transferSyntax: SYNTAX.rle, ...apart, pixels: { width: 7, height: 5, frames: GREY.slice(0, 2) } };
    expect((await readDicom(writeDicom(file), 'a.dcm').stored(1)).values).toEqual(GREY[1]);
    const unclear = { ...file, encoded: halves };
    expect(() => readDicom(writeDicom(unclear), 'a.dcm')).toThrow('4 fragments of pixels that are not 2 frames');
  });

  it('of 8 bits in words of 16, whose bytes big endian turns around', async () => {
    const file = writeDicom({
      transferSyntax: SYNTAX.bigEndian,
      pixels: { width: 7, height: 5, samples: 3, frames: COLOUR },
    });
    const start = file.length - 210;
    const words = file.subarray(start).map((_, i) => file[start + (i ^ 1)]!);
    file.set(words, start);
    file.set(Buffer.from('OW'), start - 8);
    const record = readDicom(file, 'a.dcm');
    expect((await record.frame(1)).values).toEqual(COLOUR[1]);
  });

  it('of single bits, whose frames do not begin with a byte', async () => {
    const packed = Uint8Array.of(0b10110101, 0b01100110, 0b1);
    const tags: Tags = { BitsAllocated: 1, BitsStored: 1, HighBit: 0, NumberOfFrames: '3', Rows: 1, Columns: 5 };
    const record = readDicom(writeDicom({ tags, pixels: { width: 5, height: 1, frames: [packed] } }), 'a.dcm');
    const frames = await Promise.all([0, 1, 2].map(async (i) => [...(await record.stored(i)).values]));
    expect(frames).toEqual([
      [1, 0, 1, 0, 1],
      [1, 0, 1, 0, 1],
      [1, 0, 0, 1, 1],
    ]);
  });

  it('without what lies beside the bits stored', async () => {
    const values = Uint16Array.of(0xf123, 0x0fff, 0x8800, 0x1000);
    const pixels = { ...grey([values]), bitsStored: 12 };
    expect((await frameOf({ pixels })).values).toEqual(Uint16Array.of(0x123, 0xfff, 0x800, 0));
    const signed = await frameOf({ pixels, tags: { PixelRepresentation: 1 } });
    expect(signed.values).toEqual(Int16Array.of(0x123, -1, -0x800, 0));
    const shifted = await frameOf({ pixels, tags: { HighBit: 15 } });
    expect(shifted.values).toEqual(Uint16Array.of(0xf12, 0xff, 0x880, 0x100));
  });

  it('of 8 bits with signs, and of 12 in 8-bit RLE planes', async () => {
    const values = Int8Array.of(-128, -1, 0, 127);
    for (const syntax of ['explicit', 'bigEndian', 'rle'] as const) {
      const file = { transferSyntax: SYNTAX[syntax], pixels: { width: 4, height: 1, frames: [values] } };
      expect((await frameOf(file)).values, syntax).toEqual(Int16Array.from(values));
    }
    const twelve = { ...grey([Uint16Array.of(0x0fff, 1, 0x0800)]), bitsStored: 12 };
    const file = { transferSyntax: SYNTAX.rle, pixels: twelve, tags: { PixelRepresentation: 1 } };
    expect((await frameOf(file)).values).toEqual(Int16Array.of(-1, 1, -2048));
  });

  it('as views of the file where they already lie as they are', async () => {
    const bytes = writeDicom({ pixels: { width: 7, height: 5, samples: 3, frames: COLOUR } });
    expect((await readDicom(bytes, 'a.dcm').frame(0)).values.buffer).toBe(bytes.buffer);
  });
});

/** Length of the only item of a file's pixels. */
function rleLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = bytes.length - 16; at > 0; at--) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint32(at, true) === 0xe000fffe && at + 8 + length === bytes.length - 8) return length;
  }
  throw new RangeError('no item');
}

describe('modality values', () => {
  const stored = Int16Array.of(-1000, 0, 24, 3000);
  const pixels = { width: 4, height: 1, frames: [stored] };

  it('are integers of the smallest kind that holds them for integral slopes', async () => {
    const { values } = await frameOf({
      pixels: { ...pixels, bitsStored: 13 },
      tags: { RescaleSlope: 2, RescaleIntercept: '-24' },
    });
    expect(values).toEqual(Int16Array.of(-2024, -24, 24, 5976));
    const wide = await frameOf({ pixels, tags: { RescaleSlope: '2', RescaleIntercept: '-24' } });
    expect(wide.values).toEqual(Int32Array.of(-2024, -24, 24, 5976));
  });

  it('are float32 otherwise', async () => {
    const { values } = await frameOf({ pixels, tags: { RescaleSlope: '0.5', RescaleIntercept: '0.25' } });
    expect(values).toEqual(Float32Array.of(-499.75, 0.25, 12.25, 1500.25));
  });

  it('follow the groups of each frame before those of all', async () => {
    const transform = (slope: string): Tags => ({
      PixelValueTransformationSequence: [{ RescaleSlope: slope, RescaleIntercept: '1', RescaleType: 'US' }],
    });
    const frames = [Uint8Array.of(1, 2), Uint8Array.of(1, 2), Uint8Array.of(1, 2)];
    const tags: Tags = {
      SharedFunctionalGroupsSequence: [
        { ...transform('3'), PixelMeasuresSequence: [{ PixelSpacing: ['0.5', '0.25'] }] },
      ],
      PerFrameFunctionalGroupsSequence: [transform('10'), {}, transform('100')],
    };
    for (const isDelimited of [false, true])
      for (const syntax of NATIVE) {
        const file = { tags, isDelimited, transferSyntax: SYNTAX[syntax], pixels: grey(frames) };
        const record = readDicom(writeDicom(file), 'a.dcm');
        const values = await Promise.all([0, 1, 2].map(async (i) => [...(await record.frame(i)).values]));
        expect(values, syntax).toEqual([
          [11, 21],
          [4, 7],
          [101, 201],
        ]);
        expect(record.columns).toMatchObject({ PixelSpacing: '0.5\\0.25', RescaleSlope: 10 });
      }
  });

  it('come from a table, whose ends hold for what lies outside of it', async () => {
    const lut = { LUTDescriptor: [3, 10, 16], LUTData: new Uint8Array(Uint16Array.of(7, 800, 65535).buffer) };
    const { values } = await frameOf({
      tags: { ModalityLUTSequence: [lut] },
      pixels: grey([Uint8Array.of(0, 10, 11, 12, 13, 255)]),
    });
    expect(values).toEqual(Uint16Array.of(7, 7, 800, 65535, 65535, 65535));
  });

  it('of MONOCHROME1 are turned around within the bits stored, then rescaled', async () => {
    const tags: Tags = { PhotometricInterpretation: 'MONOCHROME1', RescaleSlope: '2', RescaleIntercept: '1' };
    const unsigned = await frameOf({ tags, pixels: { ...grey([Uint16Array.of(0, 1, 4095)]), bitsStored: 12 } });
    expect(unsigned.values).toEqual(Uint16Array.of(8191, 8189, 1));
    const signed = await frameOf({
      tags: { PhotometricInterpretation: 'MONOCHROME1' },
      pixels: { width: 3, height: 1, frames: [Int16Array.of(-32768, 0, 32767)] },
    });
    expect(signed.values).toEqual(Int16Array.of(32767, -1, -32768));
  });

  it('of floating point are float32', async () => {
    const image = { SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', Rows: 1, Columns: 2 };
    const float = new Uint8Array(Float32Array.of(0.1, -3).buffer);
    const double = new Uint8Array(Float64Array.of(0.1, 1e300).buffer);
    expect((await frameOf({ tags: { ...image, BitsAllocated: 32, FloatPixelData: float } })).values).toEqual(
      Float32Array.of(0.1, -3),
    );
    expect((await frameOf({ tags: { ...image, BitsAllocated: 64, DoubleFloatPixelData: double } })).values).toEqual(
      Float32Array.of(0.1, Number.POSITIVE_INFINITY),
    );
  });
});

describe('colours', () => {
  it('come from a palette of 8 or 16 bits', async () => {
    const table = (bits: number, ...entries: number[]): Tags => {
      const data = bits === 8 ? Uint8Array.from(entries) : new Uint8Array(Uint16Array.from(entries).buffer);
      const names = ['Red', 'Green', 'Blue'];
      return Object.fromEntries(
        names.flatMap((name) => [
          [`${name}PaletteColorLookupTableDescriptor`, [entries.length, 5, bits]],
          [`${name}PaletteColorLookupTableData`, name === 'Green' ? data.toReversed() : data],
        ]),
      ) as Tags;
    };
    const pixels = grey([Uint8Array.of(5, 6, 99)]);
    const palette = { PhotometricInterpretation: 'PALETTE COLOR' };
    const narrow = await frameOf({ pixels, tags: { ...palette, ...table(8, 1, 20) } });
    expect(narrow).toMatchObject({ channels: 3, values: Uint8Array.of(1, 20, 1, 20, 1, 20, 20, 1, 20) });
    const wide = await frameOf({ pixels, tags: { ...palette, ...table(16, 0x0101, 0x2020) } });
    expect(wide.values).toEqual(Uint16Array.of(257, 8224, 257, 8224, 257, 8224, 8224, 257, 8224));
  });

  it('come from luma and chroma, shared by two pixels or not', async () => {
    const full = { samples: 3, width: 2, height: 1, frames: [Uint8Array.of(76, 85, 255, 150, 44, 21)] };
    const rgb = await frameOf({ pixels: full, tags: { PhotometricInterpretation: 'YBR_FULL' } });
    expect(rgb.values).toEqual(Uint8Array.of(254, 0, 0, 0, 255, 1));
    const shared = { samples: 3, width: 2, height: 1, frames: [Uint8Array.of(76, 150, 128, 128)] };
    const grey = await frameOf({ pixels: shared, tags: { PhotometricInterpretation: 'YBR_FULL_422' } });
    expect(grey.values).toEqual(Uint8Array.of(76, 76, 76, 150, 150, 150));
  });
});
