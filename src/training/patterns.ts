/**
 * Weights by name: exact, or with `*` for any text.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { Name } from './onnx/ir.ts';

/** Names listed in an error message at most. */
const MAX_LISTED = 40;

/**
 * Whether `name` is what `pattern` says. Each part between stars is taken at its first place, which finds a match if there
 * is one; a regular expression would take time without bound for patterns that someone else has made up.
 */
function isMatch(name: Name, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
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
    const matches = names.filter((name) => isMatch(name, pattern));
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
