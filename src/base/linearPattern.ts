/**
 * Regular expressions whose time is bounded by pattern length times text length: patterns come with tasks from other
 * people, and the engine of the language takes exponential time for some of them, such as `(a+)+$`.
 *
 * Takes what tells texts apart: literals, `.`, classes, `\d \w \s`, groups, `|`, `* + ? {n,m}`, `^ $ \b`, and `(?i)` in
 * front. Back references and look-around cannot be matched in linear time and are refused.
 * @source R. Cox, "Regular Expression Matching Can Be Simple And Fast" (2007): Thompson's simulation of all states at once.
 * @module
 */
import { type PatternNode, parsePattern } from './linearPatternSyntax.ts';

/** Longest pattern, and most parts after `{n,m}` was written out. */
const MOST_PATTERN = 500;
const MOST_STATES = 5_000;

type Assertion = Extract<PatternNode, { kind: 'assert' }>['what'];
type Step =
  | { readonly kind: 'set'; readonly has: (code: number) => boolean; readonly next: number }
  | { readonly kind: 'assert'; readonly what: Assertion; readonly next: number }
  | { readonly kind: 'split'; readonly next: number[] }
  | { readonly kind: 'match' };

/** A pattern that says of any text whether it has a match somewhere. */
export interface LinearPattern {
  readonly source: string;
  /** Whether `text` has a match; `^` and `$` tie it to the ends. */
  test(text: string): boolean;
}

/** @throws SyntaxError for what is no pattern, and for what cannot be matched in linear time; the message says why. */
export function linearPattern(source: string): LinearPattern {
  if (source.length > MOST_PATTERN)
    throw new SyntaxError(`a pattern has at most ${MOST_PATTERN} characters, got ${source.length}`);
  const steps: Step[] = [];
  let work = 0;
  const start = compile(parsePattern(source), add({ kind: 'match' }));
  return { source, test: (text) => simulate(steps, start, Array.from(text)) };

  function add(step: Step): number {
    return steps.push(step) - 1;
  }

  /** The first step of `node`, after which the text goes on at `next`. */
  function compile(node: PatternNode, next: number): number {
    // counted here, since repeated empty groups add no state
    if (++work > MOST_STATES) throw new SyntaxError('the pattern repeats too much; give smaller numbers in {n,m}');
    switch (node.kind) {
      case 'set':
        return add({ kind: 'set', has: node.has, next });
      case 'assert':
        return add({ kind: 'assert', what: node.what, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => compile(part, after), next);
      case 'choice':
        return add({ kind: 'split', next: node.parts.map((part) => compile(part, next)) });
      case 'repeat': {
        let after = next;
        if (node.max === Infinity) {
          const branch: number[] = [next];
          after = add({ kind: 'split', next: branch });
          branch.push(compile(node.part, after));
        } else
          for (let i = node.min; i < node.max; i++)
            after = add({ kind: 'split', next: [next, compile(node.part, after)] });
        for (let i = 0; i < node.min; i++) after = compile(node.part, after);
        return after;
      }
    }
  }
}

const isWord = (char: string | undefined): boolean => char !== undefined && /^\w$/.test(char);

function holds(what: Assertion, text: readonly string[], at: number): boolean {
  if (what === 'start') return at === 0;
  if (what === 'end') return at === text.length;
  return (isWord(text[at - 1]) !== isWord(text[at])) === (what === 'boundary');
}

/** Follows all states at once, from every place of the text. */
function simulate(steps: readonly Step[], start: number, text: readonly string[]): boolean {
  let current = new Set<number>();
  for (let at = 0; at <= text.length; at++) {
    const pending = [...current, start];
    const seen = new Set<number>();
    const next = new Set<number>();
    const code = text[at]?.codePointAt(0);
    while (pending.length > 0) {
      const state = pending.pop()!;
      if (seen.has(state)) continue;
      seen.add(state);
      const step = steps[state]!;
      if (step.kind === 'match') return true;
      if (step.kind === 'split') pending.push(...step.next);
      else if (step.kind === 'assert') {
        if (holds(step.what, text, at)) pending.push(step.next);
      } else if (code !== undefined && step.has(code)) next.add(step.next);
    }
    current = next;
  }
  return false;
}
