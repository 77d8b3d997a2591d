import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import expected from '../../../../test/fixtures/oct/expected.json' with { type: 'json' };
import { ByteWriter } from '../../../../test/support/byteWriter.ts';
import { EXAMPLE_E2E_CHUNKS, EXAMPLE_SLO, exampleCodes, exampleE2e } from '../../../../test/support/deviceExamples.ts';
import { itWithSamples, readSample } from '../../../../test/support/deviceSamples.ts';
import { bscanChunk, lateralityChunk, layerChunk, writeE2e } from '../../../../test/support/e2eFile.ts';
import { bytesOf, concatBytes } from '../../../base/index.ts';
import { decodeUfloat16, greyOfE2e } from './grey.ts';
import { heidelbergFormat, readHeidelbergSeries } from './index.ts';

const sha = (array: ArrayBufferView): string => createHash('sha256').update(bytesOf(array)).digest('hex');

const variants: readonly [string, Uint8Array][] = [
  ['by its directory', exampleE2e()],
  ['by three directories', exampleE2e({ entriesPerDirectory: 6 })],
  ['behind the prefix of several volumes', exampleE2e({ multiple: true, entriesPerDirectory: 5 })],
  ['by a search, its directory being elsewhere', exampleE2e({ directory: 'lost' })],
  ['by a search, behind the prefix', exampleE2e({ directory: 'lost', multiple: true })],
];

describe('E2E file', () => {
  it.each(variants)('is read %s', async (_name, bytes) => {
    expect(heidelbergFormat.matches(bytes.subarray(0, heidelbergFormat.headBytes))).toBe(true);
    const [oct, slo, ...others] = await heidelbergFormat.read(bytes, 'a.e2e');
    expect(others).toEqual([]);
    const shared = {
      ...{ Manufacturer: 'Heidelberg Engineering', ManufacturerModelName: 'Spectralis', ProtocolName: 'OCT Volume' },
      ...{ PatientID: 'A 77', PatientName: 'Beispiel^Jörg', PatientBirthDate: '1950-03-07', PatientSex: 'M' },
      ...{ StudyID: '2', StudyDate: '2021-06-30', SeriesNumber: 3, Laterality: 'L', ScanPattern: null },
      ...{ BitsAllocated: 8, SamplesPerPixel: 1 },
      ...{ PixelSpacing: null, ColumnSpacing: null, SpacingBetweenSlices: null },
    };
    expect(oct!.columns).toEqual({
      ...shared,
      ...{ Modality: 'OCT', NumberOfFrames: 3, Rows: 3, Columns: 4, AcquisitionDateTime: '2021-06-30T08:15:01Z' },
      RowSpacing: Math.fround(0.00387),
    });
    expect(slo!.columns).toEqual({
      ...shared,
      ...{ Modality: 'SLO', NumberOfFrames: 1, Rows: 5, Columns: 6, AcquisitionDateTime: '2021-06-30T08:15:00Z' },
      RowSpacing: null,
    });
    expect([oct!.patient, slo!.patient]).toEqual(['|A 77', '|A 77']);
    for (const index of [0, 1, 2]) {
      const values = Uint8Array.from(exampleCodes(index), (code) => greyOfE2e(decodeUfloat16(code)));
      expect(await oct!.frame(index)).toEqual({ width: 4, height: 3, channels: 1, values });
    }
    expect(await slo!.frame(0)).toEqual({ width: 6, height: 5, channels: 1, values: EXAMPLE_SLO });
    await expect(oct!.frame(3)).rejects.toThrow(RangeError);
  });

  it('gives reflectivities and layers besides', () => {
    const [series] = readHeidelbergSeries(exampleE2e(), 'a.e2e');
    expect([...series!.bscans[1]!.raw()]).toEqual([...exampleCodes(1)].map(decodeUfloat16).map(Math.fround));
    // in the order of the file
    const rows = Float32Array.of(1, 1.5, Number.NaN, Number.NaN);
    expect(series!.layers()).toEqual([2, 0, 1].map((bscan) => ({ bscan, id: 5, name: 'ILM', rows })));
  });

  it('keeps series and exams apart', async () => {
    const at = (series: number, exam = 2) => {
      const chunk = bscanChunk(exampleCodes(series), 4, 0);
      return { ...chunk, ids: { ...chunk.ids, exam, series } };
    };
    const records = await heidelbergFormat.read(
      writeE2e([at(5), at(6), at(5, 9), { ...lateralityChunk('R'), ids: { series: 6 } }]),
      'a.e2e',
    );
    expect(records.map(({ columns }) => [columns.StudyID, columns.SeriesNumber, columns.Laterality])).toEqual([
      ['2', 5, null],
      ['2', 6, 'R'],
      ['9', 5, null],
    ]);
    // no number that people use: the one of the database
    expect(records[0]!.patient).toBe('heidelberg|1');
  });

  it('takes the later of two images with the same number', async () => {
    const [record] = await heidelbergFormat.read(
      writeE2e([bscanChunk(exampleCodes(0), 4, 0), bscanChunk(exampleCodes(1), 4, 0)]),
      'a.e2e',
    );
    expect(record!.frames).toBe(1);
    const values = Uint8Array.from(exampleCodes(1), (code) => greyOfE2e(decodeUfloat16(code)));
    expect(await record!.frame(0)).toMatchObject({ values });
  });

  it('gives no row when it has no image', async () => {
    expect(await heidelbergFormat.read(writeE2e([EXAMPLE_E2E_CHUNKS[0]!]), 'a.pdb')).toEqual([]);
  });

  it('says nothing of a patient whose chunk was changed, and decodes no image that was', async () => {
    const bytes = exampleE2e();
    const buffer = Buffer.from(bytes.buffer);
    buffer.write('Xxxx', buffer.indexOf('Beispiel'), 'latin1');
    buffer[buffer.indexOf(EXAMPLE_SLO) + 1]! ^= 1;
    const [oct, slo] = await heidelbergFormat.read(bytes, 'a.e2e');
    expect(oct!.columns).toMatchObject({
      PatientName: null,
      PatientID: null,
      PatientBirthDate: null,
      PatientSex: null,
    });
    expect(oct!.patient).toBe('heidelberg|1');
    expect((await oct!.frame(0)).values.length).toBe(12);
    await expect(slo!.frame(0)).rejects.toThrow(/^a\.e2e: byte \d+: an image with its checksum expected$/);
  });

  it('does not go round a cycle of directories', async () => {
    const bytes = exampleE2e({ entriesPerDirectory: 6 });
    const view = new DataView(bytes.buffer);
    const newest = view.getUint32(36 + 40, true);
    let oldest = newest;
    while (view.getUint32(oldest + 44, true) !== 0) oldest = view.getUint32(oldest + 44, true);
    view.setUint32(oldest + 44, newest, true);
    // the search finds the same
    expect((await heidelbergFormat.read(bytes, 'a.e2e')).map(({ frames }) => frames)).toEqual([3, 1]);
  });

  it('does not go round a cycle of directories without entries', async () => {
    const bytes = exampleE2e();
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(36 + 40, true);
    view.setUint32(directory + 36, 0, true);
    view.setUint32(directory + 44, directory, true);
    expect((await heidelbergFormat.read(bytes, 'a.e2e')).map(({ frames }) => frames)).toEqual([3, 1]);
  });

  it('does not trust directories that lie on each other and list more entries than the file has room for', async () => {
    const bytes = exampleE2e({ entriesPerDirectory: 6 });
    const newest = new DataView(bytes.buffer).getUint32(36 + 40, true);
    const entries = 1000;
    const directory = (previous: number): ByteWriter =>
      new ByteWriter(52).text(0, 'MDbDir').u32(36, entries, 0, previous);
    const crowded = concatBytes(
      ...[bytes, directory(newest).bytes, directory(bytes.length).bytes, new Uint8Array(44 * entries)],
    );
    const view = new DataView(crowded.buffer);
    view.setUint32(36 + 40, bytes.length + 52, true);
    // of the rest of the chain only the newest counts: it lists one B-scan
    view.setUint32(newest + 44, 0, true);
    expect((await heidelbergFormat.read(crowded, 'a.e2e')).map(({ frames }) => frames)).toEqual([3, 1]);
  });

  it('decodes no image that reaches into the next chunk, even with the checksum of all of it', async () => {
    const bytes = exampleE2e({ directory: 'lost' });
    const view = new DataView(bytes.buffer);
    const at = Buffer.from(bytes.buffer).indexOf(EXAMPLE_SLO) - 20 - 60;
    const size = view.getUint32(at + 24, true) + 100;
    view.setUint32(at + 24, size, true);
    const sum = bytes.subarray(at + 60, at + 60 + size).reduce((a, b) => a + b, 0x12435687);
    view.setUint32(at + 12, sum % 2 ** 32, true);
    const [, slo] = await heidelbergFormat.read(bytes, 'a.e2e');
    await expect(slo!.frame(0)).rejects.toThrow('an image with its checksum expected');
  });

  it('searches when the checksum of an entry is wrong', async () => {
    const bytes = exampleE2e();
    new DataView(bytes.buffer).setUint32(36 + 52 + 52 + 40, 0, true);
    expect((await heidelbergFormat.read(bytes, 'a.e2e')).map(({ frames }) => frames)).toEqual([3, 1]);
  });

  it('leaves out a chunk that no directory lists', async () => {
    const bytes = exampleE2e({ entriesPerDirectory: 6 });
    const view = new DataView(bytes.buffer);
    // the newest directory is the only one: of 16 chunks it lists the last 4
    view.setUint32(view.getUint32(36 + 40, true) + 44, 0, true);
    const series = readHeidelbergSeries(bytes, 'a.e2e');
    expect(series.map(({ bscans, patientId }) => [bscans.length, patientId])).toEqual([[1, null]]);
  });

  it.each([
    ['an image of no pixels', 'byte', (payload: DataView) => payload.setUint32(12, 0, true)],
    ['an image of 2^62 pixels', 'byte', (payload: DataView) => payload.setBigUint64(12, 0x7fffffff_7fffffffn, true)],
    ['a kind of pixels that nobody knows', 'not known', (payload: DataView) => payload.setUint8(6, 9)],
  ])('is refused for %s', async (_name, message, change) => {
    const chunk = bscanChunk(exampleCodes(0), 4, 0);
    change(new DataView(chunk.payload.buffer));
    await expect(heidelbergFormat.read(writeE2e([chunk]), 'a.e2e')).rejects.toThrow(message);
  });

  it('refuses an image of fewer bytes than pixels when it is asked for', async () => {
    const chunk = bscanChunk(exampleCodes(0), 4, 0);
    new DataView(chunk.payload.buffer).setUint32(12, 1000, true);
    const [record] = await heidelbergFormat.read(writeE2e([chunk]), 'a.e2e');
    await expect(record!.frame(0)).rejects.toThrow('a.e2e: byte');
  });

  it('refuses layers of another width, and of B-scans that are not there', () => {
    const layers = (chunk: ReturnType<typeof layerChunk>) =>
      readHeidelbergSeries(writeE2e([bscanChunk(exampleCodes(0), 4, 0), chunk]), 'a.e2e')[0]!.layers();
    const wide = layerChunk(0, 5, [1, 2, 3], 16);
    new DataView(wide.payload.buffer).setUint32(12, 4, true);
    expect(() => layers(wide)).toThrow('a layer of another width');
    expect(() => layers(layerChunk(1, 5, [1], 16))).toThrow('a layer of a B-scan that is not there');
  });

  it('without a chunk is refused', async () => {
    const bytes = new Uint8Array(88);
    bytes.set(Buffer.from('CMDb'));
    await expect(heidelbergFormat.read(bytes, 'a.e2e')).rejects.toThrow('a.e2e: no chunk of data found');
    await expect(heidelbergFormat.read(bytes.subarray(1), 'a.e2e')).rejects.toThrow('a.e2e: byte 0: CMDb expected');
  });

  itWithSamples('of a Spectralis is read, with its lost directory and its cut picture', async () => {
    const bytes = readSample('oct/e2e_minimized.E2E');
    const [oct, slo] = await heidelbergFormat.read(bytes, 'e2e');
    expect(oct!.columns).toMatchObject({
      ...{ Modality: 'OCT', Laterality: 'L', NumberOfFrames: 1, Rows: 496, Columns: 512, PatientName: null },
    });
    const { width, height, values } = await oct!.frame(0);
    expect([height, width]).toEqual(expected.e2e.shape);
    expect(sha(values)).toBe(expected.e2e.grey);
    const raw = readHeidelbergSeries(bytes, 'e2e')[0]!.bscans[0]!.raw();
    expect(sha(raw)).toBe(expected.e2e.raw);
    // one pixel is 1: the brightest, amid bright ones; its code is no mark of missing values
    const [y, x] = expected.e2e.brightest as [number, number];
    expect(raw.indexOf(1)).toBe(y * width + x);
    expect(raw.lastIndexOf(1)).toBe(y * width + x);
    expect(raw[(y - 1) * width + x]).toBeGreaterThan(0.2);
    expect(raw[(y + 1) * width + x]).toBeGreaterThan(0.6);
    expect(slo!.columns).toMatchObject({ Modality: 'SLO', Rows: 2, Columns: 3, Laterality: 'L' });
    await expect(slo!.frame(0)).rejects.toThrow('an image with its checksum expected');
  });
});
