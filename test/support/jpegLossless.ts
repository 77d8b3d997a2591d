/**
 * Lossless JPEG, written straight from the standard: every predictor, precision and point transform.
 * @module
 */

export interface LosslessImage {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** In [2, 16]. */
  readonly precision: number;
  /** Shape `[height, width, components]`. */
  readonly values: ArrayLike<number>;
  /** In [1, 7]. */
  readonly predictor: number;
  /** Bits that are dropped. @default 0 */
  readonly pointTransform?: number;
  /** Rows between restart markers. @default none */
  readonly restartRows?: number;
  /** Whether each component has a scan of its own. @default false */
  readonly isPlanar?: boolean;
}

/** Stream of one image; categories 0 to 16 have codes of 5 bits each. @source ITU-T T.81 Annex H. */
export function encodeLosslessJpeg(image: LosslessImage): Uint8Array {
  const { width, height, components, precision, predictor, pointTransform = 0, restartRows = 0 } = image;
  const all = Array.from({ length: components }, (_, i) => i);
  const out = [0xff, 0xd8, 0xff, 0xc3, 0, 8 + 3 * components, precision, ...word(height), ...word(width), components];
  for (const i of all) out.push(i + 1, 0x11, 0);
  // 17 codes of 5 bits
  out.push(
    0xff,
    0xc4,
    0,
    19 + 17,
    0,
    0,
    0,
    0,
    0,
    17,
    ...Array.from({ length: 11 }, () => 0),
    ...Array.from({ length: 17 }, (_, i) => i),
  );
  if (restartRows > 0) out.push(0xff, 0xdd, 0, 4, ...word(restartRows * width));
  for (const scan of image.isPlanar ? all.map((i) => [i]) : [all]) {
    out.push(0xff, 0xda, 0, 6 + 2 * scan.length, scan.length);
    for (const i of scan) out.push(i + 1, 0);
    out.push(predictor, 0, pointTransform);
    encodeScan(image, scan, out);
  }
  return Uint8Array.from([...out, 0xff, 0xd9]);
}

function word(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

function encodeScan(image: LosslessImage, scan: readonly number[], out: number[]): void {
  const { width, height, components, precision, values, predictor, pointTransform = 0, restartRows = 0 } = image;
  const at = (x: number, y: number, i: number): number => values[(y * width + x) * components + i]! >> pointTransform;
  let [buffer, count] = [0, 0];
  const put = (value: number, bits: number): void => {
    for (let bit = bits - 1; bit >= 0; bit--) {
      buffer = (buffer << 1) | ((value >> bit) & 1);
      if (++count < 8) continue;
      out.push(buffer);
      if (buffer === 0xff) out.push(0);
      [buffer, count] = [0, 0];
    }
  };
  const flush = (): void => {
    put(2 ** ((8 - count) % 8) - 1, (8 - count) % 8);
  };
  for (let y = 0; y < height; y++) {
    const isRestart = restartRows > 0 && y > 0 && y % restartRows === 0;
    if (isRestart) {
      flush();
      out.push(0xff, 0xd0 + ((y / restartRows - 1) % 8));
    }
    const isFirstRow = y === 0 || isRestart;
    for (let x = 0; x < width; x++)
      for (const i of scan) {
        const [a, b, c] = [
          x > 0 ? at(x - 1, y, i) : 0,
          y > 0 ? at(x, y - 1, i) : 0,
          x > 0 && y > 0 ? at(x - 1, y - 1, i) : 0,
        ];
        let prediction = [0, a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1][predictor]!;
        if (isFirstRow) prediction = x === 0 ? 1 << (precision - pointTransform - 1) : a;
        else if (x === 0) prediction = b;
        // differences are taken modulo 2^16 and written in (-2^15, 2^15]
        let difference = (at(x, y, i) - prediction) & 0xffff;
        if (difference > 0x8000) difference -= 0x10000;
        const size = difference === 0 ? 0 : 32 - Math.clz32(Math.abs(difference));
        put(size, 5);
        if (size < 16) put(difference < 0 ? difference + (1 << size) - 1 : difference, size);
      }
  }
  flush();
}
