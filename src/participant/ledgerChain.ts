/**
 * The hash chain of a ledger: each line commits to all lines before it, so that an edit, a deletion, an insertion or a
 * change of order anywhere shows at the first line that no longer follows. What it cannot show by itself is that lines are
 * missing at the end, or that somebody has written the whole file anew: for that, somebody else keeps a head.
 *
 * A line is `{"chain":"<c>",<rest>` where `{<rest>` is the entry's JSON, its *body*, byte for byte as it was written, and
 * `<c>` is 64 digits of hexadecimal:
 *
 *     c_0 = SHA-256("konsil/ledger/v1/genesis" ‖ 0x00)                          of a ledger that began with a chain
 *     c_0 = SHA-256("konsil/ledger/v1/adopted" ‖ 0x00 ‖ old)                    of one whose first lines, `old`, have none
 *     c_i = SHA-256("konsil/ledger/v1/line" ‖ 0x00 ‖ c_(i-1) ‖ body_i)          c_(i-1) as its 64 digits, body_i in UTF-8
 *
 * `old` is these lines with their ends; the first chained line after them is an entry `adopted` with their number.
 * @module
 */
import { toHex, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';

const LABEL = 'konsil/ledger/v1';
const LINE = /^\{"chain":"([0-9a-f]{64})",(.+)\}$/s;

/** A line that does not follow from those before it. */
export class ChainBreak extends Error {
  /** From 1. */
  readonly line: number;
  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

/** A ledger's lines, checked. */
export interface CheckedLines {
  /** The JSON object of each line. */
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  /** Every value the chain has had, the first being what it began with; hexadecimal. */
  readonly heads: readonly string[];
  /** Lines at the beginning that were written before ledgers had a chain. */
  readonly unchained: number;
}

/** `body` as the line that follows the chain value `head`, and the value it has. */
export function chainLine(head: string, body: string): { readonly line: string; readonly head: string } {
  const next = hash('line', utf8(head), utf8(body));
  return { line: `{"chain":"${next}",${body.slice(1)}`, head: next };
}

/** @throws ChainBreak at the first line that is none, or does not follow. */
export function checkLines(lines: readonly string[]): CheckedLines {
  const first = lines.findIndex((line) => LINE.test(line));
  const unchained = first < 0 ? lines.length : first;
  const old = lines.slice(0, unchained);
  const entries = old.map((line, i) => parse(line, i + 1));
  let head = unchained === 0 ? hash('genesis') : hash('adopted', utf8(old.map((line) => `${line}\n`).join('')));
  const heads = [head];
  for (let i = unchained; i < lines.length; i++) {
    const [, chain, rest] = LINE.exec(lines[i]!) ?? [];
    if (chain === undefined) throw new ChainBreak(i + 1, 'has no chain value, unlike a line before it');
    const body = `{${rest!}}`;
    head = hash('line', utf8(head), utf8(body));
    if (chain !== head)
      throw new ChainBreak(
        i + 1,
        'does not follow from the lines before it: it was changed, or one before it was changed, removed, added or moved',
      );
    heads.push(head);
    entries.push(parse(body, i + 1));
  }
  const adopted = entries[unchained];
  if (unchained > 0 && adopted && (adopted['event'] !== 'adopted' || adopted['lines'] !== unchained))
    throw new ChainBreak(unchained + 1, `does not take over the ${unchained} lines without a chain before it`);
  return { entries, heads, unchained };
}

function parse(body: string, line: number): Record<string, unknown> {
  try {
    const entry: unknown = JSON.parse(body);
    if (typeof entry === 'object' && entry !== null) return entry as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new ChainBreak(line, 'is not a line of a ledger');
}

function hash(what: 'genesis' | 'adopted' | 'line', ...parts: readonly Uint8Array[]): string {
  return toHex(sha256(utf8(`${LABEL}/${what}\0`), ...parts));
}
