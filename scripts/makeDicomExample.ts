/**
 * Writes the pictures of examples/dicom: noise with or without a round spot, as three hospitals' scanners would store
 * them. Nobody was ever scanned. `npx tsx scripts/makeDicomExample.ts`
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { normal, seededRng } from '../src/base/index.ts';
import { SYNTAX, writeDicom } from '../test/support/dicomWriter.ts';

const SIZE = 24;
const PATIENTS = 24;
/** Two pictures of each patient: they must not end in different splits. */
const PICTURES = 2;

const SITES = [
  { name: 'hospital-a', transferSyntax: SYNTAX.explicit, manufacturer: 'Alpha Imaging', contrast: 1 },
  { name: 'hospital-b', transferSyntax: SYNTAX.rle, manufacturer: 'Beta Systems', contrast: 0.7 },
  { name: 'hospital-c', transferSyntax: SYNTAX.implicit, manufacturer: 'Gamma Medical', contrast: 1.3 },
] as const;

const root = fileURLToPath(new URL('../examples/dicom/data/', import.meta.url));
rmSync(root, { recursive: true, force: true });
for (const { name, transferSyntax, manufacturer, contrast } of SITES) {
  const rng = seededRng(7, name);
  for (let patient = 0; patient < PATIENTS; patient++) {
    const label = patient % 2 === 0 ? 'spot' : 'clear';
    const folder = `${root}${name}/${label}`;
    mkdirSync(folder, { recursive: true });
    for (let picture = 0; picture < PICTURES; picture++) {
      const [x, y, radius] = [6 + 12 * rng(), 6 + 12 * rng(), 2.5 + 1.5 * rng()];
      const values = Int16Array.from({ length: SIZE * SIZE }, (_, i) => {
        const [dx, dy] = [(i % SIZE) - x, Math.floor(i / SIZE) - y];
        const inside = label === 'spot' && dx * dx + dy * dy < radius * radius;
        return Math.round(1024 + contrast * ((inside ? 120 : 0) + 40 * normal(rng)));
      });
      const number = patient * PICTURES + picture;
      const file = writeDicom({
        transferSyntax,
        pixels: { width: SIZE, height: SIZE, frames: [values], bitsStored: 12 },
        tags: {
          ...{ PatientID: `${name}-${patient}`, PatientName: `Phantom^Number ${patient}`, StudyDate: '20200101' },
          ...{
            SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
            Modality: 'CT',
            Manufacturer: manufacturer,
            SOPInstanceUID: `2.25.${number + 1}`,
          },
          ...{ RescaleSlope: 1, RescaleIntercept: -1024, WindowCenter: 40, WindowWidth: 400 },
        },
      });
      writeFileSync(`${folder}/${String(number).padStart(3, '0')}.dcm`, file);
    }
  }
}
