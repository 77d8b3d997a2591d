/** `konsil dataset inspect` as the owner of the data runs it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { grantReader, OMOP_SECRET, READER, writeOmop } from '../support/omopDatabase.ts';
import { NO_POSTGRES, Postgres } from '../support/postgres.ts';
import { Konsil, killAll } from '../support/processes.ts';
import { tempFolder } from '../support/tempFolder.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
afterEach(killAll);

describe('konsil dataset inspect', () => {
  it('shows what tasks can use of DICOM files, what is hidden, and whether a task fits', async () => {
    const cwd = join(examples, 'dicom');
    const inspect = new Konsil(['dataset', 'inspect', 'hospital-b.yaml', '--task', 'task.yaml', '--json'], { cwd });
    expect(await inspect.exit, inspect.text).toBe(0);
    const [line] = inspect.text.split('\n').filter((text) => text.startsWith('{'));
    const found = JSON.parse(line!) as Record<string, unknown> & { columns: { name: string; type: string }[] };
    expect(found).toMatchObject({
      dataset: 'scans',
      kind: 'DICOMSource',
      rows: 48,
      patients: 24,
      files: 48,
      skipped: {},
    });
    expect(found['task']).toEqual({ problems: [], rows: 48 });
    expect(found['hidden']).toEqual(
      expect.arrayContaining(['PatientID', 'PatientName', 'SOPInstanceUID', 'StudyDate']),
    );
    expect(found.columns).toContainEqual({ name: 'Pixel Data', type: 'image', missing: 0 });
    expect(found.columns.map(({ name }) => name)).toEqual(expect.not.arrayContaining(['PatientID', 'PatientName']));
    // values of hidden columns are nowhere
    expect(inspect.text).not.toMatch(/Phantom|hospital-b-\d/);
  });

  it('says why a task does not fit', async () => {
    const task = join(examples, 'breast-cancer', 'task.yaml');
    const cwd = join(examples, 'two-cohorts');
    const inspect = new Konsil(['dataset', 'inspect', 'hospital-freiburg.yaml', '--task', task], { cwd });
    expect(await inspect.exit, inspect.text).toBe(0);
    expect(inspect.text).toContain('the task does not fit: no column "diagnosis" (assign.target)');
    // under the names of tasks, not of the site
    expect(inspect.text).toMatch(/\n +age +continuous/);
    expect(inspect.text).not.toContain('lymphknoten');
  });
});

describe('konsil dataset inspect of pictures', () => {
  it('lists what cannot be read or decoded, and values only when it is asked and of many rows', async () => {
    const cwd = tempFolder();
    for (let n = 0; n < 25; n++) {
      const folder = join(cwd, 'pictures', n < 12 ? 'often' : n < 24 ? 'usual' : 'seldom');
      mkdirSync(folder, { recursive: true });
      const image = sharp(Buffer.alloc(16, n), { raw: { width: 4, height: 4, channels: 1 } }).png();
      writeFileSync(join(folder, `${n}.png`), await image.toBuffer());
    }
    const broken = join(cwd, 'pictures', 'often', '3.png');
    const bytes = readFileSync(broken);
    writeFileSync(broken, bytes.fill(0xff, bytes.indexOf('IDAT') + 4, bytes.indexOf('IEND') - 8));
    writeFileSync(join(cwd, 'pictures', 'often', 'text.png'), 'no picture');
    writeFileSync(
      join(cwd, 'pod.yaml'),
      `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources:
  - name: pictures
    datasource: ImageSource
    datasource_args: {path: pictures, infer_class_labels_from_filepaths: true}
    data_config: {column_descriptions: {BITFOUNT_INFERRED_LABEL: what the reader saw}}
    datasource_details_config: {display_name: Pictures of 2024}
approved_modellers: [alice]
`,
    );
    const inspect = async (...flags: string[]): Promise<string> => {
      const konsil = new Konsil(['dataset', 'inspect', 'pod.yaml', ...flags], { cwd });
      expect(await konsil.exit, konsil.text).toBe(0);
      return konsil.text;
    };
    const plain = await inspect();
    expect(plain).toMatch(/often\/text\.png: DATA_\w+/);
    expect(plain).toContain('Pictures of 2024');
    expect(plain).toMatch(/BITFOUNT_INFERRED_LABEL +text +what the reader saw/);
    expect(plain).not.toMatch(/usual|seldom|3\.png/);
    const all = await inspect('--values', '--decode');
    expect(all).toMatch(/often: 12\n +usual: 12\n +1 more, each of fewer than 10/);
    expect(all).not.toContain('seldom');
    expect(all).toMatch(/1 of 25 rows have an image that cannot be decoded\n +often\/3\.png: DATA_INVALID/);
  });
});

describe('konsil dataset query', () => {
  it('answers one SELECT, and shows large groups only when it is told so', async () => {
    const cwd = join(examples, 'two-cohorts');
    const ask = async (...args: string[]): Promise<Konsil> => {
      const query = new Konsil(['dataset', 'query', 'hospital-freiburg.yaml', 'cohort', ...args], { cwd });
      await query.exit;
      return query;
    };
    const sql = 'SELECT relapse, count(*) AS n FROM cohort GROUP BY relapse ORDER BY n';
    const all = await ask(sql, '--json');
    expect(JSON.parse(all.text.split('\n').find((line) => line.startsWith('{'))!)).toMatchObject({
      columns: ['relapse', 'n'],
      rows: [
        ['no', 123],
        ['yes', 285],
      ],
    });
    const large = await ask(sql, '--minimum-group', '200');
    expect(large.text).toContain('yes\t285');
    expect(large.text).not.toContain('123');
    const outside = await ask("SELECT * FROM read_csv('/etc/passwd')");
    expect(await outside.exit).toBe(1);
    expect(outside.text).toContain('SQL_REFUSED');
  });
});

describe.skipIf(NO_POSTGRES !== null)(
  NO_POSTGRES === null ? 'an OMOP database' : `an OMOP database (${NO_POSTGRES})`,
  () => {
    it('is inspected and queried, and its password is nowhere', async () => {
      const cwd = tempFolder();
      const postgres = await Postgres.start();
      try {
        await writeOmop(postgres, 'v5.4');
        await grantReader(postgres);
        writeFileSync(join(cwd, 'clinic.url'), postgres.url(READER.user, READER.password), { mode: 0o600 });
        writeFileSync(
          join(cwd, 'pod.yaml'),
          `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources:
  - {name: clinic, datasource: OMOPSource, datasource_args: {connection_file: clinic.url, version: v5.4}}
approved_modellers: [alice]
`,
        );
        const ask = async (...args: string[]): Promise<Konsil> => {
          const konsil = new Konsil(['dataset', ...args], { cwd });
          await konsil.exit;
          expect(konsil.text).not.toMatch(new RegExp(`${READER.password}|${OMOP_SECRET}`));
          return konsil;
        };
        const inspected = await ask('inspect', 'pod.yaml');
        expect(inspected.text).toMatch(
          /dataset clinic: OMOPSource v5.4[^]*person: person_id, gender_concept_id, year_of_birth/,
        );
        expect(inspected.text).toMatch(/nobody sees[^]*note.note_text[^]*person.birth_datetime/);
        const sql = 'SELECT condition_concept_id, count(*) FROM condition_occurrence GROUP BY 1';
        expect((await ask('query', 'pod.yaml', 'clinic', sql)).text).toContain('432867\t30');
        const groups = await ask('query', 'pod.yaml', 'clinic', sql, '--minimum-group', '5');
        expect(groups.text).toContain('201826\t45');
        expect(groups.text).not.toContain('432867');
        const secret = await ask('query', 'pod.yaml', 'clinic', 'SELECT note_text FROM note');
        expect(await secret.exit).toBe(1);
      } finally {
        await postgres.close();
      }
    });
  },
);
