/**
 * The standard's data dictionary: keyword and value representation of public attributes.
 * @module
 */
import { DICTIONARY } from './gen/dictionary.ts';

/** What the standard says of an attribute. */
export interface Attribute {
  readonly keyword: string;
  /** Value representation, two letters; XS is US or SS, whichever the pixels are. */
  readonly vr: string;
}

let table: Map<string, Attribute> | undefined;

/** Attribute of a tag written as `x00080018`; undefined when it is private, a group length or unknown. */
export function findAttribute(tag: string): Attribute | undefined {
  table ??= unpack();
  return table.get(tag);
}

/** Unpacked at first use: a program that reads no DICOM pays nothing. */
function unpack(): Map<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  for (let i = 0; i < DICTIONARY.length; i += 2)
    for (const entry of DICTIONARY[i + 1]!.split(' '))
      attributes.set(`x${DICTIONARY[i]!}${entry.slice(0, 4)}`, { vr: entry.slice(4, 6), keyword: entry.slice(6) });
  return attributes;
}
