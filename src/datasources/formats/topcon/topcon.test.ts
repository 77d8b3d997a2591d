import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import expected from '../../../../test/fixtures/oct/expected.json' with { type: 'json' };
import {
  EXAMPLE_BGR,
  EXAMPLE_RAW,
  EXAMPLE_SCANS,
  exampleFda,
  exampleFds,
} from '../../../../test/support/deviceExamples.ts';
import { itWithSamples, readSample } from '../../../../test/support/deviceSamples.ts';
import {
  contour,
  jpegScans,
  observation,
  patientInfo,
  photograph,
  rawScans,
  type TopconChunkSpec,
  writeTopcon,
} from '../../../../test/support/topconFile.ts';
import { bytesOf } from '../../../base/index.ts';
import { readTopconContours, topconFormat } from './index.ts';

const sha = (array: ArrayBufferView): string => createHash('sha256').update(bytesOf(array)).digest('hex');
const WHO = {
  ...{ PatientID: 'C/5', PatientName: 'Example^Ann^B', PatientSex: 'F', PatientBirthDate: '1948-02-29' },
  ...{ StudyDate: '2018-11-05', AcquisitionDateTime: '2018-11-05T16:40:59' },
  ...{ Manufacturer: 'Topcon', ManufacturerModelName: '3DOCT-2000' },
};
const UNKNOWN_SPACING = { PixelSpacing: null, RowSpacing: null, ColumnSpacing: null, SpacingBetweenSlices: null };
const SIZE = { width: 3, height: 2 };

describe('.fda file', () => {
  it('is read: B-scans and photograph', async () => {
    const bytes = await exampleFda();
    expect(topconFormat.matches(bytes.subarray(0, topconFormat.headBytes))).toBe(true);
    const [oct, photo, ...others] = await topconFormat.read(bytes, 'a.fda');
    expect(others).toEqual([]);
    expect(oct!.columns).toEqual({
      ...WHO,
      ...{ Modality: 'OCT', Laterality: 'L', NumberOfFrames: 2, Rows: 4, Columns: 5, ScanPattern: 'volume' },
      ...{ BitsAllocated: 8, SamplesPerPixel: 1, PixelSpacing: '0.0026\\1.2', RowSpacing: 0.0026, ColumnSpacing: 1.2 },
      SpacingBetweenSlices: 2.25,
    });
    expect(photo!.columns).toEqual({
      ...{ ...WHO, ...UNKNOWN_SPACING },
      ...{ Modality: 'OP', Laterality: 'L', NumberOfFrames: 1, Rows: 1, Columns: 2, ScanPattern: null },
      ...{ BitsAllocated: 8, SamplesPerPixel: 3 },
    });
    expect([oct!.patient, photo!.patient]).toEqual(['|C/5', '|C/5']);
    for (const index of [0, 1])
      expect(await oct!.frame(index)).toEqual({ width: 5, height: 4, channels: 1, values: EXAMPLE_SCANS[index] });
    const rgb = Uint8Array.of(3, 2, 1, 10, 20, 250);
    expect(await photo!.frame(0)).toEqual({ width: 2, height: 1, channels: 3, values: rgb });
    await expect(oct!.frame(2)).rejects.toThrow(RangeError);
    await expect(photo!.frame(0.5)).rejects.toThrow(RangeError);
  });

  it('has contours, counted from the bottom', async () => {
    expect(readTopconContours(await exampleFda(), 'a.fda')).toEqual([
      {
        ...{ name: 'MULTILAYERS_1', width: 5, bscans: 2 },
        rows: Float32Array.of(0, 1, 2, 3, 4, Number.NaN, 1, 1, 1, 1),
      },
      {
        ...{ name: 'MULTILAYERS_7', width: 5, bscans: 2 },
        rows: Float32Array.of(3.5, 3, 2.5, 2, Number.NaN, Number.NaN, 4, 4, 4, 4),
      },
    ]);
    expect(readTopconContours(exampleFds(), 'a.fds')).toEqual([]);
    const alone = writeTopcon('FDA', [contour('RETINA_1', 1, Uint16Array.of(1))]);
    expect(() => readTopconContours(alone, 'a.fda')).toThrow('a.fda: contours without B-scans');
  });

  it('refuses an image of another size than its chunk states', async () => {
    const [name, data] = await jpegScans(EXAMPLE_SCANS, { width: 5, height: 4 });
    new DataView(data.buffer).setUint32(9, 4, true);
    const [oct] = await topconFormat.read(writeTopcon('FDA', [[name, data]]), 'a.fda');
    await expect(oct!.frame(1)).rejects.toThrow('a.fda: B-scan 1: the image is of another size than its chunk states');
  });

  itWithSamples('of a 3D OCT-1000 is read', async () => {
    const bytes = readSample('oct/fda_minimized.fda');
    const [oct, photo] = await topconFormat.read(bytes, 'fda');
    expect(oct!.columns).toMatchObject({
      ...{ Modality: 'OCT', ManufacturerModelName: '3DOCT-1000MK2', Laterality: 'L', NumberOfFrames: 1 },
      ...{ Rows: 650, Columns: 512, PixelSpacing: '0.0035\\0.01171875', SpacingBetweenSlices: null },
      ...{ AcquisitionDateTime: '2010-07-09T09:23:36', PatientBirthDate: null },
    });
    const { width, height, values } = await oct!.frame(0);
    expect([height, width]).toEqual(expected.fda.shape);
    expect(sha(values)).toBe(expected.fda.bscan);
    expect((values as Uint8Array).reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(
      expected.fda.bscanMean,
      9,
    );
    expect([...(await photo!.frame(0)).values]).toEqual(expected.fda.photograph.flat(2));
    const contours = readTopconContours(bytes, 'fda');
    expect(contours.map(({ name, width: columns, bscans }) => [name, columns, bscans])).toEqual(
      [1, 2, 3, 4].map((k) => [`RETINA_${k}`, 512, 128]),
    );
    expect(contours.map(({ rows }) => sha(rows))).toEqual(expected.fda.contours);
  });
});

describe('.fds file', () => {
  it('is read: B-scans as taken, before those that were moved, and what the operator saw', async () => {
    const [oct, seen] = await topconFormat.read(exampleFds(), 'a.fds');
    expect(oct!.columns).toMatchObject({
      ...{ ...WHO, Modality: 'OCT', Laterality: 'R', NumberOfFrames: 2, Rows: 2, Columns: 3, BitsAllocated: 16 },
      ...{ RowSpacing: 0.0035, ColumnSpacing: 2, SpacingBetweenSlices: 3, ScanPattern: 'volume' },
    });
    for (const index of [0, 1])
      expect(await oct!.frame(index)).toEqual({ width: 3, height: 2, channels: 1, values: EXAMPLE_RAW[index] });
    expect(seen!.columns).toMatchObject({ Modality: 'OP', Rows: 1, Columns: 2, SamplesPerPixel: 3 });
    expect((await seen!.frame(0)).values).toEqual(Uint8Array.of(3, 2, 1, 10, 20, 250));
  });

  it.each([
    ['@IMG_SCAN_03', 0],
    ['@IMG_SCAN_02', 8],
    ['@IMG_MOT_COMP_03', 0],
    ['@IMG_MOT_COMP_03', 16],
    ['@IMG_MOT_COMP_02', 16],
  ])('is read where the samples of %s begin %i bytes later', async (name, extra) => {
    const [oct] = await topconFormat.read(writeTopcon('FDS', [rawScans(name, EXAMPLE_RAW, SIZE, extra)]), 'a.fds');
    expect(oct!.columns).toMatchObject({ Laterality: null, AcquisitionDateTime: null, PatientID: null });
    expect(oct!.patient).toBeUndefined();
    expect((await oct!.frame(1)).values).toEqual(EXAMPLE_RAW[1]);
  });

  itWithSamples('of a 3D OCT-1000 is read', async () => {
    const [oct, seen] = await topconFormat.read(readSample('oct/fds_minimized.fds'), 'fds');
    expect(oct!.columns).toMatchObject({ NumberOfFrames: 4, Rows: 3, Columns: 2, Laterality: 'L', RowSpacing: 0.0035 });
    const frames = await Promise.all([0, 1, 2, 3].map((index) => oct!.frame(index)));
    expect(frames.map(({ values }) => [...values])).toEqual(expected.fds.scan.map((scan) => scan.flat()));
    expect([...(await seen!.frame(0)).values]).toEqual(expected.fds.observed.flat(2));
  });
});

describe('a file of Topcon', () => {
  const scans = rawScans('@IMG_SCAN_03', EXAMPLE_RAW, SIZE);
  const changed = ([name, data]: TopconChunkSpec, at: number, value: number): TopconChunkSpec => {
    const copy = data.slice();
    new DataView(copy.buffer).setUint32(at, value, true);
    return [name, copy];
  };

  it.each<[string, () => Promise<TopconChunkSpec> | TopconChunkSpec, string]>([
    ['B-scans without columns', () => changed(scans, 1, 0), 'images of 1 to'],
    ['B-scans of 2^62 pixels', () => changed(changed(scans, 1, 2 ** 31), 5, 2 ** 31), 'images of 1 to'],
    ['B-scans of 12 bits', () => changed(scans, 9, 12), 'B-scans other than of 16 bits'],
    ['more B-scans than samples', () => changed(scans, 13, 3), 'B-scans of the size that they state'],
    ['a size that does not fit', () => changed(scans, 18, 25), 'B-scans of the size that they state'],
    ['a picture of 32 bits', () => changed(observation(EXAMPLE_BGR, { width: 2, height: 1 }), 8, 32), '8 or 24 bits'],
    ['a picture too many', () => changed(observation(EXAMPLE_BGR, { width: 2, height: 1 }), 12, 2), 'pictures of the'],
    [
      'two photographs',
      async () => changed(await photograph(EXAMPLE_BGR, { width: 2, height: 1 }), 12, 2),
      'one photograph expected',
    ],
    [
      'a codestream beyond the chunk',
      async () => changed(await jpegScans([EXAMPLE_SCANS[0]!], { width: 5, height: 4 }), 25, 1e6),
      'the file ends before',
    ],
    [
      '2^32 - 1 codestreams',
      async () => changed(await jpegScans([EXAMPLE_SCANS[0]!], { width: 5, height: 4 }), 17, 2 ** 32 - 1),
      'the file ends before',
    ],
  ])('is refused for %s', async (_name, make, message) => {
    const bytes = writeTopcon('FDA', [await make()]);
    await expect(topconFormat.read(bytes, 'a.fda')).rejects.toThrow(message);
  });

  it('is refused for a chunk that ends behind it, and for one without a name of the format', async () => {
    const bytes = writeTopcon('FDS', [scans]);
    await expect(topconFormat.read(bytes.subarray(0, 60), 'a.fds')).rejects.toThrow('a chunk that ends in the file');
    bytes[16] = 0x41;
    await expect(topconFormat.read(bytes, 'a.fds')).rejects.toThrow('a.fds: byte 16: the name of a chunk');
    await expect(topconFormat.read(bytes.subarray(1), 'a.fds')).rejects.toThrow('a.fds: byte 0: one of FOCTFDA');
  });

  it('may end without the chunk that has no name', async () => {
    const bytes = writeTopcon('FDS', [scans]);
    expect((await topconFormat.read(bytes.subarray(0, -1), 'a.fds')).length).toBe(1);
  });

  it('says nothing of an encrypted patient, of no patient, and of dates that are none', async () => {
    const secret: TopconChunkSpec = ['@PATIENT_INFO_03', Uint8Array.from({ length: 600 }, (_, i) => i)];
    const [encrypted] = await topconFormat.read(writeTopcon('FDS', [secret, scans]), 'a.fds');
    expect(encrypted!.columns).toMatchObject({ PatientID: null, PatientName: null, PatientSex: null });
    expect(encrypted!.patient).toBeUndefined();
    const blank = patientInfo({ id: '', given: '', family: '', middle: '', sex: 9, birth: [1970, 2, 30] });
    const [unnamed] = await topconFormat.read(writeTopcon('FDS', [blank, scans]), 'a.fds');
    expect(unnamed!.columns).toMatchObject({ PatientID: null, PatientName: null, PatientBirthDate: null });
    expect(unnamed!.patient).toBeUndefined();
  });

  it('cuts text at NUL and leaves out control characters', async () => {
    const [name, data] = patientInfo({
      id: 'x\u001b[2J1\0junk',
      given: '',
      family: 'M\u00fcller',
      middle: '',
      sex: 1,
      birth: [],
    });
    const [record] = await topconFormat.read(writeTopcon('FDS', [[name, data], scans]), 'a.fds');
    expect(record!.columns).toMatchObject({ PatientID: 'x [2J1', PatientName: 'Müller' });
  });
});
