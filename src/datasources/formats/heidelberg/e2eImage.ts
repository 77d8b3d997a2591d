/**
 * Images of an E2E file: B-scans of 16-bit reflectivities, and pictures of 8-bit grey.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { MAX_PIXELS } from '../imageRecord.ts';
import type { E2eChunk } from './e2eContainer.ts';
import { greyTable, ufloat16Table } from './grey.ts';
import type { HeidelbergImage } from './series.ts';

const HEADER_BYTES = 20;

/** What a chunk of type 0x40000000 holds. */
export interface E2eImage extends HeidelbergImage {
  readonly modality: 'OCT' | 'SLO';
}

/**
 * Reads the header of an image chunk: size, kind, number, height, width; the data behind it are looked at when they are
 * asked for.
 * @throws KonsilError DATA_INVALID for a size that no image has, DATA_UNSUPPORTED for a kind other than 8 and 16 bits.
 */
export function readE2eImage(chunk: E2eChunk): E2eImage {
  const { payload } = chunk;
  const kind = payload.u32(4);
  const height = payload.u32(12);
  const width = payload.u32(16);
  if (width < 1 || height < 1 || width * height > MAX_PIXELS)
    throw payload.invalid(12, `an image of 1 to ${MAX_PIXELS} pixels expected`);
  // byte 2 of the kind says how a pixel is stored
  const code = (kind >>> 16) & 0xff;
  if (code !== 0x01 && code !== 0x20)
    throw new KonsilError('DATA_UNSUPPORTED', `${payload.label}: an image of a kind of pixels that is not known`);
  const pixelBytes = code === 0x20 ? 2 : 1;
  const data = (): Uint8Array => {
    if (!chunk.isIntact()) throw payload.invalid(0, 'an image with its checksum expected');
    return payload.slice(HEADER_BYTES, width * height * pixelBytes);
  };
  const modality = chunk.subId === 0 ? 'SLO' : chunk.subId === 1 || pixelBytes === 2 ? 'OCT' : 'SLO';
  if (pixelBytes === 1) {
    return {
      ...{ modality, width, height },
      grey: () => ({ width, height, channels: 1, values: data().slice() }),
      raw: () => Float32Array.from(data()),
    };
  }
  return {
    ...{ modality, width, height },
    grey: () => ({ width, height, channels: 1, values: lookUp(data(), greyTable(), new Uint8Array(width * height)) }),
    raw: () => lookUp(data(), ufloat16Table(), new Float32Array(width * height)),
  };
}

function lookUp<T extends Uint8Array | Float32Array>(data: Uint8Array, table: T, out: T): T {
  for (let i = 0; i < out.length; i++) out[i] = table[data[2 * i]! | (data[2 * i + 1]! << 8)]!;
  return out;
}
