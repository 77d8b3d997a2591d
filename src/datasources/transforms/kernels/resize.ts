/**
 * Resizing with the numbers of OpenCV.
 *
 * Decision: the kernels are our own. libvips, which decodes the files, resizes too, but places pixels and rounds in
 * another way, so a model trained elsewhere with Albumentations would meet other pixels here.
 * @module
 */
import { type Image, imageLike } from '../image.ts';
import { INTERPOLATION, type Interpolation } from './interpolation.ts';
import { resizeByArea } from './resizeArea.ts';
import { resizeByKernel } from './resizeLinear.ts';

/** The image as `cv2.resize(image, (width, height), interpolation=…)` gives it; the same object when nothing changes. */
export function resize(image: Image, height: number, width: number, interpolation: Interpolation): Image {
  if (image.height === height && image.width === width) return image;
  if (interpolation === INTERPOLATION.nearest) return resizeNearest(image, height, width);
  const shrinks = image.width >= width && image.height >= height;
  // OpenCV does so too: halving by bilinear interpolation is the mean of four
  const isHalf = image.width === 2 * width && image.height === 2 * height && interpolation === INTERPOLATION.linear;
  if (isHalf || (interpolation === INTERPOLATION.area && shrinks)) return resizeByArea(image, height, width);
  return resizeByKernel(image, height, width, interpolation);
}

function resizeNearest(image: Image, height: number, width: number): Image {
  const out = imageLike(image, height, width);
  const { channels, values } = image;
  const scaleX = 1 / (width / image.width);
  const scaleY = 1 / (height / image.height);
  const offsets = Int32Array.from(
    { length: width },
    (_, x) => Math.min(Math.floor(x * scaleX), image.width - 1) * channels,
  );
  let to = 0;
  for (let y = 0; y < height; y++) {
    const base = Math.min(Math.floor(y * scaleY), image.height - 1) * image.width * channels;
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) out.values[to++] = values[base + offsets[x]! + c]!;
  }
  return out;
}
