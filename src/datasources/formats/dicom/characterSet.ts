/**
 * Text of a data set: Specific Character Set, with the escapes of ISO/IEC 2022.
 * @module
 */

/** Defined terms without code extensions. @source DICOM PS3.3 §C.12.1.1.2; labels of the Encoding standard. */
const SINGLE: Readonly<Record<string, string>> = {
  '': 'iso-8859-1',
  'IR 6': 'iso-8859-1',
  'IR 100': 'iso-8859-1',
  'IR 101': 'iso-8859-2',
  'IR 109': 'iso-8859-3',
  'IR 110': 'iso-8859-4',
  'IR 144': 'iso-8859-5',
  'IR 127': 'iso-8859-6',
  'IR 126': 'iso-8859-7',
  'IR 138': 'iso-8859-8',
  'IR 148': 'iso-8859-9',
  'IR 203': 'iso-8859-15',
  'IR 13': 'shift_jis',
  'IR 87': 'iso-8859-1',
  'IR 159': 'iso-8859-1',
  'IR 149': 'euc-kr',
  'IR 58': 'gb18030',
  'IR 166': 'windows-874',
  'IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gb18030',
};

/** A set of characters that an escape calls: its label, and the bytes to put before or set in each character. */
interface CodeSet {
  readonly label: string;
  readonly bytesPerCharacter: 1 | 2;
  /** Set in every byte: the decoders know these sets by their upper half. */
  readonly set: 0 | 0x80;
  readonly prefix?: number;
}

const ASCII: CodeSet = { label: 'iso-8859-1', bytesPerCharacter: 1, set: 0 };

/** Escapes to the lower half of the code table. @source DICOM PS3.3 Tables C.12-3 and C.12-4. */
const LOWER: Readonly<Record<string, CodeSet>> = {
  '(B': ASCII,
  '(J': { ...ASCII, label: 'shift_jis' },
  $B: { label: 'euc-jp', bytesPerCharacter: 2, set: 0x80 },
  '$(D': { label: 'euc-jp', bytesPerCharacter: 2, set: 0x80, prefix: 0x8f },
};

/** Escapes to the upper half. */
const UPPER: Readonly<Record<string, string>> = {
  '-A': 'iso-8859-1',
  '-B': 'iso-8859-2',
  '-C': 'iso-8859-3',
  '-D': 'iso-8859-4',
  '-F': 'iso-8859-7',
  '-G': 'iso-8859-6',
  '-H': 'iso-8859-8',
  '-L': 'iso-8859-5',
  '-M': 'iso-8859-9',
  '-T': 'windows-874',
  '-b': 'iso-8859-15',
  ')I': 'shift_jis',
  '$)A': 'gb18030',
  '$)C': 'euc-kr',
};

const ESCAPE = 0x1b;
/** Characters that call the first set again: ends of lines, of values, and of the parts of a person's name. */
const DELIMITERS = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c]);
const NAME_DELIMITERS = new Set([...DELIMITERS, 0x5e, 0x3d]);

const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

/** Characters of `bytes`; those that are none in the set become U+FFFD. */
function decodeWith(label: string, bytes: Uint8Array): string {
  let decoder = decoders.get(label);
  if (decoder === undefined) decoders.set(label, (decoder = new TextDecoder(label)));
  return decoder.decode(bytes);
}

/** How the text of a data set is written. */
export interface CharacterSet {
  /** Of the first value. */
  readonly label: string;
  /** Whether escapes may call other sets. */
  readonly hasEscapes: boolean;
}

export const DEFAULT_CHARACTER_SET: CharacterSet = { label: 'iso-8859-1', hasEscapes: false };

/**
 * The set that the values of Specific Character Set (0008,0005) name; what is unknown counts as Latin 1.
 * Spellings such as `ISO-IR 100` and `ISO IR 100` are common and mean the same.
 */
export function characterSetOf(values: readonly string[]): CharacterSet {
  const terms = values.map((value) => value.toUpperCase().replace(/[_-]/g, ' ').trim());
  const first = (terms[0] ?? '').replace(/^ISO (2022 )?(?=IR)/, '');
  const label =
    SINGLE[first] ?? (first.includes('8859') ? 'iso-8859-1' : first.startsWith('UTF') ? 'utf-8' : undefined);
  // sets without extensions know no escapes, and UTF-8 may hold none
  const hasEscapes = (values.length > 1 || terms[0]?.includes('2022') === true) && !/192|^GB/.test(first);
  return { label: label ?? DEFAULT_CHARACTER_SET.label, hasEscapes };
}

/** Text of `bytes`. @param isName - Whether it is a person's name, whose parts begin in the first set again. */
export function decodeText(bytes: Uint8Array, { label, hasEscapes }: CharacterSet, isName: boolean): string {
  if (!hasEscapes || !bytes.includes(ESCAPE)) return decodeWith(label, bytes);
  const delimiters = isName ? NAME_DELIMITERS : DELIMITERS;
  let lower: CodeSet = ASCII;
  let upper = label;
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === ESCAPE) {
      const sequence = escapeAt(bytes, at + 1);
      lower = LOWER[sequence] ?? lower;
      upper = UPPER[sequence] ?? upper;
      at += 1 + sequence.length;
      continue;
    }
    const isUpper = bytes[at]! >= 0x80;
    const isWide = !isUpper && lower.bytesPerCharacter === 2;
    if (!isWide && delimiters.has(bytes[at]!)) [lower, upper] = [ASCII, label];
    const end = runEnd(bytes, at, isUpper, isWide ? undefined : delimiters);
    const run = bytes.subarray(at, end);
    text += isUpper ? decodeWith(upper, run) : decodeWith(lower.label, lowerBytes(run, lower));
    at = end;
  }
  return text;
}

/** The escape sequence after ESC: intermediate bytes 2/0 to 2/15 and a final one; empty when there is none. */
function escapeAt(bytes: Uint8Array, at: number): string {
  let end = at;
  while (end < bytes.length && end < at + 3 && bytes[end]! >= 0x20 && bytes[end]! <= 0x2f) end++;
  return String.fromCharCode(...bytes.subarray(at, Math.min(end + 1, bytes.length)));
}

/** End of the run of characters of the same half; a delimiter is a run of its own. */
function runEnd(
  bytes: Uint8Array,
  start: number,
  isUpper: boolean,
  delimiters: ReadonlySet<number> | undefined,
): number {
  if (delimiters?.has(bytes[start]!)) return start + 1;
  let end = start + 1;
  while (end < bytes.length && bytes[end] !== ESCAPE && bytes[end]! >= 0x80 === isUpper) {
    if (delimiters?.has(bytes[end]!)) break;
    end++;
  }
  return end;
}

function lowerBytes(run: Uint8Array, { set, prefix }: CodeSet): Uint8Array {
  if (set === 0) return run;
  if (prefix === undefined) return run.map((byte) => byte | set);
  const out = new Uint8Array(Math.ceil(run.length / 2) * 3);
  let at = 0;
  for (let i = 0; i < run.length; i += 2) {
    out[at++] = prefix;
    out[at++] = run[i]! | set;
    if (i + 1 < run.length) out[at++] = run[i + 1]! | set;
  }
  return out.subarray(0, at);
}
