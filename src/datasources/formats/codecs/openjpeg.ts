/**
 * JPEG 2000 (ISO/IEC 15444-1) by OpenJPEG in WebAssembly. The engine is told the size by the file, so the header is looked
 * at first: what it claims is bounded here, and what comes back is compared with it.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { ByteReader } from '../byteReader.ts';
import { CodecError } from './codecError.ts';
import { WasmCodec } from './wasmCodec.ts';

/** What the codestream says of itself. */
export interface J2kHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Of one sample, in [1, 16]. */
  readonly bits: number;
  readonly isSigned: boolean;
}

/** A decoded image. */
export interface J2kImage extends J2kHeader {
  /** Shape `[height, width, channels]`. */
  readonly values: Uint8Array | Uint16Array | Int16Array;
}

/**
 * Most samples of one image. OpenJPEG holds 4 bytes a sample and more, and 2^26 are above any camera's picture; 33 kB that
 * claimed 2^28 took 6.6 s and 1.4 GB.
 */
export const MAX_J2K_SAMPLES = 1 << 26;

const SOC_SIZ = 0xff4fff51;
/** Bytes from the beginning of the codestream; three bytes a channel from the second on. */
const SIZ_CHANNELS = 40;
const SIZ_PRECISION = 42;
const JP2_SIGNATURE = 0x6a502020;
const CODESTREAM_BOX = 0x6a703263;

/** The decoder, for DICOM's streams too. */
export const openjpeg = new WasmCodec({
  package: '@cornerstonejs/codec-openjpeg',
  loader: 'decodewasmjs',
  binary: 'decodewasm',
  decoder: 'J2KDecoder',
});

/** Offset of the codestream: at once, or inside the boxes of a JP2 file (Annex I). */
function codestreamAt(reader: ByteReader): number {
  const big = new ByteReader(reader.bytes, reader.label, { bigEndian: true });
  if (big.length < 12 || big.u32(4) !== JP2_SIGNATURE) return 0;
  for (let at = 0; big.has(at, 8); ) {
    const size = big.u32(at);
    if (big.u32(at + 4) === CODESTREAM_BOX) return at + (size === 1 ? 16 : 8);
    // 0: to the end of the file; 1: a 64-bit size, that only a codestream needs
    if (size < 8) break;
    at += size;
  }
  throw reader.invalid(0, 'a JP2 file without a codestream');
}

/**
 * Reads the SIZ marker segment (A.5.1).
 * @throws KonsilError DATA_INVALID unless a codestream begins so, DATA_UNSUPPORTED for a number of channels other than 1
 * and 3, channels of unlike sizes, more than 16 bits or more than {@link MAX_J2K_SAMPLES} samples.
 */
export function readJ2kHeader(bytes: Uint8Array, label: string): J2kHeader {
  const start = codestreamAt(new ByteReader(bytes, label));
  const reader = new ByteReader(bytes.subarray(start), label, { bigEndian: true, base: start });
  if (reader.u32(0) !== SOC_SIZ) throw reader.invalid(0, 'a JPEG 2000 codestream expected');
  const width = reader.u32(8) - reader.u32(16);
  const height = reader.u32(12) - reader.u32(20);
  const channels = reader.u16(SIZ_CHANNELS);
  const precision = reader.u8(SIZ_PRECISION);
  const bits = (precision & 0x7f) + 1;
  if (width < 1 || height < 1 || channels < 1) throw reader.invalid(8, 'an image without pixels');
  const unsupported = (what: string): KonsilError =>
    new KonsilError('DATA_UNSUPPORTED', `${label}: JPEG 2000 image ${what}`);
  // the engine aborts at 2 and at 4
  if ((channels !== 1 && channels !== 3) || bits > 16)
    throw unsupported('other than of 1 or 3 channels of up to 16 bits');
  if (width * height * channels > MAX_J2K_SAMPLES) throw unsupported(`of more than ${MAX_J2K_SAMPLES} samples`);
  for (let c = 0; c < channels; c++)
    if (reader.u8(SIZ_PRECISION + 3 * c) !== precision || reader.u16(SIZ_PRECISION + 3 * c + 1) !== 0x0101)
      throw unsupported('with channels of unlike size or depth');
  return { width, height, channels, bits, isSigned: precision > 0x7f };
}

/** What the decoder makes of the bytes; undefined when it says that the image is broken, or breaks itself. */
async function run(bytes: Uint8Array) {
  try {
    return await openjpeg.decode(bytes, (decoder, decoded) => {
      const { width, height, componentCount: channels, bitsPerSample: bits, isSigned } = decoder.getFrameInfo();
      // a copy: the memory of the decoder is used again
      return { width, height, channels, bits, isSigned, samples: new Uint8Array(decoded) };
    });
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/**
 * Decodes a codestream, bare or in a JP2 file.
 * @param label - The file and the image in it, for messages.
 * @throws KonsilError DATA_INVALID when it is broken; as {@link readJ2kHeader} besides.
 */
export async function decodeJ2k(bytes: Uint8Array, label: string): Promise<J2kImage> {
  const header = readJ2kHeader(bytes, label);
  const { width, height, channels, bits, isSigned } = header;
  // the engine clamps negative samples of 8 bits to 0: they are decoded as unsigned, which adds 2^(bits-1)
  const isShifted = isSigned && bits <= 8;
  const found = await run(isShifted ? asUnsigned(bytes, header, label) : bytes);
  const bytesPerSample = bits > 8 ? 2 : 1;
  if (
    found === undefined ||
    found.width !== width ||
    found.height !== height ||
    found.channels !== channels ||
    found.bits !== bits ||
    found.isSigned !== (isSigned && !isShifted) ||
    found.samples.length !== width * height * channels * bytesPerSample
  )
    throw new KonsilError('DATA_INVALID', `${label}: the JPEG 2000 image does not decode`);
  const { samples } = found;
  if (isShifted) return { ...header, values: Int16Array.from(samples, (value) => value - 2 ** (bits - 1)) };
  if (bytesPerSample === 1) return { ...header, values: samples };
  return { ...header, values: isSigned ? new Int16Array(samples.buffer) : new Uint16Array(samples.buffer) };
}

/** The codestream with the signs of its channels cleared; a copy. */
function asUnsigned(bytes: Uint8Array, { channels, bits }: J2kHeader, label: string): Uint8Array {
  const copy = new Uint8Array(bytes);
  const start = codestreamAt(new ByteReader(bytes, label));
  for (let c = 0; c < channels; c++) copy[start + SIZ_PRECISION + 3 * c] = bits - 1;
  return copy;
}
