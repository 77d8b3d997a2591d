/**
 * Names of models in a store: `owner/name` for the latest version, `owner/name:3` for one.
 * @module
 */
import { KonsilError } from '../base/index.ts';

export interface ModelReference {
  readonly owner: string;
  readonly name: string;
  /** Undefined: the latest. */
  readonly version?: number;
}

// becomes folders: begins with a letter or digit, so none is hidden, `.` or `..`
const PART = String.raw`[A-Za-z0-9][\w.-]{0,99}`;
const REFERENCE = new RegExp(`^(${PART})/(${PART})(?::([1-9]\\d{0,8}))?$`);

export function isModelReference(text: string): boolean {
  return REFERENCE.test(text);
}

/** @throws KonsilError USAGE when `text` is no reference. */
export function parseModelReference(text: string): ModelReference {
  const [, owner, name, version] = REFERENCE.exec(text) ?? [];
  if (owner === undefined || name === undefined)
    throw new KonsilError(
      'USAGE',
      `${JSON.stringify(text.slice(0, 200))}: expected owner/name or owner/name:version; names have letters, digits, "_", "-" and "."`,
    );
  return { owner, name, ...(version !== undefined && { version: Number(version) }) };
}

/** As people write it. */
export function referenceText({ owner, name, version }: ModelReference): string {
  return `${owner}/${name}${version === undefined ? '' : `:${version}`}`;
}
