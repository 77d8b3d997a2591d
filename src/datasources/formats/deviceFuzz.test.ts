/** Files of devices broken on purpose: each gives rows and pixels of the stated size, or one error that says nothing of people. */
import { describe, expect, it } from 'vitest';
import { allExamples, EXAMPLE_E2E_CHUNKS } from '../../../test/support/deviceExamples.ts';
import { writeE2e } from '../../../test/support/e2eFile.ts';
import { brokenCopies } from '../../../test/support/fuzzBytes.ts';
import { KonsilError } from '../../base/index.ts';
import { heidelbergFormat, readHeidelbergSeries } from './heidelberg/index.ts';
import type { ImageFormat, ImageRecord } from './imageRecord.ts';
import { niftiFormat, readVolume } from './nifti/index.ts';
import { readTopconContours, topconFormat } from './topcon/index.ts';

const CASES_PER_FILE = 400;
const CASES_PER_CHUNK = 60;
const FORMATS: readonly ImageFormat[] = [heidelbergFormat, topconFormat, niftiFormat];
/** Names and numbers of the people of the examples. */
const PEOPLE = /Beispiel|Jörg|A 77|B-9|C\/5|Ann|Example|visit|(19|20)\d\d-/;

const files = await allExamples();

/** What is read besides rows. */
const extras: Readonly<Record<string, (bytes: Uint8Array, label: string) => unknown>> = {
  '.vol': (bytes, label) => readHeidelbergSeries(bytes, label).map((series) => series.layers()),
  '.e2e': (bytes, label) => readHeidelbergSeries(bytes, label).map((series) => series.layers()),
  '.sdb': (bytes, label) => readHeidelbergSeries(bytes, label).map((series) => series.bscans.map((b) => b.raw())),
  '.fda': (bytes, label) => readTopconContours(bytes, label),
  '.fds': (bytes, label) => readTopconContours(bytes, label),
  '.nii': (bytes, label) => readVolume(bytes, label),
  '.gz': (bytes, label) => readVolume(bytes, label),
};

/** True when `read` succeeds; false for an error that may be. */
async function succeeds(read: () => unknown, what: string): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (!(error instanceof KonsilError)) throw new Error(`${what}: ${String(error)}`, { cause: error });
    expect(['DATA_INVALID', 'DATA_UNSUPPORTED'], what).toContain(error.code);
    expect(error.message, what).toMatch(/^the file: /);
    expect(error.message, what).not.toMatch(PEOPLE);
    expect(error.cause, what).toBeUndefined();
    return false;
  }
}

/** Checks a row; number of its frames that decode. */
async function readRecord(record: ImageRecord, what: string): Promise<number> {
  for (const [name, cell] of Object.entries(record.columns)) {
    if (typeof cell === 'number') expect(Number.isFinite(cell), `${what}: ${name}`).toBe(true);
    // oxlint-disable-next-line no-control-regex
    if (typeof cell === 'string') expect(cell, `${what}: ${name}`).not.toMatch(/[\0-\x1f\x7f-\x9f]|^\s|\s$|^$/);
  }
  let decoded = 0;
  for (let index = 0; index < Math.min(record.frames, 8); index++) {
    const read = async (): Promise<void> => {
      const { width, height, channels, values } = await record.frame(index);
      if (values.length !== width * height * channels) throw new Error('a frame of another size than it states');
    };
    if (await succeeds(read, what)) decoded++;
  }
  return decoded;
}

describe('broken files of devices', () => {
  const total = { cases: 0, read: 0, refused: 0, frames: 0 };

  it.each(Object.keys(files))('%s', async (name) => {
    const format = FORMATS.find(({ extensions }) => extensions.some((extension) => name.endsWith(extension)))!;
    const extra = extras[name.slice(name.lastIndexOf('.'))]!;
    // whole, it is read without any error: else its broken copies would show nothing
    let whole = 0;
    for (const record of await format.read(files[name]!, 'the file')) whole += await readRecord(record, name);
    expect(whole).toBeGreaterThan(1);
    expect(await succeeds(() => extra(files[name]!, 'the file'), name)).toBe(true);
    for (const { what, bytes } of brokenCopies(files[name]!, CASES_PER_FILE, name.length)) {
      total.cases++;
      for (const { matches, headBytes } of FORMATS) matches(bytes.subarray(0, headBytes));
      let records: readonly ImageRecord[] = [];
      const read = async (): Promise<void> => void (records = await format.read(bytes, 'the file'));
      if (await succeeds(read, `${name}, ${what}`)) total.read++;
      else total.refused++;
      for (const record of records) total.frames += await readRecord(record, `${name}, ${what}`);
      await succeeds(() => extra(bytes, 'the file'), `${name}, ${what}`);
    }
  });

  it('E2E, broken before the checksums were made', async () => {
    for (const [k, broken] of EXAMPLE_E2E_CHUNKS.entries()) {
      for (const { what, bytes: payload } of brokenCopies(broken.payload, CASES_PER_CHUNK, k)) {
        total.cases++;
        const bytes = writeE2e(EXAMPLE_E2E_CHUNKS.map((chunk) => (chunk === broken ? { ...chunk, payload } : chunk)));
        let records: readonly ImageRecord[] = [];
        const read = async (): Promise<void> => void (records = await heidelbergFormat.read(bytes, 'the file'));
        if (await succeeds(read, `chunk ${k}, ${what}`)) total.read++;
        else total.refused++;
        for (const record of records) total.frames += await readRecord(record, `chunk ${k}, ${what}`);
        await succeeds(() => extras['.e2e']!(bytes, 'the file'), `chunk ${k}, ${what}`);
      }
    }
  });

  it('were 4560, of which some could be read and some could not', () => {
    expect(total.cases).toBe(4560);
    expect(total.read + total.refused).toBe(total.cases);
    expect(total.refused).toBeGreaterThan(300);
    expect(total.read).toBeGreaterThan(300);
    expect(total.frames).toBeGreaterThan(1000);
  });
});
