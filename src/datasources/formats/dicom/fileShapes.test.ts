/**
 * DICOM files in unusual shapes, and those that are refused.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/fixtures/dicom/fixtures.ts';
import { SYNTAX, type Tags, type WrittenFile, writeDicom } from '../../../../test/support/dicomWriter.ts';
import { seededRng } from '../../../base/index.ts';
import { dicomFormat, readDicom } from './dicomFormat.ts';

const rng = seededRng(8, 'shapes');
const noise = (length: number, limit: number): number[] => Array.from({ length }, () => Math.floor(rng() * limit));
const GREY = [Int16Array.from(noise(35, 65536)), Int16Array.from(noise(35, 65536)), new Int16Array(35)];

async function frameOf(file: WrittenFile, index = 0) {
  return await readDicom(writeDicom(file), 'a.dcm').frame(index);
}

describe('files in other shapes', () => {
  it('need no preamble and no meta information', async () => {
    for (const syntax of ['implicit', 'explicit', 'bigEndian'] as const) {
      const file = { transferSyntax: SYNTAX[syntax], isWhole: false, pixels: { width: 7, height: 5, frames: GREY } };
      const bytes = writeDicom(file);
      expect(dicomFormat.matches(bytes.subarray(0, dicomFormat.headBytes)), syntax).toBe(true);
      expect((await readDicom(bytes, 'a.dcm').stored(1)).values, syntax).toEqual(GREY[1]);
    }
  });

  it('may declare another encoding than they have', async () => {
    const bytes = writeDicom({
      transferSyntax: SYNTAX.implicit,
      isWhole: false,
      pixels: { width: 7, height: 5, frames: GREY },
    });
    const head = writeDicom({ transferSyntax: SYNTAX.explicit });
    const body = writeDicom({ transferSyntax: SYNTAX.explicit, isWhole: false });
    const mixed = Buffer.concat([head.subarray(0, head.length - body.length), bytes]);
    expect((await readDicom(new Uint8Array(mixed), 'a.dcm').stored(2)).values).toEqual(GREY[2]);
  });

  it('may end in zeros or hold attributes that the standard has not', async () => {
    const tags: Tags = { '00091010LO': 'private', '00112222OB': new Uint8Array(300) };
    const bytes = Buffer.concat([writeDicom({ tags }), new Uint8Array(64)]);
    const { columns, frames } = readDicom(new Uint8Array(bytes), 'a.dcm');
    expect(frames).toBe(0);
    expect(JSON.stringify(columns)).not.toContain('private');
  });

  it('are not taken for other files', () => {
    for (const text of ['GIF89a', '\x89PNG\r\n', '%PDF-1.4', 'a,b,c\n1,2,3\n', '\x00\x00\x00\x00\x00\x00\x00\x00'])
      expect(dicomFormat.matches(Buffer.from(text.padEnd(132, ' '), 'latin1')), text).toBe(false);
    expect(dicomFormat.matches(new Uint8Array(0))).toBe(false);
    expect(dicomFormat.matches(new Uint8Array(132))).toBe(false);
  });
});

describe('files that declare nothing, or the wrong thing, of their streams', () => {
  const stream = (name: string): Uint8Array => {
    const bytes = fixture(name);
    const start = Buffer.from(bytes).lastIndexOf(Buffer.from('feff00e0', 'hex'));
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 4, true);
    return bytes.subarray(start + 8, start + 8 + length);
  };

  it.each(['MR_small_RLE.dcm', 'MR_small_jp2klossless.dcm', 'MR_small_jpeg_ls_lossless.dcm'])('%s', async (name) => {
    const { values } = await readDicom(fixture(name), name).stored(0);
    const pixels = { width: 64, height: 64, frames: [values as Int16Array] };
    for (const isWhole of [true, false]) {
      const file = { transferSyntax: SYNTAX.explicit, isWhole, pixels, encoded: [[stream(name)]] };
      expect((await readDicom(writeDicom(file), name).stored(0)).values).toEqual(values);
    }
  });

  it('nor need the delimiter of their pixels, or a length of it', async () => {
    const bytes = fixture('MR_small_RLE.dcm');
    const { values } = await readDicom(bytes, 'a.dcm').stored(0);
    const at = Buffer.from(bytes).lastIndexOf(Buffer.from('feffdde0', 'hex'));
    expect((await readDicom(bytes.slice(0, at), 'a.dcm').stored(0)).values).toEqual(values);
    bytes.fill(0xff, at + 4, at + 8);
    expect((await readDicom(bytes, 'a.dcm').stored(0)).values).toEqual(values);
    expect(() => readDicom(bytes.slice(0, at - 1), 'a.dcm')).toThrow('in an item of pixels that says that it ends at');
  });

  it('and a directory of files is no row', async () => {
    const bytes = writeDicom({ tags: { SOPClassUID: '1.2.840.10008.1.3.10' } });
    expect(await dicomFormat.read(bytes, 'DICOMDIR')).toEqual([]);
  });
});

describe('refusals', () => {
  const pixels = { width: 7, height: 5, frames: [GREY[0]!] };
  const encoded = [[Uint8Array.from(noise(500, 256)).fill(0x17, 0, 8)]];

  it.each([
    ['1.2.840.10008.1.2.4.110', 'JPEG XL'],
    ['1.2.840.10008.1.2.4.102', 'MPEG video'],
    ['1.2.840.10008.1.2.4.94', 'JPIP'],
    ['1.2.3.4', 'a transfer syntax that is not known here'],
  ])('name what %s is', async (transferSyntax, name) => {
    const frame = frameOf({ transferSyntax, pixels, encoded });
    await expect(frame).rejects.toMatchObject({ code: 'DATA_UNSUPPORTED', message: expect.stringContaining(name) });
  });

  it('name the way out of pixels that Zeiss scrambled', async () => {
    const tags = { Manufacturer: 'Carl Zeiss Meditec, Inc.' };
    const file = { transferSyntax: SYNTAX.jpeg2000, pixels, encoded };
    await expect(frameOf({ ...file, tags })).rejects.toMatchObject({
      code: 'DATA_UNSUPPORTED',
      message: expect.stringMatching(/Zeiss' unlocked DICOM export/),
    });
    await expect(frameOf(file)).rejects.toMatchObject({ code: 'DATA_INVALID', message: /no JPEG 2000 codestream/ });
  });

  it.each<readonly [string, Tags, RegExp]>([
    ['no rows', { Rows: 0 }, /no Rows \(0028,0010\)/],
    ['too many pixels', { Rows: 65535, Columns: 65535 }, /more than 268435456 pixels/],
    ['two samples', { SamplesPerPixel: 2 }, /2 samples per pixel/],
    ['bits beyond those allocated', { BitsStored: 17 }, /no BitsStored \(0028,0101\) .* \[1, 16\]/],
    ['a high bit below the lowest', { HighBit: 3 }, /no HighBit \(0028,0102\)/],
    ['twelve bits allocated', { BitsAllocated: 12, BitsStored: 12, HighBit: 11 }, /12 bits allocated/],
    [
      'more frames than bytes',
      { NumberOfFrames: '2147483647' },
      /has 70 bytes of pixels at byte \d+; expected 150323855290/,
    ],
    ['more rows than bytes', { Rows: 6 }, /has 70 bytes of pixels at byte \d+; expected 84/],
  ])('say where: %s', (_name, tags, message) => {
    expect(() => readDicom(writeDicom({ pixels, tags }), 'a.dcm')).toThrow(message);
  });

  it('never hold a value of the file', async () => {
    const tags: Tags = { PatientName: 'Secret^Person', PatientID: 'SECRET-1', PhotometricInterpretation: 'SECRET' };
    const bytes = writeDicom({ tags, pixels });
    await expect(readDicom(bytes, 'a.dcm').frame(0)).rejects.toThrow(/^(?!.*secret).*\(0028,0004\)/i);
    let refused = 0;
    for (let length = 140; length < bytes.length; length++)
      try {
        // cut between two attributes, a file without pixels is left
        expect(readDicom(bytes.slice(0, length), 'a.dcm').frames).toBe(0);
      } catch (error) {
        expect((error as Error).message).toMatch(/^a\.dcm (?!.*secret)/i);
        refused++;
      }
    expect(refused).toBeGreaterThan(300);
  });

  it('answer a frame that is not there with RangeError', async () => {
    const record = readDicom(writeDicom({ pixels }), 'a.dcm');
    await expect(record.frame(1)).rejects.toBeInstanceOf(RangeError);
    await expect(record.frame(0.5)).rejects.toBeInstanceOf(RangeError);
    await expect(readDicom(writeDicom({}), 'a.dcm').frame(0)).rejects.toBeInstanceOf(RangeError);
  });
});
