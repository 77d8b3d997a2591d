import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeNifti } from '../../../test/support/niftiFile.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { niftiFormat, readVolume } from '../formats/nifti/index.ts';
import { maskFiles } from './maskFiles.ts';

it('lies where its picture does, and is empty where the model has not looked', async () => {
  const file = join(tempFolder(), 'brain.nii');
  const rows = [-2, 0.5, 0, 10, 0, 3, 0, -20, 0, 0, 4, 30];
  const values = Uint8Array.from({ length: 4 * 2 * 3 }, (_, i) => i);
  writeFileSync(
    file,
    writeNifti({ dim: [3, 4, 2, 3, 1, 1, 1, 1], pixdim: [1, 2, 3, 4], datatype: 2, values, sform: { code: 2, rows } }),
  );
  const handle = { file, format: 'nifti', record: 0 } as const;
  // a mask of half the width, of slices 2 and 0
  const stack = { values: Uint8Array.of(1, 2, 0, 1, 2, 0, 1, 1), frames: 2, height: 2, width: 2, classes: 3 };
  const [mask] = await maskFiles(
    [
      { ...handle, frame: 2 },
      { ...handle, frame: 0 },
    ],
    stack,
  );
  expect(mask!.extension).toBe('.nii.gz');
  const [record] = await niftiFormat.read(mask!.bytes, 'mask');
  expect(record!.columns).toMatchObject({
    Columns: 4,
    Rows: 2,
    Slices: 3,
    AffineMethod: 'sform',
    Affine: rows.join(' '),
  });
  const volume = await readVolume(mask!.bytes, 'mask');
  expect(volume.dims).toEqual([1, 3, 2, 4]);
  const zeros = [0, 0, 0, 0, 0, 0, 0, 0];
  expect([...volume.values]).toEqual([2, 2, 0, 0, 1, 1, 1, 1, ...zeros, 1, 1, 2, 2, 0, 0, 1, 1]);
});
