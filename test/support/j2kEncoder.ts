/**
 * JPEG 2000 codestreams for tests, by the encoder of OpenJPEG: lossless.
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Encoder {
  getDecodedBuffer(frame: object): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setQuality(isLossless: boolean, ratio: number): void;
  setDecompositions(levels: number): void;
  encode(): void;
  delete(): void;
}
type Factory = (options: object) => Promise<{ readonly J2KEncoder: new () => Encoder }>;

const require = createRequire(import.meta.url);

/** @param samples - Bytes of shape `[height, width, channels]`, two little-endian a sample above 8 bits. */
export async function encodeJ2k(
  samples: Uint8Array,
  frame: { width: number; height: number; channels?: number; bits?: number; isSigned?: boolean },
): Promise<Uint8Array> {
  const start = require('@cornerstonejs/codec-openjpeg/wasmjs') as Factory;
  const silent = (): void => {};
  const wasmBinary = readFileSync(require.resolve('@cornerstonejs/codec-openjpeg/wasm'));
  const { J2KEncoder } = await start({ wasmBinary, print: silent, printErr: silent });
  const encoder = new J2KEncoder();
  const { width, height, channels = 1, bits = 8, isSigned = false } = frame;
  encoder
    .getDecodedBuffer({ ...{ width, height, isSigned }, bitsPerSample: bits, componentCount: channels })
    .set(samples);
  encoder.setQuality(true, 0);
  // each halves the image, which must have pixels left
  encoder.setDecompositions(Math.min(width, height) > 1 ? 1 : 0);
  encoder.encode();
  const encoded = new Uint8Array(encoder.getEncodedBuffer());
  encoder.delete();
  return encoded;
}
