/**
 * JPEG-LS (ITU-T T.87) through CharLS.
 * @module
 */
import { CodecError } from '../../codecs/codecError.ts';
import { WasmCodec } from '../../codecs/wasmCodec.ts';
import { checkSize, type Expected, type Samples } from './samples.ts';
import { interleave, samplesOf } from './wasmSamples.ts';

const charls = new WasmCodec({
  package: '@cornerstonejs/codec-charls',
  loader: 'decodewasmjs',
  binary: 'decodewasm',
  decoder: 'JpegLSDecoder',
});

/** @throws CodecError when the stream is broken or of another size. */
export async function decodeJpegLs(bytes: Uint8Array, expected: Expected): Promise<Samples> {
  checkSize('JPEG-LS', readSize(bytes), expected);
  return await charls.decode(bytes, (decoder, decoded) => {
    const samples = samplesOf(decoder.getFrameInfo(), decoded, expected);
    // components coded one after another come out so
    const isPlanar = expected.components > 1 && decoder.getInterleaveMode?.() === 0;
    return isPlanar ? { ...samples, values: interleave(samples.values, expected.components) } : samples;
  });
}

/** Size in the frame header, marker FFF7. @source ITU-T T.87 §C.2.2. */
function readSize(bytes: Uint8Array): Expected {
  let at = 2;
  while (bytes[0] === 0xff && bytes[1] === 0xd8 && at + 10 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    const word = (offset: number): number => (bytes[at + offset]! << 8) | bytes[at + offset + 1]!;
    if (marker === 0xf7) return { height: word(5), width: word(7), components: bytes[at + 9]! };
    if (marker === 0xff) at++;
    else if (marker === 0xda) break;
    else at += 2 + word(2);
  }
  throw new CodecError('has no JPEG-LS frame header');
}
