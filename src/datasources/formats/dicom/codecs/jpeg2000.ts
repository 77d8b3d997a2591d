/**
 * JPEG 2000 (ITU-T T.800) through OpenJPEG and its high-throughput form (T.814) through OpenJPH.
 * @module
 */
import { CodecError } from '../../codecs/codecError.ts';
import { openjpeg } from '../../codecs/openjpeg.ts';
import { WasmCodec } from '../../codecs/wasmCodec.ts';
import { checkSize, type Expected, type Samples } from './samples.ts';
import { samplesOf } from './wasmSamples.ts';

const openjph = new WasmCodec({
  package: '@cornerstonejs/codec-openjph',
  loader: 'wasmjs',
  binary: 'wasm',
  decoder: 'HTJ2KDecoder',
});

/** What the main header of a codestream says. */
interface Codestream extends Expected {
  readonly isHighThroughput: boolean;
  /** Whether the decoder undoes a colour transform, so that red, green, blue come out. */
  readonly hasColourTransform: boolean;
}

/** @throws CodecError when the stream is broken or of another size. */
export async function decodeJpeg2000(bytes: Uint8Array, expected: Expected): Promise<Samples> {
  const start = findCodestream(bytes);
  if (start === undefined) throw new CodecError('is no JPEG 2000 codestream');
  // the boxes around it say nothing that the data set does not
  const stream = bytes.subarray(start);
  const header = readHeader(stream);
  checkSize('JPEG 2000', header, expected);
  const codec = header.isHighThroughput ? openjph : openjpeg;
  return await codec.decode(stream, (decoder, decoded) => ({
    ...samplesOf(decoder.getFrameInfo(), decoded, expected),
    isRgb: header.hasColourTransform,
  }));
}

/** Place of a codestream: at once, or in a box of a JP2 file; undefined when there is none. */
export function findCodestream(bytes: Uint8Array): number | undefined {
  const isStart = (at: number): boolean =>
    bytes[at] === 0xff && bytes[at + 1] === 0x4f && bytes[at + 2] === 0xff && bytes[at + 3] === 0x51;
  if (isStart(0)) return 0;
  if (bytes[4] !== 0x6a || bytes[5] !== 0x50) return undefined;
  // box: length, type "jp2c", contents; length 1 announces one of 64 bits. T.800 §I.4
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at);
    const contents = at + (length === 1 ? 16 : 8);
    if (view.getUint32(at + 4) === 0x6a703263) return isStart(contents) ? contents : undefined;
    if (length < 8) return undefined;
    at += length;
  }
  return undefined;
}

/** SIZ and COD of the main header. @source ITU-T T.800 §A.5.1, §A.6.1. */
function readHeader(bytes: Uint8Array): Codestream {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 44) throw new CodecError(`has ${bytes.length} bytes; expected a JPEG 2000 header`);
  const width = view.getUint32(8) - view.getUint32(16);
  const height = view.getUint32(12) - view.getUint32(20);
  let [isHighThroughput, hasColourTransform] = [false, false];
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0x90) {
    if (bytes[at + 1] === 0x50) isHighThroughput = true; // CAP
    if (bytes[at + 1] === 0x52) hasColourTransform = bytes[at + 8] === 1; // COD
    at += 2 + view.getUint16(at + 2);
  }
  return { width, height, components: view.getUint16(40), isHighThroughput, hasColourTransform };
}
