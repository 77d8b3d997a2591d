/**
 * Contrast limited adaptive histogram equalisation (CLAHE) of 8-bit images.
 *
 * @source OpenCV 4.6 `CLAHE_Impl`; Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV
 * (1994).
 * @module
 */
import { type Image, roundHalfEven } from '../image.ts';
import { BORDER, borderPlace } from './border.ts';
import { labToRgb, rgbToLab } from './lab.ts';

const f = Math.fround;
const LEVELS = 256;

export interface ClaheOptions {
  /** Most that a level may have of a tile, times its mean. */
  readonly clipLimit: number;
  /** Tiles down and across, in the order of `cv2.createCLAHE(tileGridSize=…)`: across first. */
  readonly tiles: readonly [number, number];
}

/** Grey: as it is; RGB: L of L*a*b*. */
export function clahe(image: Image, values: Uint8Array, options: ClaheOptions): Image {
  const { width, height, channels } = image;
  if (channels === 1) return { ...image, values: claheChannel(values, width, height, options) };
  const lab = rgbToLab(values);
  const light = new Uint8Array(width * height);
  for (let i = 0; i < light.length; i++) light[i] = lab[3 * i]!;
  const equalized = claheChannel(light, width, height, options);
  for (let i = 0; i < light.length; i++) lab[3 * i] = equalized[i]!;
  return { ...image, values: labToRgb(lab) };
}

function claheChannel(values: Uint8Array, width: number, height: number, options: ClaheOptions): Uint8Array {
  const [across, down] = options.tiles;
  // when one direction does not divide, OpenCV lengthens both: one that does by a whole row of tiles' worth
  const divides = width % across === 0 && height % down === 0;
  const tileWidth = divides ? width / across : Math.floor(width / across) + 1;
  const tileHeight = divides ? height / down : Math.floor(height / down) + 1;
  const tables = new Uint8Array(across * down * LEVELS);
  for (let ty = 0; ty < down; ty++)
    for (let tx = 0; tx < across; tx++) {
      const counts = new Int32Array(LEVELS);
      for (let y = ty * tileHeight; y < (ty + 1) * tileHeight; y++) {
        const row = borderPlace(y, height, BORDER.reflect101) * width;
        for (let x = tx * tileWidth; x < (tx + 1) * tileWidth; x++)
          counts[values[row + borderPlace(x, width, BORDER.reflect101)]!]!++;
      }
      writeTable(counts, tileWidth * tileHeight, options.clipLimit, tables, (ty * across + tx) * LEVELS);
    }
  return interpolate({ values, width, height, tables, across, down, tileWidth, tileHeight });
}

function writeTable(counts: Int32Array, area: number, clipLimit: number, tables: Uint8Array, at: number): void {
  const limit = clipLimit > 0 ? Math.max(1, Math.trunc((clipLimit * area) / LEVELS)) : area;
  let clipped = 0;
  for (let level = 0; level < LEVELS; level++) {
    const excess = counts[level]! - limit;
    if (excess <= 0) continue;
    clipped += excess;
    counts[level] = limit;
  }
  const share = Math.floor(clipped / LEVELS);
  let rest = clipped - share * LEVELS;
  for (let level = 0; level < LEVELS; level++) counts[level]! += share;
  const step = Math.max(1, Math.floor(LEVELS / Math.max(1, rest)));
  for (let level = 0; level < LEVELS && rest > 0; level += step, rest--) counts[level]!++;
  const scale = f(255 / area);
  let sum = 0;
  for (let level = 0; level < LEVELS; level++) {
    sum += counts[level]!;
    tables[at + level] = Math.min(255, roundHalfEven(f(sum * scale)));
  }
}

interface TileGrid {
  readonly values: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Shape `[down, across, 256]`. */
  readonly tables: Uint8Array;
  readonly across: number;
  readonly down: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
}

/** Every pixel between the tables of the four tiles whose centres are nearest. */
function interpolate(grid: TileGrid): Uint8Array {
  const { values, width, height, tables, across, down, tileWidth, tileHeight } = grid;
  const out = new Uint8Array(values.length);
  const [perX, perY] = [f(1 / tileWidth), f(1 / tileHeight)];
  for (let y = 0; y < height; y++) {
    const place = f(f(y * perY) - 0.5);
    const top = Math.floor(place);
    const yb = f(place - top);
    const yt = f(1 - yb);
    const topRow = Math.max(0, top) * across;
    const bottomRow = Math.min(down - 1, top + 1) * across;
    for (let x = 0; x < width; x++) {
      const placeX = f(f(x * perX) - 0.5);
      const left = Math.floor(placeX);
      const xr = f(placeX - left);
      const xl = f(1 - xr);
      const leftTile = Math.max(0, left);
      const rightTile = Math.min(across - 1, left + 1);
      const level = values[y * width + x]!;
      const upper = f(
        f(tables[(topRow + leftTile) * LEVELS + level]! * xl) + f(tables[(topRow + rightTile) * LEVELS + level]! * xr),
      );
      const lower = f(
        f(tables[(bottomRow + leftTile) * LEVELS + level]! * xl) +
          f(tables[(bottomRow + rightTile) * LEVELS + level]! * xr),
      );
      out[y * width + x] = roundHalfEven(f(f(upper * yt) + f(lower * yb)));
    }
  }
  return out;
}
