import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { exampleNifti } from '../../../../test/support/deviceExamples.ts';
import { type NiftiSpec, writeNifti } from '../../../../test/support/niftiFile.ts';
import { isKonsilError } from '../../../base/index.ts';
import { HEAD_BYTES, headOf } from './niftiBytes.ts';
import { niftiFormat } from './niftiFormat.ts';
import { readVolume } from './niftiVolume.ts';

const SPEC: NiftiSpec = { dim: [3, 2, 2, 1, 1, 1, 1, 1], datatype: 2, values: Uint8Array.of(1, 2, 3, 4) };

/** The error of reading the volume. */
const errorOf = (bytes: Uint8Array): Promise<unknown> =>
  readVolume(bytes, 'a.nii').then(
    () => 'none',
    (e: unknown) => e,
  );

describe('a NIfTI file is refused', () => {
  it.each<[string, Partial<NiftiSpec>, 'DATA_INVALID' | 'DATA_UNSUPPORTED', string]>([
    ['no dimensions', { dim: [0, 2, 2, 1] }, 'DATA_INVALID', 'byte 40: 1 to 7 dimensions expected'],
    ['8 dimensions', { dim: [8, 2, 2, 1] }, 'DATA_INVALID', '1 to 7 dimensions'],
    ['a size of 0', { dim: [3, 2, 0, 1] }, 'DATA_INVALID', 'of axis 2 expected'],
    ['a size below 0', { dim: [3, 2, 2, -1] }, 'DATA_INVALID', 'of axis 3 expected'],
    ['a slice of 2^29 pixels', { dim: [2, 32_000, 32_000] }, 'DATA_INVALID', 'slices of at most'],
    ['values of a tebibyte', { dim: [4, 32_000, 8000, 32_000, 2] }, 'DATA_UNSUPPORTED', 'values of more than'],
    ['more values than are read whole', { dim: [3, 16_000, 16_000, 3] }, 'DATA_UNSUPPORTED', 'a volume of more than'],
    ['five dimensions', { dim: [5, 2, 2, 1, 1, 3] }, 'DATA_UNSUPPORTED', 'more than four dimensions'],
    ['bits', { datatype: 1 }, 'DATA_UNSUPPORTED', 'values of type 1 are not read'],
    ['complex numbers', { datatype: 32 }, 'DATA_UNSUPPORTED', 'values of type 32 are not read'],
    ['float128', { datatype: 1536 }, 'DATA_UNSUPPORTED', 'values of type 1536 are not read'],
    ['values in another file', { magic: 'ni1' }, 'DATA_UNSUPPORTED', 'in two files (.hdr and .img)'],
    ['values in the header', { dataAt: 100 }, 'DATA_INVALID', 'byte 108: the beginning of the values'],
    ['values before the file', { dataAt: -352 }, 'DATA_INVALID', 'byte 108: the beginning of the values'],
    ['values at half a byte', { dataAt: 352.5 }, 'DATA_INVALID', 'byte 108: the beginning of the values'],
    ['values nowhere', { dataAt: Number.NaN }, 'DATA_INVALID', 'byte 108: the beginning of the values'],
    ['values behind the end', { dataAt: 10_000 }, 'DATA_INVALID', 'byte 10000: 4 bytes of values expected'],
    ['a slice too many', { dim: [3, 2, 2, 2] }, 'DATA_INVALID', 'byte 352: 8 bytes of values expected'],
  ])('for %s', async (_name, change, code, message) => {
    for (const make of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => gzipSync(bytes)]) {
      const error = await errorOf(make(writeNifti({ ...SPEC, ...change })));
      expect(isKonsilError(error, code), String(error)).toBe(true);
      expect(String(error)).toContain('a.nii: ');
      expect(String(error)).toContain(message);
    }
  });

  it('for sizes of 2^63 in version 2', async () => {
    const bytes = writeNifti({ ...SPEC, version: 2 });
    new DataView(bytes.buffer).setBigInt64(16 + 8, 2n ** 63n - 1n, true);
    expect(String(await errorOf(bytes))).toContain('of axis 1 expected');
    new DataView(bytes.buffer).setBigInt64(16 + 8, 2n, true);
    new DataView(bytes.buffer).setBigInt64(168, 2n ** 62n, true);
    expect(String(await errorOf(bytes))).toContain('the beginning of the values, at least 544, expected');
  });

  it('when it is the header of a pair: by its reason, not passed over', async () => {
    for (const [version, magic] of [
      [1, 'ni1'],
      [2, 'ni2'],
    ] as const) {
      const bytes = writeNifti({ ...SPEC, version, magic });
      expect(niftiFormat.matches(bytes.subarray(0, niftiFormat.headBytes))).toBe(true);
      await expect(niftiFormat.read(bytes, 'a.hdr')).rejects.toThrow(
        'a.hdr: header and values are in two files (.hdr and .img); convert them to one .nii file',
      );
    }
  });

  it('when it is none', async () => {
    const broken = exampleNifti();
    broken[344] = 0;
    for (const bytes of [
      broken,
      new Uint8Array(),
      gzipSync(broken),
      gzipSync(new Uint8Array()),
      Uint8Array.of(31, 139),
    ]) {
      expect(niftiFormat.matches(bytes)).toBe(false);
      await expect(niftiFormat.read(bytes, 'a.nii')).rejects.toThrow('a.nii: byte 0: a NIfTI header expected');
    }
  });
});

describe('a compressed NIfTI file', () => {
  it('of fifty megabytes of zeros behind small values is not unpacked beyond them', async () => {
    const bomb = gzipSync(Buffer.concat([writeNifti(SPEC), Buffer.alloc(50 * 2 ** 20)]));
    expect(bomb.length).toBeLessThan(100_000);
    expect([...(await readVolume(bomb, 'a.nii')).values]).toEqual([1, 2, 3, 4]);
    // and for the header no more than a part of the file is looked at
    expect(headOf(bomb).buffer.byteLength).toBeLessThan(HEAD_BYTES * 1032 + 2 ** 16);
  });

  it('that claims more than it can hold is refused before memory is asked for', async () => {
    const small = gzipSync(writeNifti({ ...SPEC, dim: [3, 16_000, 16_000, 2], values: Uint8Array.of(0) }));
    expect(String(await errorOf(small))).toContain('512000000 bytes of values expected, the file ends before');
  });

  it('that is cut short or broken is refused when the values are asked for', async () => {
    const values = Uint8Array.from({ length: 4000 }, (_, i) => (i * i * 7919) >> 3);
    const whole = gzipSync(writeNifti({ ...SPEC, dim: [3, 20, 20, 10], values }));
    const cut = whole.subarray(0, whole.length / 2);
    const [record] = await niftiFormat.read(cut, 'a.nii.gz');
    expect(record!.frames).toBe(10);
    await expect(record!.frame(0)).rejects.toThrow('a.nii.gz: the gzip file is broken');
    const broken = Buffer.from(whole);
    broken.fill(0xff, broken.length / 2, broken.length / 2 + 100);
    expect(isKonsilError(await errorOf(broken), 'DATA_INVALID')).toBe(true);
  });

  it('with values that do not have its checksum is refused', async () => {
    for (const at of [-8, -5, -4]) {
      const bytes = Buffer.from(gzipSync(writeNifti(SPEC)));
      bytes[bytes.length + at]! ^= 1;
      expect(String(await errorOf(bytes))).toContain('a.nii: the gzip file is broken');
    }
  });

  it('keeps no text of the file in its errors', async () => {
    const text = 'Patient Surname 1950';
    const bytes = writeNifti({ ...SPEC, dim: [3, 2, 2, 2], description: text });
    expect(String(await errorOf(bytes))).not.toContain('Surname');
    expect(String(await errorOf(gzipSync(bytes)))).not.toContain('Surname');
  });
});
