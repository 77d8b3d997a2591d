/**
 * 8-bit JPEG with DCT through libjpeg-turbo.
 * @module
 */
import { concatBytes } from '../../../../base/index.ts';
import { WasmCodec } from '../../codecs/wasmCodec.ts';
import type { JpegHeader } from './jpeg/header.ts';
import { type Expected, type Samples } from './samples.ts';
import { samplesOf } from './wasmSamples.ts';

const turbo = new WasmCodec({
  package: '@cornerstonejs/codec-libjpeg-turbo-8bit',
  loader: 'decodewasmjs',
  binary: 'decodewasm',
  decoder: 'JPEGDecoder',
});

/** Adobe segment that says that components were not transformed. */
const NOT_TRANSFORMED = Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0);

/**
 * @param isRgb - Whether the data set says that three components are red, green, blue. The decoder takes them for luma
 * and chroma unless the stream itself says so, which it often does not.
 * @throws CodecError when the stream, whose header was checked, is broken.
 */
export async function decodeJpegTurbo(
  bytes: Uint8Array,
  header: JpegHeader,
  expected: Expected,
  isRgb: boolean,
): Promise<Samples> {
  const isSilent = header.components === 3 && !header.hasJfif && header.adobeTransform === undefined;
  const stream = isSilent && isRgb ? concatBytes(bytes.subarray(0, 2), NOT_TRANSFORMED, bytes.subarray(2)) : bytes;
  return await turbo.decode(stream, (decoder, decoded) => ({
    ...samplesOf({ ...decoder.getFrameInfo(), bitsPerSample: 8 }, decoded, expected),
    isRgb: true,
  }));
}
