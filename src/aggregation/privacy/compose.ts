/**
 * Many privacy losses added up: one Fourier transform each, powers, and one transform back.
 * @module
 */
import { fft } from './fft.ts';
import type { LossDistribution } from './pld.ts';

/** Probability of losses that may be cut off above and below; it is charged to δ. */
const CUT = 1e-15;
/** Largest transform: 16 MiB a vector. Coarser grids are needed beyond. */
export const MAX_GRID = 2 ** 21;

/** A distribution and how often it is used. */
export interface CountedLoss {
  readonly loss: LossDistribution;
  readonly count: number;
}

/** Losses outside [low, high] have probability at most {@link CUT} on either side, by Chernoff's bound. */
function window(parts: readonly CountedLoss[]): { readonly low: number; readonly high: number } {
  const logMoment = (t: number): number => parts.reduce((sum, { loss, count }) => sum + count * cumulant(loss, t), 0);
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  // Pr[L ≥ u] ≤ exp(K(t) − tu); the best t is about (u − mean)/variance, so powers of √2 come near enough
  for (let exponent = -12; exponent <= 24; exponent++) {
    const t = 2 ** (exponent / 2);
    high = Math.min(high, (logMoment(t) - Math.log(CUT)) / t);
    low = Math.max(low, -(logMoment(-t) - Math.log(CUT)) / t);
  }
  return { low, high };
}

/** log Σ p·e^(tℓ), over finite losses. */
function cumulant({ step, first, masses }: LossDistribution, t: number): number {
  const top = t > 0 ? masses.findLastIndex((mass) => mass > 0) : masses.findIndex((mass) => mass > 0);
  const ratio = Math.exp(-Math.abs(t) * step);
  // Horner from the far end to `top`, whose factor is 1: no overflow, and what underflows is nothing beside it
  let sum = 0;
  if (t > 0) for (let i = 0; i <= top; i++) sum = sum * ratio + masses[i]!;
  else for (let i = masses.length - 1; i >= top; i--) sum = sum * ratio + masses[i]!;
  return Math.log(sum) + t * step * (first + top);
}

/** Length of the vector that {@link composeLosses} would transform. */
export function gridSize(parts: readonly CountedLoss[], step: number): number {
  const { low, high } = window(parts);
  return 2 ** Math.max(4, Math.ceil(Math.log2((high - low) / step + 4)));
}

/**
 * The distribution of the sum of all losses, on the same grid.
 *
 * Pessimistic: what lies above the window is charged as infinite loss; what lies below comes back at its top; the rounding
 * of the transforms, at most (Σ counts + log₂ n)·√n·‖p‖₂·2^-50 in sum, is charged too, and negative masses become 0.
 * @param parts - At least one, all of one step.
 * @throws RangeError when more than {@link MAX_GRID} points would be needed.
 */
export function composeLosses(parts: readonly CountedLoss[]): LossDistribution {
  const { step } = parts[0]!.loss;
  if (parts.some(({ loss }) => loss.step !== step)) throw new RangeError('losses to compose need one grid');
  const n = gridSize(parts, step);
  if (n > MAX_GRID) throw new RangeError(`composition needs ${n} grid points, at most ${MAX_GRID} are allowed`);
  const re = new Float64Array(n).fill(1);
  const im = new Float64Array(n);
  let [infinite, count] = [CUT, 0];
  for (const part of parts) {
    const spectrum = transform(part.loss, n);
    multiplyPower(re, im, spectrum, part.count);
    infinite += part.count * part.loss.infinite;
    count += part.count;
  }
  fft(re, im, 1);
  const first = Math.floor(window(parts).low / step);
  const masses = new Float64Array(n);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const mass = re[(((first + i) % n) + n) % n]! / n;
    masses[i] = Math.max(0, mass);
    squares += mass * mass;
  }
  const rounding = (count + Math.log2(n)) * Math.sqrt(n * squares) * 2 ** -50;
  return { step, first, masses, infinite: Math.min(1, infinite + rounding) };
}

function transform({ first, masses }: LossDistribution, n: number): { re: Float64Array; im: Float64Array } {
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  for (let i = 0; i < masses.length; i++) re[(((first + i) % n) + n) % n]! += masses[i]!;
  fft(re, im, -1);
  return { re, im };
}

/** `(re + i·im) *= spectrum^count`, in place. */
function multiplyPower(
  re: Float64Array,
  im: Float64Array,
  spectrum: { readonly re: Float64Array; readonly im: Float64Array },
  count: number,
): void {
  for (let k = 0; k < re.length; k++) {
    const size = Math.hypot(spectrum.re[k]!, spectrum.im[k]!) ** count;
    const angle = Math.atan2(spectrum.im[k]!, spectrum.re[k]!) * count;
    const [c, s] = [size * Math.cos(angle), size * Math.sin(angle)];
    const real = re[k]! * c - im[k]! * s;
    im[k] = re[k]! * s + im[k]! * c;
    re[k] = real;
  }
}
