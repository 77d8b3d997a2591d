/**
 * What Python prints for lists, dictionaries and plain values, as JSON: quotes of either kind, True, False, None, tuples.
 * @source Python language reference, "Literals" and `ast.literal_eval`; sets, bytes and complex numbers are left out,
 *   since JSON has none.
 * @module
 */
import { type Json, MOST_DEPTH, objectOf } from './table.ts';

const WORDS: Readonly<Record<string, Json>> = { True: true, False: false, None: null };
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '\\': '\\', "'": "'", '"': '"', '\n': '' },
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};
/** Digits after \x, \u, \U. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** The value, or undefined when `text` is no such literal. */
export function parsePythonLiteral(text: string): { readonly value: Json } | undefined {
  try {
    return { value: new Parser(text).parse() };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw new SyntaxError('more than one value');
    return value;
  }

  #space(): void {
    this.#take(/\s*/y);
  }

  /** What `pattern`, which is sticky, has here. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #next(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): Json {
    if (depth > MOST_DEPTH) throw new SyntaxError('nested too deep');
    if (this.#next('[')) return this.#items(']', depth).items;
    if (this.#next('(')) {
      const { items, hasComma } = this.#items(')', depth);
      return items.length === 1 && !hasComma ? items[0]! : items;
    }
    if (this.#next('{')) return this.#entries(depth);
    const quote = this.#text[this.#at];
    if (quote === "'" || quote === '"') return this.#strings();
    const word = this.#take(/[A-Za-z_]\w*/y);
    if (word !== undefined) {
      if (!Object.hasOwn(WORDS, word)) throw new SyntaxError('not a literal');
      return WORDS[word]!;
    }
    return this.#number();
  }

  #items(end: string, depth: number): { readonly items: Json[]; readonly hasComma: boolean } {
    const items: Json[] = [];
    let hasComma = false;
    while (!this.#next(end)) {
      if (items.length > 0 && !hasComma) throw new SyntaxError('no comma');
      items.push(this.#value(depth + 1));
      hasComma = this.#next(',');
    }
    return { items, hasComma };
  }

  #entries(depth: number): Json {
    const entries: [string, Json][] = [];
    let hasComma = true;
    while (!this.#next('}')) {
      if (!hasComma) throw new SyntaxError('no comma');
      const key = this.#value(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number') throw new SyntaxError('a key that JSON cannot have');
      if (!this.#next(':')) throw new SyntaxError('no colon'); // a set
      entries.push([String(key), this.#value(depth + 1)]);
      hasComma = this.#next(',');
    }
    return objectOf(entries);
  }

  /** Strings beside each other are one. */
  #strings(): string {
    let text = '';
    for (;;) {
      this.#space();
      const quote = this.#text[this.#at];
      if (quote !== "'" && quote !== '"') return text;
      if (this.#text.startsWith(quote.repeat(3), this.#at)) throw new SyntaxError('triple quotes');
      this.#at++;
      text += this.#string(quote);
    }
  }

  #string(quote: string): string {
    let text = '';
    for (;;) {
      const char = this.#text[this.#at++];
      if (char === undefined || char === '\n') throw new SyntaxError('not closed');
      if (char === quote) return text;
      text += char === '\\' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++] ?? '';
    if (Object.hasOwn(ESCAPES, char)) return ESCAPES[char]!;
    if (/[0-7]/.test(char)) {
      this.#at--;
      return String.fromCodePoint(Number.parseInt(this.#take(/[0-7]{1,3}/y)!, 8));
    }
    if (char === '' || char === 'N' || !Object.hasOwn(HEX_DIGITS, char)) {
      if (char === '' || char === 'N') throw new SyntaxError('an escape that is not known');
      return `\\${char}`; // Python keeps it
    }
    const digits = this.#text.slice(this.#at, this.#at + HEX_DIGITS[char]!);
    const code = Number.parseInt(digits, 16);
    if (digits.length !== HEX_DIGITS[char] || !/^[\da-f]+$/i.test(digits) || code > 0x10ffff)
      throw new SyntaxError('an escape that is no character');
    this.#at += digits.length;
    return String.fromCodePoint(code);
  }

  #number(): number {
    const digits = String.raw`\d(?:_?\d)*`;
    const float = String.raw`(?:${digits}\.(?:${digits})?|\.${digits})(?:[eE][+-]?${digits})?|${digits}[eE][+-]?${digits}`;
    const found = this.#take(new RegExp(`[+-]?(?:0[xX][\\da-fA-F]+|${float}|${digits})(?![\\w.])`, 'y'));
    if (found === undefined) throw new SyntaxError('not a literal');
    const text = found.replaceAll('_', '');
    if (/^[+-]?0\d+$/.test(text) && !/^[+-]?0+$/.test(text)) throw new SyntaxError('zeros in front');
    const value = text.startsWith('-') ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ''));
    if (!Number.isFinite(value)) throw new SyntaxError('too large');
    return value;
  }
}
