/**
 * Where voxels lie in the space of the scanner: the three methods of the NIfTI standard.
 * @module
 */
import type { NiftiHeader } from './niftiHeader.ts';

/** Three rows of four: `[x y z]ᵀ = A·[i j k 1]ᵀ`, in the file's units, +x right, +y anterior, +z superior. */
export interface NiftiAffine {
  /** Method 3, 2 and 1 of the standard; `none`: distances alone, no orientation. */
  readonly method: 'sform' | 'qform' | 'none';
  readonly rows: readonly (readonly number[])[];
}

/** The affine matrix by sform, else by qform, else by distances alone; null when it holds what is no finite number. */
export function affineOf({ affine, pixdim }: NiftiHeader): NiftiAffine | null {
  const result = ((): NiftiAffine => {
    if (affine.sformCode > 0)
      return { method: 'sform', rows: [0, 4, 8].map((start) => affine.sform.slice(start, start + 4)) };
    // a distance that is not there counts as 1
    const scale = [0, 1, 2].map((axis) => pixdim[axis]! || 1);
    if (affine.qformCode <= 0)
      return { method: 'none', rows: [0, 1, 2].map((row) => [0, 1, 2, 3].map((c) => (c === row ? scale[c]! : 0))) };
    const rotation = rotationOf(affine.quaternion);
    const zScale = scale[2]! * affine.qfac;
    return {
      method: 'qform',
      rows: rotation.map(([x, y, z], row) => [x! * scale[0]!, y! * scale[1]!, z! * zScale, affine.offset[row]!]),
    };
  })();
  return result.rows.flat().every(Number.isFinite) ? result : null;
}

/** Rotation matrix of the unit quaternion a + bi + cj + dk with a ≥ 0. @source nifti1.h, "METHOD 2" */
function rotationOf([b0, c0, d0]: readonly [number, number, number]): number[][] {
  let [b, c, d] = [b0, c0, d0];
  const norm = b * b + c * c + d * d;
  let a = Math.sqrt(Math.max(0, 1 - norm));
  // a turn by 180°: rounding must not make it longer than 1
  if (1 - norm < 1e-7) {
    const scale = 1 / Math.sqrt(norm);
    [a, b, c, d] = [0, b * scale, c * scale, d * scale];
  }
  return [
    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
    [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
  ];
}
