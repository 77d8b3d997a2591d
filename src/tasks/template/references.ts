/**
 * References to inputs in a YAML document: quoted, with two braces, a whole value or an item of a list.
 * @module
 */
import { type Document, isMap, isPair, isScalar, isSeq, type Node, type Scalar, visit } from 'yaml';
import type { Path, Problem } from '../yamlFile.ts';
import { FIELD_NAME } from './constraints.ts';

const WHOLE = /^\s*\{\{(.*)\}\}\s*$/s;
const INSIDE = /\{\{\s*([A-Za-z_][\w-]*)\s*\}\}/g;

export interface Reference {
  readonly name: string;
  readonly path: Path;
  /** Puts a value in the reference's place; a list that replaces an item of a list becomes its items. */
  readonly replace: (document: Document, value: unknown) => void;
}

export interface FoundReferences {
  readonly references: readonly Reference[];
  readonly problems: readonly Problem[];
}

/** All references of `document` outside of its `template`. @param names - Inputs that there are. */
export function referencesIn(document: Document, names: readonly string[]): FoundReferences {
  const references: Reference[] = [];
  const problems: Problem[] = [];
  walk(document.contents, [], () => undefined);
  return { references, problems };

  function walk(node: unknown, path: Path, replace: Reference['replace']): void {
    if (isMap(node)) {
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? String(pair.key.value) : undefined;
        if (key === undefined) {
          // {{ name }} without quotes is a map whose key is a map
          const message = isMap(pair.key) ? 'a reference stands in quotes: "{{ name }}"' : 'expected a plain key';
          problems.push({ path, message });
          continue;
        }
        if (path.length === 0 && key === 'template') continue;
        if (used(key).length > 0)
          problems.push({
            path: [...path, key],
            message: 'a reference cannot be a key; expected a value or an item',
            atKey: true,
          });
        walk(pair.value, [...path, key], (document, value) => {
          pair.value = nodeFor(document, pair.value as Scalar, value);
        });
      }
      return;
    }
    if (isSeq(node)) {
      node.items.forEach((item, i) =>
        walk(isPair(item) ? item.value : item, [...path, i], (document, value) => {
          const at = node.items.indexOf(item);
          const nodes = Array.isArray(value) ? value : [value];
          node.items.splice(at, 1, ...nodes.map((one: unknown) => nodeFor(document, item as Scalar, one)));
        }),
      );
      return;
    }
    if (!isScalar(node) || typeof node.value !== 'string') return;
    const whole = WHOLE.exec(node.value)?.[1]?.trim();
    if (whole === undefined || whole.includes('}}')) {
      const [name] = used(node.value);
      if (name !== undefined)
        problems.push({ path, message: `"{{ ${name} }}" is part of a text; a reference is a whole value` });
    } else if (FIELD_NAME.test(whole)) references.push({ name: whole, path, replace });
    else problems.push({ path, message: `a reference is {{ name }}, got ${JSON.stringify(node.value.slice(0, 60))}` });
  }

  /** Inputs whose reference is somewhere in `text`. */
  function used(text: string): string[] {
    return [...text.matchAll(INSIDE)].map(([, name]) => name!).filter((name) => names.includes(name));
  }
}

/** `value` as a node that stands where `reference` stood, so that what is wrong with it is found there. */
function nodeFor(document: Document, reference: Scalar, value: unknown): Node {
  const node = document.createNode(value, { aliasDuplicateObjects: false });
  const { range } = reference;
  visit(node, {
    Node: (_, inner) => {
      if (range) inner.range = range;
    },
  });
  if (reference.anchor !== undefined) node.anchor = reference.anchor;
  return node;
}
