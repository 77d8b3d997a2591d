/**
 * Masks as files that can be looked at beside the pictures they are of: PNG, and NIfTI where the picture is one.
 * @module
 */
import sharp from 'sharp';
import type { ImageHandle } from '../dataSource.ts';
import { ImageReader } from '../loader/imageReader.ts';
import { maxValueOf, toImage, toRgb } from '../transforms/image.ts';
import { niftiMask } from './niftiMask.ts';

/** A class for each pixel of the pictures of a row. */
export interface MaskStack {
  /** Shape `[frames, height, width]`, in [0, classes). */
  readonly values: Uint8Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** At most 256. */
  readonly classes: number;
}

/** A file to be written. */
export interface MaskFile {
  readonly kind: 'mask' | 'overlay';
  /** Which of the row's pictures it is of; null where there is one, or it is of all. */
  readonly frame: number | null;
  readonly extension: '.png' | '.nii.gz';
  readonly bytes: Uint8Array;
}

/** Share of a mask's colour in an overlay. */
const ALPHA = 0.4;
/** Of classes 1, 2, …: colours that people who see red and green alike tell apart. @source Okabe and Ito (2008) */
const COLOURS: readonly (readonly [number, number, number])[] = [
  ...[[230, 159, 0] as const, [86, 180, 233] as const, [0, 158, 115] as const, [240, 228, 66] as const],
  ...[[0, 114, 178] as const, [213, 94, 0] as const, [204, 121, 167] as const],
];

/** The masks of a row whose pictures are `handles`. @throws KonsilError when a picture cannot be decoded. */
export async function maskFiles(handles: readonly ImageHandle[], stack: MaskStack): Promise<readonly MaskFile[]> {
  if (handles[0]!.format === 'nifti')
    return [{ kind: 'mask', frame: null, extension: '.nii.gz', bytes: await niftiMask(handles, stack) }];
  const reader = new ImageReader();
  const files: MaskFile[] = [];
  const size = stack.height * stack.width;
  for (let frame = 0; frame < stack.frames; frame++) {
    const handle = handles[frame]!;
    const picture = toRgb(toImage(await reader.decode(handle)));
    const mask = resized(stack.values.subarray(frame * size, (frame + 1) * size), stack, picture);
    const place = stack.frames === 1 ? null : frame;
    const grey = mask.map((value) => Math.floor((value * 255) / (stack.classes - 1)));
    const raw = { width: picture.width, height: picture.height };
    const png = await sharp(grey, { raw: { ...raw, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const scale = 255 / maxValueOf(picture.values);
    const over = new Uint8Array(3 * mask.length);
    for (const [i, value] of mask.entries())
      for (let c = 0; c < 3; c++) {
        const own = picture.values[3 * i + c]! * scale;
        const colour = COLOURS[(value - 1) % COLOURS.length]?.[c] ?? 0;
        over[3 * i + c] = Math.round(value === 0 ? own : (1 - ALPHA) * own + ALPHA * colour);
      }
    const overlay = await sharp(over, { raw: { ...raw, channels: 3 } })
      .png()
      .toBuffer();
    files.push({ kind: 'mask', frame: place, extension: '.png', bytes: png });
    files.push({ kind: 'overlay', frame: place, extension: '.png', bytes: overlay });
  }
  return files;
}

/** A mask in another size: each pixel takes the class of the nearest one. */
export function resized(
  mask: Uint8Array,
  from: { readonly height: number; readonly width: number },
  to: { readonly height: number; readonly width: number },
): Uint8Array {
  if (from.height === to.height && from.width === to.width) return mask;
  const out = new Uint8Array(to.height * to.width);
  for (let y = 0; y < to.height; y++) {
    const row = Math.floor(((y + 0.5) * from.height) / to.height) * from.width;
    for (let x = 0; x < to.width; x++)
      out[y * to.width + x] = mask[row + Math.floor(((x + 0.5) * from.width) / to.width)]!;
  }
  return out;
}
