/**
 * Weights by name: exact, or with `*` for any text.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { Name } from './onnx/ir.ts';

/** Names listed in an error message at most. */
const MAX_LISTED = 40;

function toRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/**
 * Those of `names` that one of `patterns` matches.
 *
 * @param what - Which option the patterns are from, for the message.
 * @throws KonsilError CONFIG_INVALID, listing the names, when a pattern matches none.
 */
export function matchNames(names: readonly Name[], patterns: readonly string[], what: string): Set<Name> {
  const found = new Set<Name>();
  for (const pattern of patterns) {
    const test = toRegExp(pattern);
    const matches = names.filter((name) => test.test(name));
    if (matches.length === 0) {
      const listed = names.slice(0, MAX_LISTED).join(', ') + (names.length > MAX_LISTED ? ', ...' : '');
      throw new KonsilError('CONFIG_INVALID', `${what} "${pattern}" matches no weight; there are ${listed || 'none'}`, {
        pattern,
      });
    }
    for (const name of matches) found.add(name);
  }
  return found;
}
