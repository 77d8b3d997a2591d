import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import expected from '../../../../test/fixtures/oct/expected.json' with { type: 'json' };
import { exampleVol } from '../../../../test/support/deviceExamples.ts';
import { itWithSamples, readSample } from '../../../../test/support/deviceSamples.ts';
import { bytesOf } from '../../../base/index.ts';
import { heidelbergFormat, readHeidelbergSeries } from './index.ts';

const sha = (array: ArrayBufferView): string => createHash('sha256').update(bytesOf(array)).digest('hex');

describe('.vol file', () => {
  it('is read', async () => {
    const bytes = exampleVol();
    expect(heidelbergFormat.matches(bytes.subarray(0, heidelbergFormat.headBytes))).toBe(true);
    const [oct, slo] = await heidelbergFormat.read(bytes, 'a.vol');
    expect(oct!.columns).toEqual({
      ...{ Modality: 'OCT', Manufacturer: 'Heidelberg Engineering', ManufacturerModelName: null, Laterality: 'L' },
      ...{ NumberOfFrames: 2, Rows: 2, Columns: 3, ScanPattern: 'volume', ProtocolName: null },
      ...{ PixelSpacing: '0.0039\\0.011', RowSpacing: 0.0039, ColumnSpacing: 0.011, SpacingBetweenSlices: 0.24 },
      ...{ PatientID: 'B-9', PatientName: null, PatientBirthDate: '1961-12-31', PatientSex: null },
      ...{ StudyID: 'visit 9', StudyDate: '2019-02-03', SeriesNumber: null },
      ...{ BitsAllocated: 8, SamplesPerPixel: 1 },
      AcquisitionDateTime: '2019-02-03T04:05:06Z',
    });
    expect(slo!.columns).toMatchObject({ Modality: 'SLO', Rows: 2, Columns: 4, PixelSpacing: '0.0119\\0.0118' });
    expect(oct!.patient).toBe('|B-9');
    expect(await oct!.frame(0)).toEqual({
      ...{ width: 3, height: 2, channels: 1 },
      values: Uint8Array.of(0, 50, 114, 185, 255, 0),
    });
    expect((await slo!.frame(0)).values).toEqual(Uint8Array.of(0, 10, 20, 30, 40, 50, 60, 255));
  });

  it('gives reflectivities and layers besides', () => {
    const [series] = readHeidelbergSeries(exampleVol(), 'a.vol');
    expect(series!.bscans[1]!.raw()).toEqual(Float32Array.of(0, 0.001, 0.01, 0.225, 1, Number.NaN));
    expect(series!.layers()).toEqual(
      [0, 1].flatMap((bscan) => [
        { bscan, id: 0, name: 'ILM', rows: Float32Array.of(0.5, 1, bscan) },
        { bscan, id: 1, name: 'BM', rows: Float32Array.of(1.5, Number.NaN, 2) },
      ]),
    );
  });

  it('without a picture of the fundus has one row, and the number of the patient may be all there is', async () => {
    const bytes = exampleVol();
    const without = Buffer.concat([bytes.subarray(0, 2048), bytes.subarray(2048 + 8)]);
    without.fill(0, 48, 56).fill(0, 140, 161);
    const [oct, slo] = await heidelbergFormat.read(without, 'a.vol');
    expect(slo).toBeUndefined();
    expect(oct!.patient).toBe('|4711');
    without.fill(0, 136, 140);
    expect((await heidelbergFormat.read(without, 'a.vol'))[0]!.patient).toBeUndefined();
  });

  it.each([
    ['a width of 0', 12, 0, 'byte 12: B-scans with pixels'],
    ['a width of 2^31', 12, 2 ** 31, 'byte 12: B-scans with pixels'],
    ['2^32 - 1 B-scans', 16, 2 ** 32 - 1, 'the file ends before'],
    ['a picture beyond the file', 48, 2 ** 20, 'byte 48: a picture of the fundus'],
    ['a B-scan without a header', 2048 + 8 + 12, 0, 'byte 2068: a header of B-scan 0'],
    ['a header beyond the file', 2048 + 8 + 12, 2 ** 31, 'the file ends before'],
    ['layers beyond the header', 2048 + 8 + 48, 1000, 'byte 2104: layers that lie in the header of B-scan 0'],
    ['layers before the header', 2048 + 8 + 52, 2 ** 32 - 4, 'byte 2104: layers'],
    ['fewer than no layers', 2048 + 8 + 48, 2 ** 32 - 1, 'byte 2104: layers'],
  ])('is refused for %s', async (_name, at, value, message) => {
    const bytes = exampleVol();
    new DataView(bytes.buffer).setUint32(at, value, true);
    await expect(heidelbergFormat.read(bytes, 'a.vol')).rejects.toThrow(message);
  });

  itWithSamples(
    'of eyepy is read: header lengths of the B-scans, greys, and the pictures that HEYEX exported',
    async () => {
      const bytes = readSample('oct/test_volume.vol');
      const [oct, slo] = await heidelbergFormat.read(bytes, 'vol');
      expect(oct!.columns).toMatchObject({
        ...{ Laterality: 'R', NumberOfFrames: 10, Rows: 40, Columns: 50, PixelSpacing: '0.003872\\0.011819' },
        ...{ PatientBirthDate: '2000-01-01', StudyDate: '2000-01-01', AcquisitionDateTime: '2000-01-01T00:00:00Z' },
      });
      expect(oct!.columns.SpacingBetweenSlices).toBeCloseTo(0.0314444, 7);
      expect(sha((await slo!.frame(0)).values)).toBe(expected.vol.slo);
      const [series] = readHeidelbergSeries(bytes, 'vol');
      expect(series!.bscans.map((image) => sha(image.raw()))).toEqual(expected.vol.raw);
      expect(expected.vol.raw).toEqual(expected.vol.rawOfPictures);
      expect(series!.bscans.map((image) => sha(image.grey().values))).toEqual(expected.vol.grey);
      expect(series!.layers()).toEqual([]);
    },
  );
});
