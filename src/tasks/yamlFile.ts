/**
 * A YAML file that is open: its document, which may still be rewritten, and where in the text each value stands.
 * @module
 */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { type ErrorCode, KonsilError } from '../base/index.ts';

export type Path = readonly PropertyKey[];

/** One thing that is wrong, at one place of the file. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** The problem is about the key itself, so its position is the key's. */
  readonly atKey?: boolean;
}

/** What has places: a file, or what another party sent. */
interface Source {
  readonly file: string;
  placeOf(path: Path, atKey: boolean): string;
}

export interface YamlFile extends Source {
  readonly document: Document;
}

/** @throws KonsilError CONFIG_INVALID when `text` is no YAML. */
export function openYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new KonsilError(
      'CONFIG_INVALID',
      document.errors.map((error) => `${place(error.pos[0])} ${yamlProblem(error.code, error.message)}`).join('\n'),
      { file },
    );
  }
  return { file, document, placeOf: (path, atKey) => place(offsetOf(document, path, atKey)) };
}

/** The plain values. @throws KonsilError CONFIG_INVALID. */
export function valuesOf({ file, document }: YamlFile): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new KonsilError('CONFIG_INVALID', `${file}:1:1 too many or unresolved YAML aliases`, {}, { cause: error });
  }
}

/** @throws KonsilError with every problem at its place, a line each. */
export function failAt(source: Source, problems: readonly Problem[], code: ErrorCode = 'CONFIG_INVALID'): never {
  const lines = problems.map(({ path, message, atKey }) => {
    const place = source.placeOf(path, atKey === true);
    return path.length === 0 ? `${place} ${message}` : `${place} ${dotted(path)}: ${message}`;
  });
  throw new KonsilError(code, [...new Set(lines)].join('\n'), { file: source.file, problems: problems.length });
}

/** A place as people write it, `task.aggregator.clip`. */
export function dotted(path: Path): string {
  return path.map(String).join('.');
}

function yamlProblem(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in the same map; keep one of them';
  if (code === 'TAB_AS_INDENT') return 'indent with spaces, YAML does not allow tabs';
  return `not valid YAML: ${message}`;
}

/** Offset of the value at `path`, of its key, or of the nearest thing around it that the file has. */
function offsetOf(document: Document, path: Path, atKey: boolean): number {
  for (let length = path.length; length >= 0; length--) {
    const parent = length === 0 ? undefined : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]),
      );
      if (pair === undefined) continue;
      const value = isNode(pair.value) ? pair.value : undefined;
      const useKey = atKey || length < path.length || value === undefined || (isScalar(value) && value.value === null);
      const node = useKey && isNode(pair.key) ? pair.key : value;
      return node?.range?.[0] ?? 0;
    }
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node.range?.[0] ?? 0;
  }
  return 0;
}
