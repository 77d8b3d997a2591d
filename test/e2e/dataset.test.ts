/** `konsil dataset inspect` as the owner of the data runs it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Konsil, killAll } from '../support/processes.ts';

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
