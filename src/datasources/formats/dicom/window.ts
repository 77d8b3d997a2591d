/**
 * The range of values that is shown from black to white, where the file says one.
 * @module
 */
import type { Cell } from '../../value.ts';
import type { PixelData, ValueWindow } from '../imageRecord.ts';
import type { ImageAttributes } from './imageAttributes.ts';

/**
 * First window of the file; without one, all that unsigned stored bits can hold. None for colours, and for images whose
 * smallest value is the brightest, which are turned around.
 * @source DICOM PS3.3 §C.11.2.1.2.1 (LINEAR)
 */
export function windowOf(
  columns: Readonly<Record<string, Cell>>,
  { bitsStored, isSigned }: Pick<ImageAttributes, 'bitsStored' | 'isSigned'>,
  pixels: PixelData,
): ValueWindow | undefined {
  if (pixels.channels !== 1 || columns['PhotometricInterpretation'] !== 'MONOCHROME2') return undefined;
  const [center, width] = [firstNumber(columns['WindowCenter']), firstNumber(columns['WindowWidth'])];
  if (center !== undefined && width !== undefined && width > 1)
    return { low: center - 0.5 - (width - 1) / 2, high: center - 0.5 + (width - 1) / 2 };
  const isRescaled = (columns['RescaleSlope'] ?? 1) !== 1 || (columns['RescaleIntercept'] ?? 0) !== 0;
  if (isSigned || isRescaled || pixels.values instanceof Float32Array) return undefined;
  // 12 bits in 16 would be nearly black otherwise
  return bitsStored === 8 || bitsStored === 16 ? undefined : { low: 0, high: 2 ** bitsStored - 1 };
}

function firstNumber(cell: Cell | undefined): number | undefined {
  if (typeof cell === 'number') return cell;
  const first = typeof cell === 'string' ? Number(cell.split('\\')[0]) : Number.NaN;
  return Number.isFinite(first) ? first : undefined;
}
