/**
 * What a built-in architecture is: its options with their ranges, and how it builds a network from them.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { Network, type Value } from './network.ts';

/** One option: what it means and what it may be. Without a default it must be given. */
export type OptionSpec = { readonly doc: string } & (
  | { readonly kind: 'count'; readonly min: number; readonly max: number; readonly default?: number }
  | { readonly kind: 'counts'; readonly max: number; readonly default?: readonly number[] }
  | { readonly kind: 'ratio'; readonly default?: number }
  | { readonly kind: 'choice'; readonly of: readonly string[]; readonly default?: string }
);

export type OptionValue = number | string | readonly number[];

/** An architecture over options of type `T`. */
export interface Architecture<T extends object> {
  /** As in `builtin:<name>` and `konsil model new <name>`. */
  readonly name: string;
  /** One line. */
  readonly title: string;
  /** Where it was published. */
  readonly source: string;
  readonly options: { readonly [K in keyof T]-?: OptionSpec };
  /** The output of the network for checked options. @throws KonsilError CONFIG_INVALID when they do not fit together. */
  define(net: Network, options: Required<T>): Value;
}

/** Seeds are those of the task language. */
export const SEED = {
  kind: 'count',
  min: 0,
  max: 0xffff_ffff,
  default: 0,
  doc: 'seed of the initial weights',
} as const satisfies OptionSpec;

/** An option that counts something, 1 or more. */
export function count(doc: string, options: { min?: number; max?: number; default?: number } = {}): OptionSpec {
  return { kind: 'count', min: 1, max: 65_536, ...options, doc };
}

/** What `spec` allows, for messages. */
export function allowed(spec: OptionSpec): string {
  if (spec.kind === 'ratio') return 'a number in [0, 1)';
  if (spec.kind === 'choice') return `one of ${spec.of.join(', ')}`;
  if (spec.kind === 'counts') return `a list of integers in [1, ${spec.max}]`;
  return `an integer in [${spec.min}, ${spec.max}]`;
}

function isAllowed(spec: OptionSpec, value: unknown): boolean {
  const isCount = (v: unknown, min: number, max: number): boolean =>
    typeof v === 'number' && Number.isSafeInteger(v) && v >= min && v <= max;
  if (spec.kind === 'count') return isCount(value, spec.min, spec.max);
  if (spec.kind === 'counts') return Array.isArray(value) && value.every((v) => isCount(v, 1, spec.max));
  if (spec.kind === 'choice') return spec.of.some((option) => option === value);
  return typeof value === 'number' && value >= 0 && value < 1;
}

/** `given` with defaults filled in. @throws KonsilError CONFIG_INVALID that lists every problem. */
function complete<T extends object>(architecture: Architecture<T>, given: T): Required<T> {
  const specs = architecture.options as Readonly<Record<string, OptionSpec>>;
  const problems = Object.keys(given)
    .filter((key) => !Object.hasOwn(specs, key))
    .map((key) => `no option "${key}"; there are ${Object.keys(specs).join(', ')}`);
  const values: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(specs)) {
    const value = (given as Readonly<Record<string, unknown>>)[key] ?? spec.default;
    values[key] = value;
    if (isAllowed(spec, value)) continue;
    const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`;
    problems.push(`${key} ${found}, expected ${allowed(spec)}`);
  }
  if (problems.length > 0) throw new KonsilError('CONFIG_INVALID', `${architecture.name}: ${problems.join('; ')}`);
  return values as Required<T>;
}

/**
 * ONNX bytes of `architecture`: input `x` `[batch, ...]`, output `y` `[batch, ...]` of raw values (logits), parameters
 * under PyTorch's names with PyTorch's default initial distribution. Equal options give equal bytes.
 *
 * @throws KonsilError CONFIG_INVALID when an option is unknown, missing or out of range.
 */
export function build<T extends { readonly seed?: number }>(architecture: Architecture<T>, options: T): Uint8Array {
  const checked = complete(architecture, options);
  const net = new Network(architecture.name, checked.seed ?? 0);
  return net.finish(architecture.define(net, checked));
}
