/**
 * Modality values: what stored integers mean, by a slope and intercept or by a table, brighter being more.
 * @module
 */
import { applyLookupTable, readLookupTable } from './colour.ts';
import type { DataSet } from './dataSet.ts';
import { groupItems } from './functionalGroups.ts';
import type { ImageAttributes } from './imageAttributes.ts';
import type { Values } from './storedValues.ts';

const PIXEL_VALUE_TRANSFORMATION = 'x00289145';
const INTERCEPT = 'x00281052';
const SLOPE = 'x00281053';
const MODALITY_LUT = 'x00283000';

/** How stored values become modality values. */
export type ModalityTransform =
  | { readonly kind: 'linear'; readonly slope: number; readonly intercept: number }
  | { readonly kind: 'table'; readonly first: number; readonly entries: Uint8Array | Uint16Array };

/** Of frame `index`: its own functional group, else that of all frames, else the data set's. @throws KonsilError */
export function modalityTransformOf(
  dataSet: DataSet,
  image: ImageAttributes,
  index: number,
  label: string,
): ModalityTransform {
  const table = dataSet.items(MODALITY_LUT)[0];
  if (table !== undefined)
    return { kind: 'table', ...readLookupTable(table, 'x00283002', 'x00283006', image.isSigned, label) };
  const source = groupItems(dataSet, PIXEL_VALUE_TRANSFORMATION, index)[0] ?? dataSet;
  return { kind: 'linear', slope: source.number(SLOPE) ?? 1, intercept: source.number(INTERCEPT) ?? 0 };
}

/**
 * Modality values: integers of the smallest kind that holds all that the bits allow when slope and intercept are
 * integers, else float32. The kind depends on the file alone, not on the frame's values.
 * @param isInverted - Whether the smallest stored value is the brightest: the stored range is then turned around first.
 * @source DICOM PS3.3 §C.11.1.1.2, §C.7.6.3.1.2.
 */
export function modalityValues(
  stored: Values,
  image: ImageAttributes,
  transform: ModalityTransform,
  isInverted: boolean,
): Values {
  const [low, high] = rangeOf(stored, image);
  // of floating-point pixels no range is known that could be turned around
  const flip = isInverted && !(stored instanceof Float32Array) ? low + high : undefined;
  if (transform.kind === 'table') {
    const out =
      transform.entries instanceof Uint8Array ? new Uint8Array(stored.length) : new Uint16Array(stored.length);
    applyLookupTable(flip === undefined ? stored : stored.map((value) => flip - value), transform, out);
    return out;
  }
  const { slope, intercept } = transform;
  if (slope === 1 && intercept === 0 && flip === undefined) return stored;
  const ends = [low * slope + intercept, high * slope + intercept];
  const isInteger = Number.isInteger(slope) && Number.isInteger(intercept) && !(stored instanceof Float32Array);
  const out = isInteger
    ? integersFor(Math.min(...ends), Math.max(...ends), stored.length)
    : new Float32Array(stored.length);
  if (flip === undefined) for (let i = 0; i < stored.length; i++) out[i] = stored[i]! * slope + intercept;
  else for (let i = 0; i < stored.length; i++) out[i] = (flip - stored[i]!) * slope + intercept;
  return out;
}

/** Smallest and largest value that the bits allow; a stream may be signed where the data set is not. */
function rangeOf(stored: Values, { bitsStored, isSigned }: ImageAttributes): readonly [number, number] {
  const signed = isSigned || stored instanceof Int16Array || stored instanceof Int32Array;
  return signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
}

function integersFor(low: number, high: number, length: number): Values {
  if (low >= 0 && high <= 0xff) return new Uint8Array(length);
  if (low >= 0 && high <= 0xffff) return new Uint16Array(length);
  if (low >= -0x8000 && high <= 0x7fff) return new Int16Array(length);
  if (low >= 0 && high <= 0xffffffff) return new Uint32Array(length);
  if (low >= -0x80000000 && high <= 0x7fffffff) return new Int32Array(length);
  return new Float32Array(length);
}
