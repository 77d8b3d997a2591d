/**
 * Pixels and columns of real files, against pydicom, GDCM and OpenJPH.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { EXPECTED, type ExpectedPixels, findFile, fixture, hashOf } from '../../../../test/fixtures/dicom/fixtures.ts';
import type { PixelData } from '../imageRecord.ts';
import { type DicomRecord, readDicom } from './dicomFormat.ts';

/** Files that are refused, with what must be said of them. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'pydicom/MR_truncated.dcm': /has 8130 bytes of pixels at byte 1500; expected 8192/,
  'pydicom/rtplan_truncated.dcm': /ends at byte 2129, in attribute \(300A,00B0\)/,
  // without meta information, and a blank in front
  'pydicom/no_meta.dcm': /no DICOM data set at byte 0/,
  'pydicom/meta_missing_tsyntax.dcm': /no DICOM data set at byte 202/,
  'pydicom/nested_priv_SQ.dcm': /no Rows \(0028,0010\)/,
  // a delimiter written over the width in the codestream, for readers that search for one; GDCM decodes nothing either
  'pydicom/JPEG2000-embedded-sequence-delimiter.dcm': /frame 0 is a JPEG 2000 image of 3722445056 × 1024 × 1/,
};
/** Read here and not by pydicom, which stumbles over a value before the pixels. */
const READ_HERE_ALONE = new Set(['pydicom/badVR.dcm']);

async function storedFrames(record: DicomRecord): Promise<PixelData['values'][]> {
  const frames: PixelData['values'][] = [];
  for (let i = 0; i < record.frames; i++) frames.push((await record.stored(i)).values);
  return frames;
}

async function check(name: string, record: DicomRecord, expected: ExpectedPixels): Promise<void> {
  if (expected.sameAs !== undefined) {
    const other = await storedFrames(readDicom(findFile(expected.sameAs)!, expected.sameAs));
    expect(largestDifference(await storedFrames(record), other)).toBeLessThanOrEqual(expected.tolerance!);
    return;
  }
  expect(record.frames).toBe(expected.frames);
  if (expected.frames === 0) return;
  const frames = await storedFrames(record);
  const [count, height, width, channels = 1] = expected.shape!;
  const first = await record.stored(0);
  expect([frames.length, first.height, first.width, first.channels]).toEqual([count, height, width, channels]);
  if (expected.values === undefined) {
    expect(hashOf(frames, 'integer'), `stored values of ${name}`).toBe(expected.stored);
    expect(hashOf([(await record.frame(0)).values], 'float'), `frame of ${name}`).toBe(expected.frame);
    return;
  }
  const all = frames.flatMap((values) => [...values]);
  const worst = expected.values.reduce((max, value, i) => Math.max(max, Math.abs(all[i * expected.step!]! - value)), 0);
  expect(worst, `sampled values of ${name}`).toBeLessThanOrEqual(expected.tolerance!);
  const meanError = Math.abs(all.reduce((sum, value) => sum + value, 0) - expected.sum!) / all.length;
  expect(meanError, `mean of ${name}`).toBeLessThan(0.1);
}

function largestDifference(a: readonly PixelData['values'][], b: readonly PixelData['values'][]): number {
  expect(a.map((values) => values.length)).toEqual(b.map((values) => values.length));
  let largest = 0;
  a.forEach((values, frame) => {
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]! - b[frame]![i]!));
  });
  return largest;
}

describe('pixels are those of pydicom, GDCM and OpenJPH', () => {
  for (const [name, expected] of Object.entries(EXPECTED.files)) {
    const bytes = findFile(name);
    it.skipIf(bytes === undefined)(`${name}${bytes === undefined ? ' (no such sample here)' : ''}`, async () => {
      const label = name.split('/').at(-1)!;
      const refused = REFUSED[name];
      if (refused !== undefined) {
        const reading = (async () => await readDicom(bytes!, label).frame(0))();
        await expect(reading).rejects.toMatchObject({ code: 'DATA_INVALID', message: expect.stringMatching(refused) });
        return;
      }
      const record = readDicom(bytes!, label);
      if (READ_HERE_ALONE.has(name)) expect((await record.stored(0)).values.length).toBeGreaterThan(0);
      else await check(name, record, expected);
    });
  }
});

describe('columns are those of pydicom', () => {
  it.each(Object.entries(EXPECTED.columns))('%s', (name, expected) => {
    const { columns } = readDicom(fixture(name), name);
    expect(columns).toMatchObject(expected);
  });

  it('holds nothing that pydicom has not, but meta information and a count of frames', () => {
    const { columns } = readDicom(fixture('CT_small.dcm'), 'CT_small.dcm');
    const known = new Set(Object.keys(EXPECTED.columns['CT_small.dcm']!));
    const more = Object.keys(columns).filter((name) => !known.has(name));
    expect(
      more.filter((name) => !/^(MediaStorage|Implementation|SourceApplication|TransferSyntax)/.test(name)),
    ).toEqual(['NumberOfFrames']);
  });
});
