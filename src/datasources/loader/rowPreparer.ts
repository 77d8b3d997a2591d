/**
 * From the handles of a row's images to the numbers a model takes.
 * @module
 */
import { readMask } from '../masks/readMask.ts';
import {
  applyTransforms,
  DEFAULT_TRANSFORMS,
  parseTransforms,
  type TransformPipeline,
  toImage,
} from '../transforms/index.ts';
import type { ImageReader } from './imageReader.ts';
import type { PreparedRow, RowJob } from './messages.ts';

export class RowPreparer {
  readonly #reader: ImageReader;
  readonly #pipelines = new Map<string, TransformPipeline>();

  constructor(reader: ImageReader) {
    this.#reader = reader;
  }

  /** @throws KonsilError as the format's reader does, CONFIG_INVALID for transforms that do not fit the image. */
  async prepare({ images, draw }: RowJob): Promise<PreparedRow> {
    const prepared = [];
    for (const [i, { handle, transforms, convertsGreyscale, mask }] of images.entries()) {
      const pixels = await this.#reader.decode(handle);
      const labels = mask && (await readMask(this.#reader, mask.handle, mask.greys, pixels));
      // each column of a row draws for itself; what is random in evaluation is at least always the same
      const draws = { seed: draw?.seed ?? 0, epoch: draw?.step ?? 0, key: `${draw?.row ?? 0}/${i}` };
      const pipeline = this.#pipeline(transforms);
      const { width, height } = pixels;
      const image = {
        ...toImage(pixels),
        ...(labels && { mask: { width, height, channels: 1, values: labels } as const }),
      };
      prepared.push(applyTransforms(image, pipeline, { ...draws, autoConvertGrayscale: convertsGreyscale }));
    }
    const values = new Float32Array(prepared.reduce((sum, image) => sum + image.values.length, 0));
    let at = 0;
    for (const image of prepared) {
      values.set(image.values, at);
      at += image.values.length;
    }
    const masked = prepared.find(({ mask }) => mask !== undefined);
    return {
      values,
      shapes: prepared.map(({ channels, height, width }) => ({ channels, height, width })),
      ...(masked?.mask && { mask: masked.mask }),
    };
  }

  #pipeline(json: string): TransformPipeline {
    let found = this.#pipelines.get(json);
    if (found === undefined) {
      found = parseTransforms((JSON.parse(json) as readonly unknown[] | null) ?? DEFAULT_TRANSFORMS, 'transforms');
      this.#pipelines.set(json, found);
    }
    return found;
  }
}
