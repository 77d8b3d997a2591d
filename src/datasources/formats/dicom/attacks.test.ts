/**
 * Broken files: each ends with its pixels or with an error that names the file, within bounded memory.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/fixtures/dicom/fixtures.ts';
import { SYNTAX, type Tags, writeDicom } from '../../../../test/support/dicomWriter.ts';
import { brokenCopies } from '../../../../test/support/fuzzBytes.ts';
import { encodeLosslessJpeg } from '../../../../test/support/jpegLossless.ts';
import { concatBytes, isKonsilError, seededRng } from '../../../base/index.ts';
import { dicomFormat, readDicom } from './dicomFormat.ts';

const rng = seededRng(11, 'attacks');
const noise = (length: number, limit: number): number[] => Array.from({ length }, () => Math.floor(rng() * limit));
const CASES = 110;

/** Most frames of a broken file that are decoded. */
const MAX_FRAMES = 4;

/** Reads all of a file; false when it was refused as broken files must be. */
async function survives(bytes: Uint8Array, what: string): Promise<boolean> {
  try {
    for (const record of await dicomFormat.read(bytes, 'broken.dcm')) {
      for (const [name, cell] of Object.entries(record.columns)) {
        expect(cell === null || typeof cell === 'string' || Number.isFinite(cell), `${what}: ${name}`).toBe(true);
        expect(String(cell), `${what}: ${name}`).not.toMatch(/\p{Cc}/u);
      }
      for (let i = 0; i < Math.min(record.frames, MAX_FRAMES); i++) {
        const { width, height, channels, values } = await record.frame(i);
        expect(values.length, what).toBe(width * height * channels);
      }
    }
    return true;
  } catch (error) {
    if (!isKonsilError(error)) throw new Error(`${what}: ended with no error of ours`, { cause: error });
    expect(['DATA_INVALID', 'DATA_UNSUPPORTED'], what).toContain(error.code);
    expect(error.message, what).toMatch(/^broken\.dcm /);
    expect(error.cause, what).toBeUndefined();
    return false;
  }
}

const colour = { width: 12, height: 10, samples: 3, frames: [Uint8Array.from(noise(360, 256))] };
const grey = { width: 16, height: 12, frames: [0, 1, 2].map(() => Uint16Array.from(noise(192, 4096))), bitsStored: 12 };
const groups: Tags = {
  SharedFunctionalGroupsSequence: [{ PixelMeasuresSequence: [{ PixelSpacing: ['1', '1'] }] }],
  PerFrameFunctionalGroupsSequence: [0, 1, 2].map((i) => ({
    PixelValueTransformationSequence: [{ RescaleSlope: '2', RescaleIntercept: String(i) }],
  })),
  ...{ SpecificCharacterSet: ['', 'ISO 2022 IR 87'], PatientName: Uint8Array.of(27, 36, 66, 59, 51, 27, 40, 66) },
};
const lossless = encodeLosslessJpeg({
  ...{ width: 16, height: 12, components: 1, precision: 12, predictor: 6, values: noise(192, 4096), restartRows: 3 },
});

const FILES: Readonly<Record<string, Uint8Array>> = {
  'implicit with groups': writeDicom({ transferSyntax: SYNTAX.implicit, tags: groups, pixels: grey }),
  'explicit with delimiters': writeDicom({ tags: groups, pixels: grey, isDelimited: true }),
  'big endian': writeDicom({ transferSyntax: SYNTAX.bigEndian, pixels: grey }),
  deflated: writeDicom({ transferSyntax: SYNTAX.deflated, pixels: grey }),
  'deflated frames': writeDicom({ transferSyntax: SYNTAX.deflatedFrame, pixels: grey }),
  'without preamble': writeDicom({ transferSyntax: SYNTAX.implicit, pixels: colour, isWhole: false }),
  'RLE with an extended table': writeDicom({ transferSyntax: SYNTAX.rle, pixels: grey, offsets: 'extended' }),
  'RLE in colour': writeDicom({ transferSyntax: SYNTAX.rle, pixels: colour }),
  'lossless JPEG': writeDicom({
    ...{ transferSyntax: SYNTAX.jpegLossless, pixels: { ...grey, frames: grey.frames.slice(0, 1) } },
    encoded: [[lossless]],
  }),
  '12-bit JPEG': fixture('JPGExtended.dcm'),
  'JPEG in colour': fixture('SC_rgb_jpeg_dcmtk.dcm'),
  'JPEG 2000': fixture('MR_small_jp2klossless.dcm'),
  'JPEG 2000, lossy': fixture('693_J2KI.dcm'),
  'JPEG-LS': fixture('MR_small_jpeg_ls_lossless.dcm'),
  'RLE of a scanner': fixture('MR_small_RLE.dcm'),
  'deflated by another': fixture('image_dfl.dcm'),
  'characters of two bytes': fixture('charset/chrH32.dcm'),
  'structures and sequences': fixture('rtdose.dcm'),
  'declared wrongly': fixture('SC_rgb_jpeg.dcm'),
  'shared chroma': fixture('SC_ybr_full_422_uncompressed.dcm'),
};

describe(`${Object.keys(FILES).length * CASES} broken files end with pixels or an error of ours`, () => {
  it.each(Object.entries(FILES))('%s', async (name, bytes) => {
    expect(await survives(bytes, name)).toBe(true);
    const before = process.memoryUsage();
    let refused = 0;
    let cases = 0;
    for (const copy of brokenCopies(bytes, CASES, 1)) {
      if (!(await survives(copy.bytes, `${name}, ${copy.what}`))) refused++;
      cases++;
    }
    expect(cases).toBe(CASES);
    // the damage is real: whatever is cut short must be refused
    expect(refused).toBeGreaterThan(CASES / 10);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1 << 30);
    // afterwards the decoders work as before
    expect(await survives(bytes, name)).toBe(true);
  });

  it('are more than 2000', () => {
    expect(Object.keys(FILES).length * CASES).toBeGreaterThanOrEqual(2000);
  });
});

describe('attacks', () => {
  it('that break a decoder leave the frames that wait for it whole', async () => {
    for (const name of ['MR_small_jp2klossless.dcm', 'MR_small_jpeg_ls_lossless.dcm', 'SC_rgb_jpeg_dcmtk.dcm']) {
      const bytes = fixture(name);
      const whole = (await readDicom(bytes, name).stored(0)).values;
      const broken = [...brokenCopies(bytes, 60, 3)].flatMap(({ bytes: copy }) => {
        try {
          return [readDicom(copy, 'broken.dcm')];
        } catch {
          return [];
        }
      });
      const waiting = broken.flatMap((record) => [record, readDicom(bytes, name)]);
      const outcomes = await Promise.allSettled(waiting.map(async (record) => (await record.stored(0)).values));
      const good = outcomes.filter((_, i) => i % 2 === 1);
      expect(good.length).toBeGreaterThan(10);
      for (const outcome of good) expect(outcome).toEqual({ status: 'fulfilled', value: whole });
    }
  });

  const nested = (depth: number): Uint8Array => {
    const open = Buffer.from('0800401100000000', 'hex');
    const sequence = concatBytes(open.subarray(0, 4), Uint8Array.of(255, 255, 255, 255));
    const item = Uint8Array.of(0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255);
    const body = concatBytes(...Array.from({ length: depth }, () => concatBytes(sequence, item)));
    return concatBytes(writeDicom({ transferSyntax: SYNTAX.implicit, tags: { SOPClassUID: '1.2' } }), body);
  };

  it('by nesting are refused', () => {
    for (const depth of [10, 1000, 100_000])
      expect(() => readDicom(nested(depth), 'a.dcm'), `${depth}`).toThrow(
        /^a\.dcm (has sequence \(0008,1140\)|ends at byte \d+, in sequence \(0008,1140\))/,
      );
  });

  it('by zeros that inflate to gigabytes are refused', () => {
    const bomb = writeDicom({
      transferSyntax: SYNTAX.deflatedFrame,
      pixels: { ...grey, frames: [new Uint16Array(1 << 22)] },
    });
    expect(bomb.length).toBeLessThan(1 << 16);
    const record = readDicom(bomb, 'a.dcm');
    return expect(record.frame(0)).rejects.toThrow('is no deflated frame');
  });

  it('by runs that claim more pixels than they can give are refused before memory is taken', async () => {
    const tags: Tags = { Rows: 16000, Columns: 16000 };
    const record = readDicom(
      writeDicom({ transferSyntax: SYNTAX.rle, tags, pixels: { ...grey, frames: grey.frames.slice(0, 1) } }),
      'a.dcm',
    );
    await expect(record.frame(0)).rejects.toThrow(/too few for 2 RLE segments/);
  });

  it.each(['MR_small_jp2klossless.dcm', 'MR_small_jpeg_ls_lossless.dcm', 'JPGExtended.dcm', 'SC_rgb_jpeg_dcmtk.dcm'])(
    'by a stream of another size than %s says are refused before it is decoded',
    async (name) => {
      const bytes = fixture(name);
      const at = Buffer.from(bytes).indexOf(Buffer.from('2800100055530200', 'hex'));
      expect(at).toBeGreaterThan(0);
      bytes.set([0xff, 0x0f], at + 8);
      await expect(readDicom(bytes, 'a.dcm').frame(0)).rejects.toThrow(
        /image of \d+ × \d+ × \d; expected \d+ × 4095 × \d/,
      );
    },
  );

  it('leave nothing of one image in the next', async () => {
    // OpenJPEG gives up silently: the frame before must not stand in for the one that cannot be decoded
    const bytes = fixture('MR_small_jp2klossless.dcm');
    const whole = await readDicom(bytes, 'a.dcm').stored(0);
    const broken = bytes.slice();
    const start = Buffer.from(bytes).indexOf(Buffer.from('ff4fff51', 'hex'));
    broken.fill(0, start + 60, start + 400);
    const outcome = await readDicom(broken, 'b.dcm')
      .stored(0)
      .catch(() => undefined);
    expect(outcome?.values).not.toEqual(whole.values);
    expect((await readDicom(bytes, 'a.dcm').stored(0)).values).toEqual(whole.values);
  });

  it('decode frames asked for at once as if one by one', async () => {
    const names = [
      'MR_small_jp2klossless.dcm',
      'MR_small_jpeg_ls_lossless.dcm',
      'MR_small_RLE.dcm',
      'MR_small_bigendian.dcm',
    ];
    const all = await Promise.all([...names, ...names].map((name) => readDicom(fixture(name), name).stored(0)));
    // the same picture in four syntaxes
    for (const { values } of all) expect(values).toEqual(all[0]!.values);
  });
});
