import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import fixtures from '../../../../test/fixtures/nifti/expected.json' with { type: 'json' };
import { EXAMPLE_VOXELS, exampleNifti } from '../../../../test/support/deviceExamples.ts';
import { itWithSamples, readSample } from '../../../../test/support/deviceSamples.ts';
import { writeNifti } from '../../../../test/support/niftiFile.ts';
import { bytesOf } from '../../../base/index.ts';
import { niftiFormat, readVolume } from './index.ts';

interface Expected {
  readonly shape: readonly number[];
  readonly affine: readonly (readonly number[])[];
  readonly zooms: readonly number[];
  readonly sha256: string;
  readonly first: readonly (number | null)[];
}
const expected: Readonly<Record<string, Expected>> = fixtures;

/** Compares volume and slices with what nibabel read. */
async function check(bytes: Uint8Array, { shape, affine, zooms, sha256, first }: Expected): Promise<void> {
  expect(niftiFormat.matches(bytes.subarray(0, niftiFormat.headBytes))).toBe(true);
  const volume = await readVolume(bytes, 'a.nii');
  const [x = 1, y = 1, z = 1, t = 1] = shape;
  expect(volume.dims).toEqual([t, z, y, x]);
  expect([...volume.values.slice(0, 4)].map((value) => (Number.isFinite(value) ? value : null))).toEqual(first);
  expect(createHash('sha256').update(bytesOf(volume.values)).digest('hex')).toBe(sha256);
  // nibabel leaves the sign of distances as it is
  expect(volume.spacing.slice(4 - zooms.length).toReversed()).toEqual(zooms.map(Math.abs));
  volume.affine!.rows.forEach((row, i) => {
    row.forEach((value, j) => expect(value).toBeCloseTo(affine[i]![j]!, 5));
  });
  const [record] = await niftiFormat.read(bytes, 'a.nii');
  expect(record!.columns).toMatchObject({ Rows: y, Columns: x, Slices: z, TimePoints: t, NumberOfFrames: z * t });
  expect(record!.patient).toBeUndefined();
  const size = x * y * volume.channels;
  for (const index of new Set([0, z * t - 1])) {
    const { width, height, channels, values } = await record!.frame(index);
    expect([width, height, channels]).toEqual([x, y, volume.channels]);
    expect(Float32Array.from(values)).toEqual(volume.values.slice(index * size, (index + 1) * size));
  }
}

describe('NIfTI file', () => {
  const kept = Object.entries(expected).filter(([name]) => !name.startsWith('samples/'));
  it.each(kept)('%s has the values, affine and spacing that nibabel reads', async (name, facts) => {
    await check(readFileSync(new URL(`../../../../test/fixtures/nifti/${name}`, import.meta.url)), facts);
  });

  for (const [name, facts] of Object.entries(expected).filter(([name]) => name.startsWith('samples/')))
    itWithSamples(`${name} has the values, affine and spacing that nibabel reads`, () =>
      check(readSample(name.replace('samples/', 'nifti/')), facts),
    );

  it.each([
    ['version 1', exampleNifti(1)],
    ['version 1, big-endian', exampleNifti(1, true)],
    ['version 2', exampleNifti(2)],
    ['version 2, big-endian', exampleNifti(2, true)],
    ['gzip', gzipSync(exampleNifti())],
    ['gzip of version 2', gzipSync(exampleNifti(2))],
  ])('of %s is read', async (name, bytes) => {
    const [record] = await niftiFormat.read(bytes, 'a.nii');
    expect(record!.columns).toEqual({
      ...{ Rows: 3, Columns: 4, Slices: 2, TimePoints: 2, NumberOfFrames: 4, Dimensions: '4x3x2x2' },
      ...{ SamplesPerPixel: 1, BitsAllocated: 16, Datatype: 'int16', RescaleSlope: 0.5, RescaleIntercept: 10 },
      ...{
        PixelSpacing: '0.75\\0.5',
        RowSpacing: 0.75,
        ColumnSpacing: 0.5,
        SpacingBetweenSlices: 2,
        SliceThickness: 2,
      },
      ...{ TemporalSpacing: 1.5, SpatialUnits: 'mm', TemporalUnits: 's', AffineMethod: 'sform', IntentCode: 0 },
      ...{ Affine: '0.5 0 0 -1 0 0.75 0 -2 0 0 2 -3', Description: 'Ann Example', AuxiliaryFile: 'auxiliary' },
      ...{ IntentName: 'intent', DatabaseName: name.includes('version 2') ? null : 'database' },
    });
    for (const index of [3, 0, 1]) {
      const stored = EXAMPLE_VOXELS.slice(12 * index, 12 * (index + 1));
      const values = Float32Array.from(stored, (value) => value / 2 + 10);
      expect(await record!.frame(index)).toEqual({ width: 4, height: 3, channels: 1, values });
    }
    await expect(record!.frame(4)).rejects.toThrow(RangeError);
  });

  it('shows no text of the header and no name unless the site does', async () => {
    const [record] = await niftiFormat.read(exampleNifti(), 'a.nii');
    const hidden = Object.keys(record!.columns).filter((name) => !niftiFormat.openColumns.has(name));
    expect(hidden).toEqual(['IntentName', 'Description', 'AuxiliaryFile', 'DatabaseName']);
  });

  it('without a slope has values as they are stored', async () => {
    const spec = { dim: [2, 2, 1, 1, 1, 1, 1, 1], datatype: 4, values: Int16Array.of(-3, 4) };
    for (const [slope, intercept] of [
      [0, 5],
      [Number.NaN, 5],
      [Number.POSITIVE_INFINITY, 5],
      [1, 0],
    ] as const) {
      const [record] = await niftiFormat.read(writeNifti({ ...spec, slope, intercept }), 'a.nii');
      expect((await record!.frame(0)).values).toEqual(Int16Array.of(-3, 4));
    }
    const [scaled] = await niftiFormat.read(writeNifti({ ...spec, slope: 2, intercept: Number.NaN }), 'a.nii');
    expect((await scaled!.frame(0)).values).toEqual(Float32Array.of(-6, 8));
  });

  it('does not scale colours', async () => {
    const values = Uint8Array.of(1, 2, 3, 253, 254, 255);
    const bytes = writeNifti({ dim: [2, 2, 1], datatype: 128, values, slope: 2, intercept: 1 });
    const [record] = await niftiFormat.read(bytes, 'a.nii');
    expect(await record!.frame(0)).toEqual({ width: 2, height: 1, channels: 3, values });
  });

  it('gives millimetres whatever the unit', async () => {
    const spec = { dim: [3, 1, 1, 1, 1, 1, 1, 1], pixdim: [1, 2, -4, 8], datatype: 2, values: Uint8Array.of(1) };
    const spacing = async (units: number) =>
      (await niftiFormat.read(writeNifti({ ...spec, units }), 'a.nii'))[0]!.columns.PixelSpacing;
    expect([await spacing(0), await spacing(1), await spacing(2), await spacing(3)]).toEqual([
      ...['4\\2', '4000\\2000', '4\\2', '0.004\\0.002'],
    ]);
  });

  it('has no affine when there is a number missing in it', async () => {
    const values = Uint8Array.of(1);
    const sform = { code: 1, rows: [Number.NaN, ...Array.from({ length: 11 }, () => 0)] };
    const bytes = writeNifti({ dim: [3, 1, 1, 1, 1, 1, 1, 1], datatype: 2, values, sform });
    expect((await niftiFormat.read(bytes, 'a.nii'))[0]!.columns).toMatchObject({ Affine: null, AffineMethod: null });
  });

  it('turned by 180° has a quaternion that rounding made longer than 1', async () => {
    const values = Uint8Array.of(1);
    const quaternion = { code: 1, bcd: [0.70710683, 0.70710683, 0], offset: [1, 2, 3] };
    const bytes = writeNifti({ dim: [3, 1, 1, 1, 1, 1, 1, 1], pixdim: [-1, 1, 2, 3], datatype: 2, values, quaternion });
    const { affine } = await readVolume(bytes, 'a.nii');
    expect(affine!.method).toBe('qform');
    const wanted = [0, 2, 0, 1, 1, 0, 0, 2, 0, 0, 3, 3];
    affine!.rows.flat().forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 6));
  });
});
