import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DatasourceConfig } from '../index.ts';
import { CSVSource } from './csvSource.ts';
import { isIdentifyingName } from './identifyingColumns.ts';

describe('names of columns that identify', () => {
  it.each([
    ...['name', 'Name', 'NAMES', 'surname', 'Last Name', 'lastName', 'first_name', 'FIRSTNAME', 'patient-name'],
    ...["patient's name", 'PatientName', 'patient_full_name', 'mrn', 'MRN', 'patient MRN 2', 'NHS number', 'nhs_no'],
    ...['ssn', 'SSN4', 'social_security', 'SocialSecurityNumber', 'insurance number', 'email', 'E-Mail', 'eMail'],
    ...[
      'contact_email_1',
      'phone',
      'phoneNumber',
      'home.phone',
      'address',
      'home_address',
      'postcode',
      'ZIP',
      'zip_code',
    ],
    ...['date_of_birth', 'DateOfBirth', 'dob', 'DOB', 'birth_date', 'birthDate', 'patient birth date', 'initials'],
    ...['Nachname', 'Vorname', 'Geburtsdatum', 'geb_dat', 'Straße', 'STRASSE', 'PLZ', 'Postleitzahl', 'Telefon-Nr.'],
    ...['Krankenversichertennummer', 'Versicherten-Nummer', 'KVNR', 'E-Mail-Adresse', 'Name des Patienten'],
  ])('%s does', (name) => expect(isIdentifyingName(name)).toBe(true));

  it.each([
    ...['id', 'ID', 'pid', 'patient_id', 'age', 'sex', 'gender', 'drug_name', 'hospital', 'site', 'inst', 'diagnosis'],
    ...['birth_weight', 'gestational_age_at_birth', 'gzip', 'zipper', 'dobutamine', 'emailed', 'telephones', 'mailbox'],
    ...[
      'unnamed',
      'renamed',
      'phonem',
      'ssnx',
      'status',
      'Alter',
      'Geschlecht',
      'Größe',
      'x'.repeat(5_000),
      '',
      '1',
      '___',
    ],
  ])('%s does not', (name) => expect(isIdentifyingName(name)).toBe(false));
});

describe('a table with identifying columns', () => {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-identify-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const header = 'pid,Surname,age,remark,class,visit,dose';
  const table = (rows: number): string =>
    [
      header,
      ...Array.from(
        { length: rows },
        (_, i) => `${i},N${i % 3},${20 + i},said ${i},c${i % 2},2020-01-${10 + i},${i === 3 ? 'x' : i}`,
      ),
    ].join('\n');
  const open = async (text: string, options: Partial<DatasourceConfig> = {}): Promise<CSVSource> => {
    const path = join(folder, 'table.csv');
    writeFileSync(path, text);
    return CSVSource.open({ name: 'test', path, ...options });
  };

  it('hides names and texts that hardly repeat, and says which; numbers with a mistake and dates stay', async () => {
    const source = await open(table(20));
    expect(source.columns).toEqual(['pid', 'age', 'class', 'visit', 'dose']);
    expect(source.schema.columns.map(({ name }) => name)).toEqual(source.columns);
    expect(source.found()).toEqual({
      counts: { files: 1, records: 20, skipped: {} },
      hiddenColumns: ['Surname', 'remark'],
    });
    for await (const { columns } of source.yieldData()) expect(Object.keys(columns)).toEqual(source.columns);
    expect(Object.keys((await source.getData([1])).columns)).toEqual(source.columns);
    source.close();
  });

  it('shows text of fewer than 20 values, or of which 95 % differ and no more', async () => {
    const few = await open(table(19));
    expect(few.columns).toContain('remark');
    few.close();
    const texts = (distinct: number): string =>
      ['a', ...Array.from({ length: 20 }, (_, i) => `t${i % distinct}`)].join('\n');
    const many = await open(texts(19));
    expect(many.columns).toEqual(['a']);
    many.close();
    const all = await open(texts(20));
    expect(all.columns).toEqual([]);
    all.close();
  });

  it('shows what the site exposes, and lists nothing that it ignores', async () => {
    const exposed = await open(table(20), { exposeColumns: ['Surname'], ignoreColumns: ['remark'] });
    expect(exposed.columns).toEqual(['pid', 'Surname', 'age', 'class', 'visit', 'dose']);
    expect(exposed.found().hiddenColumns).toEqual([]);
    exposed.close();
    await expect(open(table(20), { exposeColumns: ['surname'] })).rejects.toMatchObject({
      code: 'DATA_COLUMN_MISSING',
      message: expect.stringMatching(/has no column "surname" \(expose_cols\); did you mean "Surname"\?$/),
    });
  });
});
