/**
 * What transcripts show only together: whether a sum was asked for twice, a key or nonce came again, all sums were of one
 * task and one set of identities, and whether the final parameters are those that pods signed for.
 * @source docs/reference/secure-aggregation.md, section 16.
 * @module
 */
import { z } from 'zod';
import { parseLine, TRANSCRIPT_FORMAT, type TranscriptReport } from '../aggregation/index.ts';
import { isKonsilError } from '../base/index.ts';
import { importPublic } from '../crypto/index.ts';
import { confirmedBy } from './resultDigest.ts';
import { MAX_ATTEMPTS } from './secureSum/nonces.ts';

const Signature = z.base64().transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'base64')));
const ResultLine = z.strictObject({
  type: z.literal('result'),
  format: z.literal(TRANSCRIPT_FORMAT),
  at: z.iso.datetime(),
  runId: z.string(),
  /** SHA-256 of model file and final parameters, hexadecimal. */
  model: z.string(),
  parameters: z.string(),
  statements: z.array(z.strictObject({ name: z.string(), public: z.string(), signature: Signature })),
});

/** The final parameters, with the pods' signatures for them. */
export type ResultTranscript = Omit<z.output<typeof ResultLine>, 'type' | 'format'>;

/** The only line of a result's file, without its end. */
export function resultLine({ statements, ...rest }: ResultTranscript): string {
  const signed = statements.map(({ signature, ...statement }) => ({
    ...statement,
    signature: Buffer.from(signature).toString('base64'),
  }));
  return JSON.stringify({ type: 'result', format: TRANSCRIPT_FORMAT, ...rest, statements: signed });
}

/** Reads {@link resultLine}; null when `text` is another kind of file. @throws KonsilError TRANSCRIPT_INVALID. */
export function parseResult(text: string): ResultTranscript | null {
  if (!text.startsWith('{"type":"result"')) return null;
  const { at, runId, model, parameters, statements } = parseLine(ResultLine, text.trimEnd(), 1);
  return { at, runId, model, parameters, statements };
}

/** Something about one file, seen beside the others. */
export interface FileFinding {
  readonly file: string;
  readonly what: string;
}

/** A checked transcript and the name of its file. */
export interface CheckedFile {
  readonly file: string;
  readonly report: TranscriptReport;
}
export interface ResultFile {
  readonly file: string;
  readonly result: ResultTranscript;
}

export interface RunReport {
  /** Rules that are not kept. */
  readonly wrong: readonly FileFinding[];
  /** What breaks no rule and yet should be known. */
  readonly notes: readonly FileFinding[];
  /** Pods whose signatures for the final parameters are good, by file. */
  readonly confirmedBy: ReadonlyMap<string, readonly string[]>;
}

/** A transcript whose session opened. */
type Opened = CheckedFile & { readonly report: { readonly session: NonNullable<TranscriptReport['session']> } };

/** Looks at transcripts of one or more runs together. Order does not matter. */
export function checkTogether(files: readonly CheckedFile[], results: readonly ResultFile[]): RunReport {
  const opened = files
    .filter((file): file is Opened => file.report.session !== null)
    .sort(({ report: { session: a } }, { report: { session: b } }) => a.round - b.round || a.attempt - b.attempt);
  const confirmed = new Map<string, string[]>();
  return {
    wrong: [
      ...attemptsAgain(opened),
      ...onceOnlyAgain(opened),
      ...otherParties(opened),
      ...results.flatMap((result) => wrongResult(result, opened, confirmed)),
    ],
    notes: [...nearlyEqualCohorts(opened), ...missing(opened, results)],
    confirmedBy: confirmed,
  };
}

const runOf = ({ report }: Opened): string => report.session.runId;
const sumOf = ({ report: { session } }: Opened): string => JSON.stringify([session.runId, session.round]);

/** Pods never answer for a sum again once shares were asked for, nor in more attempts than they have nonces. */
function attemptsAgain(files: readonly Opened[]): FileFinding[] {
  return files.flatMap((one, i) => {
    const { file, report } = one;
    const { purpose, attempt } = report.session;
    const found = attempt < MAX_ATTEMPTS ? [] : [`attempt ${attempt} is one too many: ${MAX_ATTEMPTS} are allowed`];
    for (const other of files.slice(0, i)) {
      if (sumOf(other) !== sumOf(one)) continue;
      const { session: before, isSpent } = other.report;
      if (before.purpose !== purpose) found.push(`uses the protocol round of ${other.file} for another purpose`);
      else if (before.attempt === attempt) found.push(`is of the same attempt as ${other.file}`);
      else if (isSpent) found.push(`tries the sum of ${other.file} again, for which shares were asked already`);
    }
    return found.map((what) => ({ file, what }));
  });
}

/** Advertised keys and revealed nonces are fresh in every attempt: a repeated mask no longer hides. */
function onceOnlyAgain(files: readonly Opened[]): FileFinding[] {
  const seen = new Map<string, string>();
  return files.flatMap(({ file, report }) => {
    const again = report.onceOnly.find((value) => seen.has(value));
    const before = again !== undefined && seen.get(again);
    for (const value of report.onceOnly) seen.set(value, file);
    return before === false || before === undefined
      ? []
      : [{ file, what: `a pod used a key or nonce of ${before} again: masks under it no longer hide` }];
  });
}

/** A run has one coordinator, one key a pod, one task and one model. */
function otherParties(files: readonly Opened[]): FileFinding[] {
  const first = new Map<string, { readonly file: string; readonly value: string }>();
  return files.flatMap((one) => {
    const { file, report } = one;
    const facts: [string, string][] = [
      ['coordinator', report.coordinator ?? ''],
      ['task', report.agreed.task],
      ['model', report.agreed.model],
      ...report.pods.map(({ name, id }): [string, string] => [`key of ${name}`, id]),
    ];
    return facts.flatMap(([what, value]) => {
      const key = JSON.stringify([runOf(one), what]);
      const before = first.get(key);
      if (!before) first.set(key, { file, value });
      return !before || before.value === value ? [] : [{ file, what: `has another ${what} than ${before.file}` }];
    });
  });
}

/** Two sums whose cohorts differ by one pod differ by that pod's input, as far as the others' inputs stay the same. */
function nearlyEqualCohorts(files: readonly Opened[]): FileFinding[] {
  const before = new Map<string, Opened>();
  return files.flatMap((one) => {
    const { file, report } = one;
    if (!report.isSpent || !report.survivors) return [];
    const key = JSON.stringify([runOf(one), report.session.purpose]);
    const other = before.get(key);
    before.set(key, one);
    if (!other) return [];
    const [mine, theirs] = [report.survivors, other.report.survivors!];
    const apart = [...mine.filter((pod) => !theirs.includes(pod)), ...theirs.filter((pod) => !mine.includes(pod))];
    if (apart.length !== 1) return [];
    const isSame = other.report.agreed.parameters === report.agreed.parameters;
    const inputs = isSame
      ? 'their inputs come from the same parameters'
      : 'their inputs come from different parameters';
    return [{ file, what: `its sum and that of ${other.file} differ by ${apart[0]!} alone; ${inputs}` }];
  });
}

/** Gaps: the coordinator may have given a round up, or kept a transcript back. */
function missing(files: readonly Opened[], results: readonly ResultFile[]): FileFinding[] {
  return [...new Set(files.map(runOf))].flatMap((runId) => {
    const ofRun = files.filter((file) => runOf(file) === runId);
    const last = ofRun.at(-1)!;
    const rounds = new Set(ofRun.map(({ report }) => report.session.round));
    const absent = Array.from({ length: last.report.session.round }, (_, round) => round).filter((r) => !rounds.has(r));
    const attempts = new Set(ofRun.map((one) => `${sumOf(one)} ${one.report.session.attempt}`));
    const gaps = ofRun.filter(
      (one) => one.report.session.attempt > 0 && !attempts.has(`${sumOf(one)} ${one.report.session.attempt - 1}`),
    );
    const notes = gaps.map(({ file }) => ({ file, what: 'the attempt before it is not among these files' }));
    if (absent.length > 0)
      notes.push({
        file: last.file,
        what: `protocol rounds before it that are not among these files: ${absent.join(', ')}`,
      });
    if (!results.some(({ result }) => result.runId === runId))
      notes.push({
        file: last.file,
        what: 'there is no result.jsonl of its run: nobody is shown to have got the final parameters',
      });
    return notes;
  });
}

/** The final parameters are those of the evaluation, and each statement is signed by the key the pod had in the sums. */
function wrongResult(
  { file, result }: ResultFile,
  files: readonly Opened[],
  confirmed: Map<string, string[]>,
): FileFinding[] {
  const ofRun = files.filter((one) => runOf(one) === result.runId);
  const evaluation = ofRun.findLast(({ report }) => report.session.purpose === 'evaluation');
  const found: string[] = [];
  if (evaluation && evaluation.report.agreed.parameters !== result.parameters)
    found.push(`its parameters are not those that pods worked from in ${evaluation.file}`);
  if (ofRun[0] && ofRun[0].report.agreed.model !== result.model) found.push(`has another model than ${ofRun[0].file}`);
  const view = { run: result.runId, modelId: result.model, parametersId: result.parameters };
  const good = new Set<string>();
  for (const { name, public: line, signature } of result.statements) {
    const known = ofRun.flatMap(({ report }) => report.pods).find((pod) => pod.name === name);
    const peer = findPublic(line);
    if (known && known.id !== peer?.id) found.push(`has another key of ${name} than its sums`);
    const members = new Map(peer ? [[name, { name, publicKey: peer.signing }]] : []);
    if (confirmedBy(view, [{ name, signature }], members).length > 0) good.add(name);
    else found.push(`the signature of ${name} is not valid for these parameters`);
  }
  confirmed.set(file, [...good].sort());
  return found.map((what) => ({ file, what }));
}

function findPublic(line: string): ReturnType<typeof importPublic> | null {
  try {
    return importPublic(line);
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    return null; // told as a signature that is not valid
  }
}
