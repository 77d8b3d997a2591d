/**
 * A mask from a file: the class of each pixel, by its grey value.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';
import type { ImageReader } from '../loader/imageReader.ts';
import { resized } from './maskStack.ts';

/**
 * Classes of pixels, shape `[height, width]`; a mask of another size is sampled at the nearest pixel.
 * @param greys - Grey value of each class; at most 256.
 * @throws KonsilError DATA_INVALID naming the file for a pixel that is coloured or of another value; as the reader does.
 */
export async function readMask(
  reader: ImageReader,
  handle: ImageHandle,
  greys: readonly number[],
  to: { readonly height: number; readonly width: number },
): Promise<Uint8Array> {
  const { width, height, channels, values } = await reader.decode(handle);
  const codes = new Map(greys.map((grey, c) => [grey, c]));
  const { file } = handle;
  const classes = Uint8Array.from({ length: width * height }, (_, i) => {
    const grey = values[i * channels]!;
    const isGrey = channels === 1 || (values[i * channels + 1] === grey && values[i * channels + 2] === grey);
    const code = isGrey ? codes.get(grey) : undefined;
    if (code === undefined)
      throw new KonsilError(
        'DATA_INVALID',
        `${file}: a pixel of the mask is ${isGrey ? "none of the task's grey values" : 'no grey'}; expected ${greys.length <= 20 ? greys.join(', ') : `one of ${greys.length}`}`,
        { file },
      );
    return code;
  });
  return resized(classes, { height, width }, to);
}
