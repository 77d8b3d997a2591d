/**
 * Decodes images by their handles. The files last used stay in memory: volumes have hundreds of images.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';
import type { ImageRecord, PixelData } from '../formats/imageRecord.ts';
import { openFormat } from '../formats/registry.ts';

/** Files kept. */
const OPEN_FILES = 4;

export class ImageReader {
  /** In the order of their last use. */
  readonly #open = new Map<string, Promise<readonly ImageRecord[]>>();

  /**
   * The pixels of an image.
   * @throws KonsilError FILE_NOT_FOUND when the file is gone, DATA_INVALID when it is not what it was, or as the format's
   *   reader does.
   */
  async decode(handle: ImageHandle): Promise<PixelData> {
    try {
      return await this.#decode(handle);
    } catch (error) {
      // the file is a fact of its own: what goes out to others can then be without it
      if (!isKonsilError(error) || error.facts['file'] !== undefined) throw error;
      throw new KonsilError(error.code, error.message, { ...error.facts, file: handle.file });
    }
  }

  async #decode(handle: ImageHandle): Promise<PixelData> {
    const record = (await this.#records(handle))[handle.record];
    if (record === undefined || handle.frame >= record.frames)
      throw new KonsilError(
        'DATA_INVALID',
        `${handle.file}: has no image ${handle.frame} of record ${handle.record} any more; expected the file as it was when it was listed`,
      );
    return record.frame(handle.frame);
  }

  async #records({ file, format }: ImageHandle): Promise<readonly ImageRecord[]> {
    const found = this.#open.get(file);
    if (found !== undefined) {
      this.#open.delete(file);
      this.#open.set(file, found);
      return found;
    }
    const opened = read(file, format);
    this.#open.set(file, opened);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= OPEN_FILES) break;
      this.#open.delete(oldest);
    }
    opened.catch(() => this.#open.delete(file));
    return opened;
  }
}

async function read(file: string, format: ImageHandle['format']): Promise<readonly ImageRecord[]> {
  const reader = await openFormat(format);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new KonsilError('FILE_NOT_FOUND', `${file} cannot be read any more`, { file }, { cause });
  });
  return reader.read(bytes, file);
}
