/**
 * The range of values that is shown from black to white, where the file says one.
 * @module
 */
import type { PixelData, ValueWindow } from '../imageRecord.ts';
import type { DataSet } from './dataSet.ts';
import type { ImageAttributes } from './imageAttributes.ts';

const CENTER = 'x00281050';
const WIDTH = 'x00281051';
const INTERCEPT = 'x00281052';
const SLOPE = 'x00281053';

/**
 * First window of the file; without one, all that unsigned stored bits can hold. None for colours, and for images whose
 * smallest value is the brightest, which are turned around.
 * @source DICOM PS3.3 §C.11.2.1.2.1 (LINEAR)
 */
export function windowOf(
  dataSet: DataSet,
  { bitsStored, isSigned, photometric }: Pick<ImageAttributes, 'bitsStored' | 'isSigned' | 'photometric'>,
  { channels, values }: PixelData,
): ValueWindow | undefined {
  if (channels !== 1 || photometric !== 'MONOCHROME2') return undefined;
  const [center, width] = [dataSet.number(CENTER), dataSet.number(WIDTH)];
  if (center !== undefined && width !== undefined && width > 1)
    return { low: center - 0.5 - (width - 1) / 2, high: center - 0.5 + (width - 1) / 2 };
  const isRescaled = (dataSet.number(SLOPE) ?? 1) !== 1 || (dataSet.number(INTERCEPT) ?? 0) !== 0;
  if (isSigned || isRescaled || values instanceof Float32Array) return undefined;
  // 12 bits in 16 would be nearly black otherwise
  return bitsStored === 8 || bitsStored === 16 ? undefined : { low: 0, high: 2 ** bitsStored - 1 };
}
