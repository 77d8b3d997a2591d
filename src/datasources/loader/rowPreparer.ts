/**
 * From the handles of a row's images to the numbers a model takes.
 * @module
 */
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
    for (const [i, { handle, transforms, convertsGreyscale }] of images.entries()) {
      const pixels = await this.#reader.decode(handle);
      // each column of a row draws for itself; what is random in evaluation is at least always the same
      const draws = { seed: draw?.seed ?? 0, epoch: draw?.step ?? 0, key: `${draw?.row ?? 0}/${i}` };
      const pipeline = this.#pipeline(transforms);
      prepared.push(applyTransforms(toImage(pixels), pipeline, { ...draws, autoConvertGrayscale: convertsGreyscale }));
    }
    const values = new Float32Array(prepared.reduce((sum, image) => sum + image.values.length, 0));
    let at = 0;
    for (const image of prepared) {
      values.set(image.values, at);
      at += image.values.length;
    }
    return { values, shapes: prepared.map(({ channels, height, width }) => ({ channels, height, width })) };
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
