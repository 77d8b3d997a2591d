/**
 * Functions of the `transform` step: of each number, or of the innermost lists.
 * @source spec/platform.md §4.8; the documentation names softmax and others.
 * @module
 */
import { isList, type Json } from './table.ts';

type Elementwise = (x: number) => number;
/** `[n]` to `[n]`, or to one number. */
type OfList = (list: readonly number[]) => readonly number[] | number;

/** Of every number, however deep in lists. */
const ELEMENTWISE = {
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  tanh: Math.tanh,
} as const satisfies Record<string, Elementwise>;

const OF_LISTS = {
  // softmax(x)_i = exp(x_i - max) / Σ exp(x_j - max)
  softmax: (list) => {
    const most = largest(list);
    const powers = list.map((x) => Math.exp(x - most));
    const sum = powers.reduce((total, x) => total + x, 0);
    return powers.map((x) => x / sum);
  },
  // x_i - max - log Σ exp(x_j - max)
  log_softmax: (list) => {
    const most = largest(list);
    const log = Math.log(list.reduce((total, x) => total + Math.exp(x - most), 0));
    return list.map((x) => x - most - log);
  },
  /** Place of the largest, from 0; of equal ones the first. */
  argmax: (list) => list.indexOf(largest(list)),
} as const satisfies Record<string, OfList>;

// not Math.max(...list), which a long list overflows
const largest = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), -Infinity);

type ElementwiseName = keyof typeof ELEMENTWISE;
type OfListName = keyof typeof OF_LISTS;
export const TRANSFORM_NAMES = [
  ...(Object.keys(OF_LISTS) as OfListName[]),
  ...(Object.keys(ELEMENTWISE) as ElementwiseName[]),
] as const;
export type TransformName = OfListName | ElementwiseName;

/** One transformation. `decimals` of round is in [0, 15]. */
export type Transformation = { readonly name: TransformName } | { readonly name: 'round'; readonly decimals: number };

/** Whether it needs the numbers together that belong together. */
export function isOfList(name: string): name is OfListName {
  return Object.hasOwn(OF_LISTS, name);
}

/**
 * `cell` transformed. @throws RangeError for what is no number, and for a single number where a list is needed.
 */
export function transformCell(cell: Json, step: Transformation): Json {
  if (isOfList(step.name)) return innermost(cell, step.name);
  const rule = step.name === 'round' ? rounding((step as { decimals: number }).decimals) : ELEMENTWISE[step.name];
  return each(cell, rule);
}

function rounding(decimals: number): Elementwise {
  // by its decimal text, so that 1.005 is not what binary makes of 100.5
  return (x) => {
    if (!Number.isFinite(x) || Math.abs(x) >= 1e21) return x;
    const [digits, exponent = '0'] = String(x).split('e');
    const shifted = Math.round(Number(`${digits}e${Number(exponent) + decimals}`));
    const [back, power = '0'] = String(shifted).split('e');
    return Number(`${back}e${Number(power) - decimals}`);
  };
}

function each(cell: Json, rule: Elementwise): Json {
  if (isList(cell)) return cell.map((item) => each(item, rule));
  if (cell === null) return null;
  return finite(rule(numberOf(cell)));
}

function innermost(cell: Json, name: OfListName): Json {
  if (!isList(cell)) throw new RangeError(`${name} is of a list of numbers, and this is none`);
  if (cell.some(isList)) return cell.map((item) => innermost(item, name));
  const numbers = cell.map(numberOf);
  if (numbers.length === 0) throw new RangeError(`${name} of an empty list`);
  const result: readonly number[] | number = OF_LISTS[name](numbers);
  return typeof result === 'number' ? result : result.map(finite);
}

function numberOf(value: Json): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new RangeError('expected a number, or lists of numbers');
  return value;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError('the result is not a finite number');
  return value;
}
