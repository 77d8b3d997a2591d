/**
 * A mask as a NIfTI-1 file that lies where its picture does: the same sizes, the same affine matrix.
 * @source NIfTI-1.1 (nifti1.h) of the NIfTI Data Format Working Group
 * @module
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';
import { affineOf } from '../formats/nifti/niftiAffine.ts';
import { headOf } from '../formats/nifti/niftiBytes.ts';
import { readNiftiHeader } from '../formats/nifti/niftiHeader.ts';
import { type MaskStack, resized } from './maskFiles.ts';

/** Header, and four bytes that say that there are no extensions. */
const DATA_AT = 352;
/** DT_UINT8, and the form code of coordinates of the scanner. */
const [UINT8, SCANNER] = [2, 1];

/** The file, compressed; slices that the model has not seen are 0. @throws KonsilError as the reader of the picture's file. */
export async function niftiMask(handles: readonly ImageHandle[], stack: MaskStack): Promise<Uint8Array> {
  const { file } = handles[0]!;
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new KonsilError('FILE_NOT_FOUND', `${file} cannot be read any more`, { file }, { cause });
  });
  const header = readNiftiHeader(headOf(bytes), file);
  const [nx, ny, nz, nt] = header.dims;
  const out = new Uint8Array(DATA_AT + nx * ny * nz * nt);
  const view = new DataView(out.buffer);
  view.setInt32(0, 348, true);
  for (const [i, dim] of [header.rank, ...header.dims, 1, 1, 1].entries()) view.setInt16(40 + 2 * i, dim, true);
  view.setInt16(70, UINT8, true);
  view.setInt16(72, 8, true); // bits a voxel
  for (const [i, distance] of [1, ...header.pixdim].entries()) view.setFloat32(76 + 4 * i, distance, true);
  view.setFloat32(108, DATA_AT, true);
  view.setFloat32(112, 1, true); // slope
  out[123] = header.units;
  const affine = affineOf(header);
  if (affine && affine.method !== 'none') {
    view.setInt16(254, SCANNER, true);
    for (const [i, value] of affine.rows.flat().entries()) view.setFloat32(280 + 4 * i, value, true);
  }
  out.set([0x6e, 0x2b, 0x31, 0], 344); // "n+1"
  const size = stack.height * stack.width;
  for (const [i, { frame }] of handles.slice(0, stack.frames).entries()) {
    const slice = resized(stack.values.subarray(i * size, (i + 1) * size), stack, { height: ny, width: nx });
    out.set(slice, DATA_AT + frame * nx * ny);
  }
  return promisify(gzip)(out);
}
