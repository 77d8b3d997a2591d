/**
 * Small images for tests of transforms, and short ways to run a list on them.
 * @module
 */
import { seededRng } from '../../src/base/index.ts';
import {
  applyTransforms,
  type Draws,
  type Image,
  type ImageTensor,
  parseTransforms,
  type Samples,
} from '../../src/datasources/transforms/index.ts';

/** Of {@link apply}. */
const DRAWS = { seed: 5, epoch: 2, key: 'row 17' } as const;

/** The result of a list; grey stays grey unless `draws` says otherwise. */
export function apply(image: Image, list: unknown, draws: Partial<Draws> = {}): ImageTensor {
  return applyTransforms(image, parseTransforms(list, 'list'), { ...DRAWS, autoConvertGrayscale: false, ...draws });
}

/** 8 bits, one channel. */
export function grey(height: number, width: number, of: (y: number, x: number) => number): Image {
  const values = Uint8Array.from({ length: height * width }, (_, i) => of(Math.floor(i / width), i % width));
  return { height, width, channels: 1, values };
}

/** Values of the type of `like`, over its whole range. */
export function noise(height: number, width: number, channels: 1 | 3, like: Samples): Image {
  const rng = seededRng(3, 'noise');
  const most = like instanceof Uint8Array ? 255 : like instanceof Uint16Array ? 65535 : 1;
  const make = (): number => (most === 1 ? rng() : Math.floor(rng() * (most + 1)));
  const list = Array.from({ length: height * width * channels }, make);
  const values = most === 255 ? Uint8Array.from(list) : most === 1 ? Float32Array.from(list) : Uint16Array.from(list);
  return { height, width, channels, values };
}

/** Results of the same list for many rows. */
export function forRows(image: Image, list: unknown, rows: number): Float32Array[] {
  const pipeline = parseTransforms(list, 'list');
  return Array.from({ length: rows }, (_, key) => {
    return applyTransforms(image, pipeline, { seed: 1, epoch: 0, key, autoConvertGrayscale: false }).values;
  });
}
