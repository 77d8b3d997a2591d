/**
 * Steps on JSON in cells: text becomes JSON, fields move, keys are renamed.
 * @source spec/platform.md §4.8, F-459 to F-462.
 * @module
 */
import { parsePythonLiteral } from './pythonLiteral.ts';
import { isList, isObject, type Json, MOST_DEPTH, objectOf } from './table.ts';

/** Longest text that is taken for JSON. */
const MOST_TEXT = 10_000_000;

/** JSON, or else what Python prints; anything else, and what is nested too deep, stays text. */
export function fromText(cell: Json): Json {
  if (typeof cell !== 'string' || cell.length > MOST_TEXT) return cell;
  let read: { readonly value: Json } | undefined;
  try {
    read = { value: JSON.parse(cell) as Json };
  } catch {
    read = parsePythonLiteral(cell);
  }
  return read === undefined || isTooDeep(read.value) ? cell : read.value;
}

/** Without recursion: the text may be nested as deep as it is long. */
function isTooDeep(value: Json): boolean {
  let level: readonly Json[] = [value];
  for (let depth = 0; depth <= MOST_DEPTH; depth++) {
    level = level.flatMap((one) => (isList(one) ? [...one] : isObject(one) ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}

export interface KeyRename {
  readonly sources: ReadonlyMap<string, string>;
  readonly recursive: boolean;
}

/** Keys renamed, in their order. @throws RangeError when two keys of one object would be the same. */
export function renameKeys(value: Json, rename: KeyRename, depth = 0): Json {
  if (depth > MOST_DEPTH) throw new RangeError(`nested deeper than ${MOST_DEPTH}`);
  if (isList(value)) {
    return depth === 0 || rename.recursive ? value.map((item) => renameKeys(item, rename, depth + 1)) : value;
  }
  if (!isObject(value) || (depth > 0 && !rename.recursive && !isItem(depth))) return value;
  const entries = Object.entries(value).map(
    ([key, inner]) =>
      [rename.sources.get(key) ?? key, rename.recursive ? renameKeys(inner, rename, depth + 1) : inner] as const,
  );
  const renamed = objectOf(entries);
  // names the new key, which the task has, and not one of the cell
  if (Object.keys(renamed).length < entries.length) {
    const targets = [...rename.sources.values()];
    const counts = new Map<string, number>();
    for (const [key] of entries) counts.set(key, (counts.get(key) ?? 0) + 1);
    throw new RangeError(`two keys would be called ${targets.find((key) => (counts.get(key) ?? 0) > 1)}`);
  }
  return renamed;
}

/** Objects of a list stand one below the cell. */
const isItem = (depth: number): boolean => depth === 1;

export interface FieldMove {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/** Fields moved or copied, one after the other, in an object or in each object of a list. @throws RangeError */
export function moveFields(value: Json, moves: readonly FieldMove[], keepsOriginal: boolean): Json {
  if (isList(value)) return value.map((item) => (isObject(item) ? moveFields(item, moves, keepsOriginal) : item));
  if (!isObject(value)) return value;
  return moves.reduce<Json>((present, { source, target }) => {
    const field = fieldAt(present, source);
    if (field === undefined) return present;
    return withField(keepsOriginal ? present : withoutField(present, source), target, field);
  }, value);
}

/** The value at a path of keys, and of places in lists; undefined when there is none. */
export function fieldAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (isList(value)) return /^\d+$/.test(key) ? fieldAt(value[Number(key)], rest) : undefined;
  return isObject(value) && Object.hasOwn(value, key) ? fieldAt(value[key], rest) : undefined;
}

function withoutField(value: Json, [key, ...rest]: readonly string[]): Json {
  if (key === undefined) return value;
  if (isList(value))
    return rest.length === 0
      ? value.filter((_, i) => i !== Number(key))
      : value.map((item, i) => (i === Number(key) ? withoutField(item, rest) : item));
  if (!isObject(value)) return value;
  return objectOf(
    Object.entries(value).flatMap(([name, inner]): [string, Json][] => {
      if (name !== key) return [[name, inner]];
      return rest.length === 0 ? [] : [[name, withoutField(inner, rest)]];
    }),
  );
}

/** Objects on the way that are not there are made. */
function withField(value: Json | undefined, [key, ...rest]: readonly string[], field: Json): Json {
  if (key === undefined) return field;
  if (value !== undefined && !isObject(value)) throw new RangeError('target_path goes through what is no object');
  const entries = new Map(Object.entries(value ?? {}));
  entries.set(key, withField(entries.get(key), rest, field));
  return objectOf(entries);
}
