/** What a site shows of device files without having said so: nothing of people, numbers or times. */
import { describe, expect, it } from 'vitest';
import { allExamples } from '../../../test/support/deviceExamples.ts';
import { heidelbergFormat } from './heidelberg/index.ts';
import { niftiFormat } from './nifti/index.ts';
import { topconFormat } from './topcon/index.ts';

const HIDDEN = {
  heidelberg: [
    ...['ProtocolName', 'PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex', 'StudyID', 'StudyDate'],
    ...['SeriesNumber', 'AcquisitionDateTime'],
  ],
  topcon: ['PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex', 'StudyDate', 'AcquisitionDateTime'],
  nifti: ['IntentName', 'Description', 'AuxiliaryFile', 'DatabaseName'],
};

const files = await allExamples();

describe('open columns', () => {
  it.each([
    ['heidelberg', heidelbergFormat, ['a.e2e', 'lost.sdb', 'a.vol']],
    ['topcon', topconFormat, ['a.fda', 'a.fds']],
    ['nifti', niftiFormat, ['a.nii', 'two.nii', 'a.nii.gz']],
  ] as const)('of %s leave out just what identifies', async (name, format, examples) => {
    for (const example of examples) {
      for (const { columns } of await format.read(files[example]!, example)) {
        expect(Object.keys(columns).filter((column) => !format.openColumns.has(column))).toEqual(HIDDEN[name]);
        const shown = Object.entries(columns).filter(([column]) => format.openColumns.has(column));
        expect(shown.length).toBeGreaterThan(10);
        // dates, and names and numbers of the people of the examples
        expect(JSON.stringify(shown)).not.toMatch(/\d{4}-\d\d|Beispiel|Example|Jörg|Ann|A 77|B-9|C\/5|visit|serial/);
      }
    }
  });
});
