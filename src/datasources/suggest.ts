/**
 * "Did you mean": the known name nearest to a mistyped one.
 * @module
 */

/** Number of single-character edits (insert, delete, replace, swap of neighbours) between `a` and `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** The nearest of `known` when at most a third of the letters differ (case, spaces, `_` and `-` are free), else undefined. */
export function findClosest(name: string, known: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[\s_-]+/g, '');
  const wanted = plain(name.slice(0, 100));
  let best: string | undefined;
  // of a single letter nothing would be left in common
  let bestDistance = Math.min(wanted.length - 1, Math.max(1, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` or nothing, to append to a message. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const closest = findClosest(name, known);
  return closest === undefined || closest === name ? '' : `; did you mean "${closest}"?`;
}
