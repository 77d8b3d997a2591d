/**
 * The syntax of {@link linearPattern}: from its text to a tree.
 * @module
 */

/** What a pattern is made of. `has` takes a code point. */
export type PatternNode =
  | { readonly kind: 'set'; readonly has: (code: number) => boolean }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number };

type Has = (code: number) => boolean;

const test =
  (pattern: RegExp): Has =>
  (code) =>
    pattern.test(String.fromCodePoint(code));
/** Each looks at one character. */
const SHORTHANDS: Readonly<Record<string, Has>> = {
  d: test(/^\d$/),
  D: test(/^\D$/u),
  w: test(/^\w$/),
  W: test(/^\W$/u),
  s: test(/^\s$/),
  S: test(/^\S$/u),
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' };
const ANY: Has = test(/^.$/u);

const isOne =
  (char: string): Has =>
  (code) =>
    code === char.codePointAt(0);

/** Deepest nesting of groups. */
const MOST_DEPTH = 50;
/** Largest number in `{n,m}`. */
const MOST_TIMES = 1_000;

/** @throws SyntaxError */
export function parsePattern(source: string): PatternNode {
  const ignoresCase = source.startsWith('(?i)');
  return new Parser(Array.from(ignoresCase ? source.slice(4) : source), ignoresCase).parse();
}

class Parser {
  readonly #chars: readonly string[];
  readonly #ignoresCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(chars: readonly string[], ignoresCase: boolean) {
    this.#chars = chars;
    this.#ignoresCase = ignoresCase;
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#chars.length) throw new SyntaxError('a ")" closes no group; write \\) for the character');
    return node;
  }

  #take(text: string): boolean {
    const chars = Array.from(text);
    if (chars.some((char, i) => this.#chars[this.#at + i] !== char)) return false;
    this.#at += chars.length;
    return true;
  }

  #choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#chars.length && this.#chars[this.#at] !== '|' && this.#chars[this.#at] !== ')')
      parts.push(this.#repeated());
    return { kind: 'sequence', parts };
  }

  #repeated(): PatternNode {
    const part = this.#atom();
    const times = this.#times();
    if (times === undefined) return part;
    if (part.kind === 'assert') throw new SyntaxError('^, $ and \\b cannot be repeated');
    this.#take('?'); // a lazy repetition matches the same texts
    if (this.#take('+')) throw new SyntaxError('possessive repetition is not supported');
    if (this.#times() !== undefined) throw new SyntaxError('a repetition cannot be repeated; put it in a group');
    return { kind: 'repeat', part, ...times };
  }

  #times(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity };
    if (this.#take('+')) return { min: 1, max: Infinity };
    if (this.#take('?')) return { min: 0, max: 1 };
    const braces = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(''));
    if (!braces) return undefined;
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === '' ? Infinity : Number(braces[3]);
    if (max < min || min > MOST_TIMES || (max !== Infinity && max > MOST_TIMES))
      throw new SyntaxError(`{${min},${max}}: expected a range within 0 to ${MOST_TIMES}`);
    return { min, max };
  }

  #atom(): PatternNode {
    const char = this.#chars[this.#at++]!;
    if (char === '(') return this.#group();
    if (char === '[') return { kind: 'set', has: this.#folded(this.#class()) };
    if (char === '.') return { kind: 'set', has: ANY };
    if (char === '^') return { kind: 'assert', what: 'start' };
    if (char === '$') return { kind: 'assert', what: 'end' };
    if ('*+?'.includes(char)) throw new SyntaxError(`"${char}" repeats nothing; write \\${char} for the character`);
    if (char !== '\\') return { kind: 'set', has: this.#folded(isOne(char)) };
    if (this.#take('b')) return { kind: 'assert', what: 'boundary' };
    if (this.#take('B')) return { kind: 'assert', what: 'inside' };
    const escaped = this.#escape();
    return { kind: 'set', has: typeof escaped === 'string' ? this.#folded(isOne(escaped)) : escaped };
  }

  #group(): PatternNode {
    if (++this.#depth > MOST_DEPTH) throw new SyntaxError('groups are nested too deep');
    if (this.#take('?') && !this.#take(':')) {
      const rest = this.#chars.slice(this.#at, this.#at + 40).join('');
      const name = /^P?<[A-Za-z_]\w*>/.exec(rest)?.[0];
      if (name === undefined)
        throw new SyntaxError('look-around and flags in a pattern are not supported; only (?i) in front');
      this.#at += name.length;
    }
    const node = this.#choice();
    if (!this.#take(')')) throw new SyntaxError('a "(" is not closed; write \\( for the character');
    this.#depth--;
    return node;
  }

  /** After a backslash: a character, or a set of them. */
  #escape(): string | Has {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new SyntaxError('ends with a single backslash');
    if (Object.hasOwn(SHORTHANDS, char)) return SHORTHANDS[char]!;
    if (Object.hasOwn(CONTROLS, char)) return CONTROLS[char]!;
    if (/[1-9k]/.test(char)) throw new SyntaxError('back references are not supported');
    if (char === 'x' || char === 'u') {
      const digits = this.#chars.slice(this.#at, this.#at + (char === 'x' ? 2 : 4)).join('');
      if (!/^(?:[\da-f]{2}|[\da-f]{4})$/i.test(digits)) throw new SyntaxError(`\\${char} needs hexadecimal digits`);
      this.#at += digits.length;
      return String.fromCodePoint(Number.parseInt(digits, 16));
    }
    if (/[A-Za-z]/.test(char)) throw new SyntaxError(`\\${char} is not supported`);
    return char;
  }

  #class(): Has {
    const isNegated = this.#take('^');
    const parts: Has[] = [];
    for (let isFirst = true; isFirst || !this.#take(']'); isFirst = false) {
      const from = this.#classMember();
      const hyphen = this.#chars[this.#at] === '-' && this.#chars[this.#at + 1] !== ']';
      if (!hyphen || typeof from !== 'string') {
        parts.push(typeof from === 'string' ? isOne(from) : from);
        continue;
      }
      this.#at++;
      const to = this.#classMember();
      const [low, high] = [from.codePointAt(0)!, typeof to === 'string' ? to.codePointAt(0)! : -1];
      if (high < low) throw new SyntaxError(`the range ${from}-${typeof to === 'string' ? to : ''} is empty`);
      parts.push((code) => code >= low && code <= high);
    }
    return (code) => parts.some((has) => has(code)) !== isNegated;
  }

  #classMember(): string | Has {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new SyntaxError('a "[" is not closed; write \\[ for the character');
    return char === '\\' ? this.#escape() : char;
  }

  #folded(has: Has): Has {
    if (!this.#ignoresCase) return has;
    const cases = (code: number): number[] => {
      const char = String.fromCodePoint(code);
      return [code, char.toLowerCase().codePointAt(0)!, char.toUpperCase().codePointAt(0)!];
    };
    return (code) => cases(code).some(has);
  }
}
