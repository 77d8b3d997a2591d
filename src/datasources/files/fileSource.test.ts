/** Folders of files as rows: what is listed, left out, cached, shown and hidden. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeDataSource } from '../../../test/contract/dataSource.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import type { Cell, ImageHandle } from '../dataSource.ts';
import type { ImageFormat, ImageRecord } from '../formats/imageRecord.ts';
import { FileSource, SLO_PIXELS } from './fileSource.ts';
import type { SkipReason } from './filters.ts';
import type { FileSourceOptions } from './scanFolder.ts';

/** Files of JSON: a record or a list of them; counts how often one is read. */
class JsonFormat implements ImageFormat {
  readonly extensions = ['.scan'];
  readonly headBytes = 1;
  readonly openColumns = new Set(['Modality', 'Rows']);
  reads = 0;

  matches(head: Uint8Array): boolean {
    return head[0] === 0x7b; // {
  }

  async read(bytes: Uint8Array, label: string): Promise<readonly ImageRecord[]> {
    this.reads++;
    let parsed: unknown;
    try {
      parsed = JSON.parse(Buffer.from(bytes).toString());
    } catch {
      throw new KonsilError('DATA_INVALID', `${label}: is no scan`);
    }
    return [parsed].flat().map((entry) => {
      const { frames = 1, patient, ...columns } = entry as Record<string, Cell> & { frames?: number; patient?: string };
      return {
        columns,
        frames,
        ...(patient !== undefined && { patient }),
        frame: async () => ({ width: 1, height: 1, channels: 1 as const, values: Uint8Array.of(frames) }),
      };
    });
  }
}

/** A folder with these files; content is JSON, text is written as it is. */
function folderOf(files: Readonly<Record<string, unknown>>, root = tempFolder()): string {
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return root;
}

const SCANS = {
  'a/1.scan': { Modality: 'OCT', Rows: 4, PatientName: 'Muster', PatientBirthDate: '1950-05-05', patient: 'p1' },
  'a/2.scan': { Modality: 'SLO', Rows: 4, PatientName: 'Muster', PatientBirthDate: '1950-05-05', patient: 'p1' },
  'b/3.SCAN': [{ Modality: 'OCT', frames: 3, SeriesDescription: 'Macula cube', patient: 'p2' }, { Modality: 'OCT' }],
  'b/broken.scan': 'nothing',
  'b/notes.txt': 'text',
  '.hidden.scan': '{}',
};

async function open(
  root: string,
  options: Partial<FileSourceOptions> = {},
): Promise<FileSource & { format: JsonFormat }> {
  const format = new JsonFormat();
  const source = await FileSource.open({
    ...{ name: 'scans', kind: 'ImageSource', path: root, formats: [{ name: 'raster', format }] },
    ...options,
  });
  return Object.assign(source, { format });
}

async function failure(promise: Promise<unknown>): Promise<KonsilError> {
  const error: unknown = await promise.catch((caught: unknown) => caught);
  if (!isKonsilError(error)) throw new Error(`expected a KonsilError, got ${String(error)}`);
  return error;
}

const contract = mkdtempSync(join(tmpdir(), 'konsil-test-'));
afterAll(() => rmSync(contract, { recursive: true }));
describeDataSource('folder of files', async () => open(folderOf(SCANS, contract)));

describe('FileSource', () => {
  it('has a row for each record of each file, in the order of the paths', async () => {
    const source = await open(folderOf(SCANS));
    expect(source.rowCount).toBe(4);
    expect([0, 1, 2, 3].map((key) => source.nameOf(key))).toEqual(['a/1.scan', 'a/2.scan', 'b/3.SCAN', 'b/3.SCAN#1']);
    expect(source.counts).toEqual({ files: 3, records: 4, skipped: { UNREADABLE: 1, EXTENSION: 1 } });
  });

  it('shows columns that identify nobody, and others only when the site says so', async () => {
    const root = folderOf(SCANS);
    const images = ['Pixel Data 0', 'Pixel Data 1', 'Pixel Data 2'];
    const source = await open(root);
    expect(source.columns).toEqual(['Modality', 'Rows', ...images]);
    expect(source.hiddenColumns).toEqual(['PatientBirthDate', 'PatientName', 'SeriesDescription']);
    expect(JSON.stringify(source.schema)).not.toMatch(/Patient|Muster/);
    const more = await open(root, { exposeColumns: ['PatientBirthDate'], ignoreColumns: ['Rows'] });
    expect(more.columns).toEqual(['Modality', 'PatientBirthDate', ...images]);
    expect(more.schema.columns[1]).toEqual({ name: 'PatientBirthDate', dataType: 'date', semanticType: 'text' });
  });

  it('has one image column where no file has more, and no value where a file has fewer', async () => {
    const one = await open(folderOf({ '1.scan': { Rows: 1 }, '2.scan': { Rows: 1, frames: 0 } }));
    expect(one.columns).toEqual(['Rows', 'Pixel Data']);
    const { columns } = await one.getData([0, 1]);
    expect(columns['Pixel Data']).toEqual([
      { file: join(one.label, '1.scan'), format: 'raster', record: 0, frame: 0 },
      null,
    ]);
  });

  it('tells which rows are of one patient, by a name that says nothing', async () => {
    const source = await open(folderOf(SCANS));
    const groups = [0, 1, 2, 3].map((key) => source.groupOf(key));
    expect(groups[0]).toBe(groups[1]);
    expect(groups[0]).not.toBe(groups[2]);
    expect(groups[3]).toBeNull();
    expect(groups[0]).toMatch(/^[\w-]{43}$/);
    const elsewhere = await open(folderOf(SCANS));
    expect(elsewhere.groupOf(0)).not.toBe(groups[0]);
  });

  it.each<[string, Partial<FileSourceOptions>, readonly string[], Partial<Record<SkipReason, number>>]>([
    ['modality', { filters: { modality: 'SLO' } }, ['a/2.scan'], { OTHER_MODALITY: 3 }],
    ['frames', { filters: { minFrames: 2 } }, ['b/3.SCAN'], { TOO_FEW_FRAMES: 3 }],
    ['most frames', { filters: { maxFrames: 1 } }, ['a/1.scan', 'a/2.scan', 'b/3.SCAN#1'], { TOO_MANY_FRAMES: 1 }],
    [
      'birth',
      { filters: { born: { from: '1950-05-05', to: '1950-05-05' } } },
      ['a/1.scan', 'a/2.scan'],
      { BIRTH_UNKNOWN: 2 },
    ],
    ['fields', { filters: { requiredFields: ['Rows'] } }, ['a/1.scan', 'a/2.scan'], { FIELD_MISSING: 2 }],
    ['series', { filters: { seriesDescription: 'macula' } }, ['b/3.SCAN'], { SERIES_UNKNOWN: 3 }],
    [
      'size',
      { filters: { minFileSize: 0.00009 } },
      ['a/1.scan', 'a/2.scan', 'b/3.SCAN', 'b/3.SCAN#1'],
      { TOO_SMALL: 2 },
    ],
  ])('leaves out by %s, and counts why', async (_, options, names, skipped) => {
    const source = await open(folderOf(SCANS), options);
    expect(Array.from({ length: source.rowCount }, (_none, key) => source.nameOf(key))).toEqual(names);
    expect(source.counts.skipped).toMatchObject(skipped);
  });

  it('leaves out pictures that may show a name, unless the site allows them', async () => {
    const [screenshot, multiFrame, ct] = ['7', '7.2', '2'].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`);
    const root = folderOf({
      '1.scan': { BurnedInAnnotation: 'YES', SOPClassUID: ct },
      '2.scan': { SOPClassUID: screenshot },
      '3.scan': { SOPClassUID: multiFrame },
      '4.scan': { SOPClassUID: screenshot, BurnedInAnnotation: 'NO' },
      '5.scan': { SOPClassUID: ct },
    });
    const source = await open(root);
    expect([source.nameOf(0), source.nameOf(1), source.rowCount]).toEqual(['4.scan', '5.scan', 2]);
    expect(source.counts.skipped).toEqual({ BURNED_IN_TEXT: 3 });
    expect((await open(root, { allowsBurnedInText: true })).rowCount).toBe(5);
  });

  it('leaves out by the days of files', async () => {
    const root = folderOf({ 'old.scan': {}, 'new.scan': {} });
    utimesSync(join(root, 'old.scan'), new Date(2015, 5, 1, 12), new Date(2015, 5, 1, 12));
    const days = { from: '2015-06-01', to: '2015-06-01' };
    const source = await open(root, { filters: { modified: days } });
    expect(source.nameOf(0)).toBe('old.scan');
    expect(source.counts.skipped).toEqual({ MODIFIED_OUT_OF_RANGE: 1 });
    const error = await failure(open(root, { filters: { modified: { to: '2001-01-01' } } }));
    expect(error).toMatchObject({ code: 'DATA_EMPTY' });
    expect(error.message).toContain('left out: 2 MODIFIED_OUT_OF_RANGE');
  });

  it('is narrowed by a task, never widened', async () => {
    const source = await open(folderOf(SCANS), { filters: { modality: 'OCT' } });
    const narrowed = source.narrowed({ minFrames: 2 });
    expect([narrowed.rowCount, narrowed.nameOf(0)]).toEqual([1, 'b/3.SCAN']);
    expect((await failure(Promise.resolve().then(() => source.narrowed({ modality: 'SLO' })))).code).toBe('DATA_EMPTY');
    narrowed.close();
    expect((await source.getData([0])).columns['Modality']).toEqual(['OCT']);
  });

  it('reads a file again only when it has changed, also when it could not be read', async () => {
    const [root, cacheFile] = [folderOf(SCANS), join(tempFolder(), 'cache', 'scans.db')];
    const first = await open(root, { cacheFile });
    const group = first.groupOf(0);
    expect(first.format.reads).toBe(4);
    first.close();
    expect(statSync(cacheFile).mode & 0o077).toBe(0);
    writeFileSync(join(root, 'a/2.scan'), JSON.stringify({ Modality: 'OCT', changed: 'yes' }));
    renameSync(join(root, 'a/1.scan'), join(root, 'a/9.scan'));
    const second = await open(root, { cacheFile });
    expect(second.format.reads).toBe(2);
    expect(second.rowCount).toBe(4);
    expect(second.nameOf(1)).toBe('a/9.scan');
    // the key of the hashes is in the cache
    expect(second.groupOf(1)).toBe(group);
    second.close();
  });

  it('goes on where it was cancelled', async () => {
    const [root, cacheFile] = [folderOf(SCANS), join(tempFolder(), 'scans.db')];
    const stop = new AbortController();
    const format = new JsonFormat();
    const options = {
      ...{ name: 's', kind: 'ImageSource', path: root, cacheFile },
      formats: [{ name: 'raster' as const, format }],
    };
    const half = FileSource.open({
      ...options,
      signal: stop.signal,
      onProgress: ({ done }) => void (done === 2 && stop.abort()),
    });
    expect((await failure(half)).code).toBe('CANCELLED');
    expect(format.reads).toBe(2);
    (await FileSource.open(options)).close();
    expect(format.reads).toBe(4);
  });

  it('takes files with another ending by what is in them, when it may', async () => {
    const root = folderOf({ '1.scan': {}, '2.dat': { Rows: 7 }, '3.dat': 'text' });
    expect((await open(root)).rowCount).toBe(1);
    const source = await open(root, { detectsByContent: true });
    expect([source.rowCount, source.nameOf(1)]).toEqual([2, '2.dat']);
  });

  it('takes classes and splits from folders in either order', async () => {
    const files = { 'train/cat/1.scan': {}, 'dog/Validation/2.scan': {}, 'test/dog/x/3.scan': {} };
    const source = await open(folderOf(files), { infersLabels: true });
    const { columns } = await source.getData([0, 1, 2]);
    expect(columns['BITFOUNT_INFERRED_LABEL']).toEqual(['dog', 'dog', 'cat']);
    expect(columns['BITFOUNT_SPLIT_CATEGORY']).toEqual(['VALIDATION', 'TEST', 'TRAIN']);
    const message = async (names: readonly string[]): Promise<string> =>
      (await failure(open(folderOf(Object.fromEntries(names.map((name) => [name, {}]))), { infersLabels: true })))
        .message;
    expect(await message(['cat/1.scan', '2.scan'])).toContain('1 of 2 files lie in no folder that names a class');
    expect(await message(['train/cat/1.scan', 'dog/2.scan'])).toContain('1 of 2 files lie in no folder train');
  });

  it('does not follow links out of the folder', async () => {
    const [root, outside] = [folderOf({ '1.scan': {} }), folderOf({ 'secret.scan': {} })];
    symlinkSync(outside, join(root, 'link'));
    symlinkSync(join(outside, 'secret.scan'), join(root, 'secret.scan'));
    symlinkSync(root, join(root, 'circle'));
    expect((await open(root)).rowCount).toBe(1);
  });

  it('reads one file as well', async () => {
    const root = folderOf(SCANS);
    const source = await open(join(root, 'a/1.scan'));
    expect(source.rowCount).toBe(1);
    expect((await source.getData([0])).columns['Pixel Data']).toMatchObject([{ file: join(root, 'a/1.scan') }]);
  });

  it('says what is wrong with folder and options', async () => {
    const root = folderOf(SCANS);
    expect((await failure(open(join(root, 'nowhere')))).code).toBe('FILE_NOT_FOUND');
    expect((await failure(open(folderOf({ 'x.txt': 'x' })))).message).toContain('left out: 1 EXTENSION');
    const misspelt = await failure(open(root, { exposeColumns: ['PatientNmae'] }));
    expect(misspelt.code).toBe('DATA_COLUMN_MISSING');
    expect(misspelt.message).toContain('did you mean "PatientName"');
    if (process.getuid?.() !== 0) {
      chmodSync(join(root, 'b'), 0);
      expect((await failure(open(root))).code).toBe('FILE_NOT_FOUND');
    }
  });

  describe('with SLO pictures as a column of their scans', () => {
    const eye = { patient: 'p1', Laterality: 'R', Modality: 'OCT', AcquisitionDateTime: '2021-06-30T08:15:01Z' };
    const EYES = {
      '1.scan': { ...eye, frames: 2 },
      '2.scan': [
        { ...eye, Modality: 'SLO', AcquisitionDateTime: '2021-06-30T08:00:00Z' },
        { ...eye, Modality: 'SLO', AcquisitionDateTime: '2021-06-30T08:20:00Z' },
        { ...eye, Modality: 'SLO', Laterality: 'L' },
        { ...eye, Modality: 'SLO', patient: 'p2' },
      ],
      // as DICOM writes it
      '3.scan': { ...eye, Modality: 'OPT', AcquisitionDateTime: '20210629082001.5', Laterality: 'OD', frames: 2 },
      '4.scan': { ...eye, AcquisitionDateTime: null, StudyDate: '2021-06-28', frames: 2 },
      '5.scan': { ...eye, patient: undefined, frames: 2 },
    };

    it('takes the nearest of the patient and eye within a day', async () => {
      const source = await open(folderOf(EYES), { slo: 'match', filters: { modality: 'OCT', minFrames: 2 } });
      expect(source.columns).toContain(SLO_PIXELS);
      expect(source.schema.columns.at(-1)).toEqual({ name: SLO_PIXELS, dataType: 'image', semanticType: 'image' });
      const { columns } = await source.getData([0, 1, 2, 3]);
      const pictures = columns[SLO_PIXELS]!.map((image) => image as ImageHandle | null);
      expect(pictures.map((image) => image && [basename(image.file), image.record])).toEqual([
        ['2.scan', 1],
        ['2.scan', 0],
        null,
        null,
      ]);
      expect(source.narrowed({ minFrames: 1 }).columns).toContain(SLO_PIXELS);
    });

    it('leaves out scans without one when the site says so, and counts them', async () => {
      const source = await open(folderOf(EYES), { slo: 'require' });
      expect([0, 1].map((key) => source.nameOf(key))).toEqual(['1.scan', '3.scan']);
      expect(source.counts).toEqual({ files: 2, records: 2, skipped: { SLO_MISSING: 2 } });
      const root = folderOf({ '1.scan': EYES['1.scan'] });
      expect((await failure(open(root, { slo: 'require' }))).message).toContain('1 SLO_MISSING');
    });
  });
});
