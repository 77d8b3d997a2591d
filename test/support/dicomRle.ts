/**
 * RLE as DICOM files have it, from the definition: a plane of bytes a segment, the most significant first.
 * @module
 */
import { concatBytes } from '../../src/base/index.ts';

/** Stream of one frame whose samples lie together. @source DICOM PS3.5 Annex G. */
export function encodeRle(values: ArrayBufferView, samples: number, sampleBytes: number): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const stride = samples * sampleBytes;
  const segments: Uint8Array[] = [];
  for (let sample = 0; sample < samples; sample++)
    for (let byte = sampleBytes - 1; byte >= 0; byte--) {
      const plane = bytes.filter((_, i) => i % stride === sample * sampleBytes + byte);
      segments.push(encodeRuns(plane));
    }
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, segments.length, true);
  let at = 64;
  segments.forEach((segment, i) => {
    header.setUint32(4 + 4 * i, at, true);
    at += segment.length;
  });
  return concatBytes(new Uint8Array(header.buffer), ...segments);
}

function encodeRuns(plane: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < plane.length; ) {
    let run = 1;
    while (run < 128 && at + run < plane.length && plane[at + run] === plane[at]) run++;
    if (run > 1) out.push(257 - run, plane[at]!);
    else {
      while (run < 128 && at + run < plane.length && plane[at + run] !== plane[at + run - 1]) run++;
      out.push(run - 1, ...plane.subarray(at, at + run));
    }
    at += run;
  }
  if (out.length % 2 === 1) out.push(128);
  return Uint8Array.from(out);
}
