/**
 * Samples copied out of a decoder's memory, after a check of how many there are.
 * @module
 */

import { CodecError } from '../../codecs/codecError.ts';
import type { FrameInfo } from '../../codecs/wasmCodec.ts';
import type { PixelData } from '../../imageRecord.ts';
import { checkSize, type Expected, type Samples } from './samples.ts';

/** A copy of decoded bytes, of 8 or 16 bits as the stream says. @throws CodecError when there are more or fewer. */
export function samplesOf(info: FrameInfo, decoded: Uint8Array, expected: Expected): Samples {
  const { width, height, componentCount: components, bitsPerSample } = info;
  checkSize('decoded', { width, height, components }, expected);
  if (bitsPerSample > 16) throw new CodecError(`has ${bitsPerSample} bits per sample; expected at most 16`, true);
  const sampleBytes = bitsPerSample > 8 ? 2 : 1;
  const length = width * height * components;
  // decoders exist that report a failure by giving nothing
  if (decoded.length !== length * sampleBytes)
    throw new CodecError(`gave ${decoded.length} bytes when decoded; expected ${length * sampleBytes}`);
  const copy = decoded.slice().buffer;
  const isSigned = info.isSigned === true;
  const size = { width, height, components, isRgb: false };
  if (sampleBytes === 2) return { ...size, isSigned, values: isSigned ? new Int16Array(copy) : new Uint16Array(copy) };
  if (isSigned) return { ...size, isSigned, values: Int16Array.from(new Int8Array(copy)) };
  return { ...size, isSigned, values: new Uint8Array(copy) };
}

/** Planes one after another as samples of each pixel together. */
export function interleave<Values extends PixelData['values']>(planes: Values, components: number): Values {
  const out = planes.slice() as Values;
  const pixels = planes.length / components;
  for (let component = 0; component < components; component++)
    for (let i = 0; i < pixels; i++) out[i * components + component] = planes[component * pixels + i]!;
  return out;
}
