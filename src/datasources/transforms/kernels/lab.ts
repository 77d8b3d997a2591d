/**
 * RGB (sRGB) to CIE L*a*b* and back, 8 bits, by whole numbers and tables as OpenCV does; L is scaled to 0…255, a and b
 * are moved by 128.
 *
 * @source OpenCV 4.6 `RGB2Lab_b`, `Lab2RGBinteger`; sRGB: IEC 61966-2-1, L*a*b*: CIE 15, white point D65.
 * @module
 */
import { roundHalfEven } from '../image.ts';

const WHITE = [0.950456, 1, 1.088754] as const;
const TO_XYZ = [0.412453, 0.35758, 0.180423, 0.212671, 0.71516, 0.072169, 0.019334, 0.119193, 0.950227] as const;
const FROM_XYZ = [3.240479, -1.53715, -0.498535, -0.969256, 1.875991, 0.041556, 0.055648, -0.204043, 1.057311] as const;

/** Bits after the point: weights, linear values, cube roots, L*a*b* on the way back. */
const WEIGHT_BITS = 12;
const GAMMA_BITS = 3;
const ROOT_BITS = 15;
const BASE_BITS = 14;
const BASE = 1 << BASE_BITS;
const INVERSE_GAMMA = 4096;
/** Cube roots so near a half that OpenCV's single precision rounds them to the other side. */
const HALVES: ReadonlyMap<number, number> = new Map([
  [49, 9454],
  [628, 22126],
  [2958, 37089],
  [2995, 37243],
]); // prettier-ignore
/** Least place in the table of x and z. */
const LEAST_AB = -8145;

interface LabTables {
  /** Of 8-bit sRGB: linear, times 255·8. */
  readonly linear: Uint16Array;
  /** Of a linear value times 255·8: f(t) of CIE times 2¹⁵. */
  readonly root: Uint16Array;
  readonly weights: Int32Array;
  /** Of L: Y, and f(Y), times 2¹⁴. */
  readonly y: Int32Array;
  readonly fy: Int32Array;
  /** Of f(t) times 2¹⁴, from LEAST_AB on: t times 2¹⁴. */
  readonly cube: Int32Array;
  /** Of linear values times 4096: 8-bit sRGB. */
  readonly display: Uint8Array;
  readonly inverseWeights: Int32Array;
}

let made: LabTables | undefined;

function tables(): LabTables {
  made ??= makeTables();
  return made;
}

function makeTables(): LabTables {
  const toLinear = (x: number): number => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const fromLinear = (x: number): number => (x <= 0.0031308 ? x * 12.92 : 1.055 * x ** (1 / 2.4) - 0.055);
  const f = (t: number): number => (t < 216 / 24389 ? (t * 841) / 108 + 16 / 116 : Math.cbrt(t));
  const linearScale = 255 << GAMMA_BITS;
  const y = new Int32Array(256);
  const fy = new Int32Array(256);
  for (let l = 0; l < 256; l++) {
    const isLow = l <= 20; // L* ≤ 8
    const root = isLow ? 16 / 116 + (l * 5) / (3 * 17 * 29) : ((l * 100) / 255 + 16) / 116;
    fy[l] = roundHalfEven(BASE * root);
    y[l] = roundHalfEven(BASE * (isLow ? (l * 180) / (17 * 29 ** 3) : root ** 3));
  }
  const cube = Int32Array.from({ length: (BASE * 9) / 4 }, (_, k) => {
    const i = k + LEAST_AB;
    // f ≤ 6/29; divisions of whole numbers, towards 0
    if (i <= 3390) return Math.trunc((i * 108) / 841) - 290;
    return Math.trunc((Math.trunc((i * i) / BASE) * i) / BASE);
  });
  return {
    linear: Uint16Array.from({ length: 256 }, (_, i) => roundHalfEven(linearScale * toLinear(i / 255))),
    root: Uint16Array.from(
      { length: 3072 },
      (_, i) => HALVES.get(i) ?? roundHalfEven(f(i / linearScale) * 2 ** ROOT_BITS),
    ),
    weights: Int32Array.from(TO_XYZ, (c, i) => roundHalfEven((c * 2 ** WEIGHT_BITS) / WHITE[Math.floor(i / 3)]!)),
    ...{ y, fy, cube },
    display: Uint8Array.from({ length: INVERSE_GAMMA }, (_, i) => roundHalfEven(255 * fromLinear(i / INVERSE_GAMMA))),
    inverseWeights: Int32Array.from(FROM_XYZ, (c, i) => roundHalfEven(c * WHITE[i % 3]! * 2 ** WEIGHT_BITS)),
  };
}

function byte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Shape `[pixels, 3]`, red green blue, to L a b. */
export function rgbToLab(rgb: Uint8Array): Uint8Array {
  const { linear, root, weights: w } = tables();
  const lab = new Uint8Array(rgb.length);
  const half = 1 << (WEIGHT_BITS - 1);
  const rootHalf = 1 << (ROOT_BITS - 1);
  const middle = 128 << ROOT_BITS;
  // 116·255/100 and 16·255/100·2¹⁵, as whole numbers
  const [scale, shift] = [296, -1336934];
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [linear[rgb[i]!]!, linear[rgb[i + 1]!]!, linear[rgb[i + 2]!]!];
    const fx = root[(r * w[0]! + g * w[1]! + b * w[2]! + half) >> WEIGHT_BITS]!;
    const fy = root[(r * w[3]! + g * w[4]! + b * w[5]! + half) >> WEIGHT_BITS]!;
    const fz = root[(r * w[6]! + g * w[7]! + b * w[8]! + half) >> WEIGHT_BITS]!;
    lab[i] = byte((scale * fy + shift + rootHalf) >> ROOT_BITS);
    lab[i + 1] = byte((500 * (fx - fy) + middle + rootHalf) >> ROOT_BITS);
    lab[i + 2] = byte((200 * (fy - fz) + middle + rootHalf) >> ROOT_BITS);
  }
  return lab;
}

/** Shape `[pixels, 3]`, L a b, to red green blue. */
export function labToRgb(lab: Uint8Array): Uint8Array {
  const { y: ys, fy: fys, cube, display, inverseWeights: w } = tables();
  const rgb = new Uint8Array(lab.length);
  const shift = WEIGHT_BITS + BASE_BITS - 12;
  const half = 1 << (shift - 1);
  for (let i = 0; i < lab.length; i += 3) {
    const l = lab[i]!;
    const y = ys[l]!;
    // a/500 and b/200 times 2¹⁴, by multiplication
    const a = ((5 * lab[i + 1]! * 53687 + 128) >> 13) - 4194;
    const b = ((lab[i + 2]! * 41943 + 16) >> 9) - 10485 + 1;
    const x = cube[fys[l]! + a - LEAST_AB]!;
    const z = cube[fys[l]! - b - LEAST_AB]!;
    for (let c = 0; c < 3; c++) {
      const linear = (w[3 * c]! * x + w[3 * c + 1]! * y + w[3 * c + 2]! * z + half) >> shift;
      rgb[i + c] = display[Math.max(0, Math.min(INVERSE_GAMMA - 1, linear))]!;
    }
  }
  return rgb;
}
