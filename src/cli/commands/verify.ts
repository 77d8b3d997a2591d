/** `konsil verify`: checks what a run left behind. @module */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { checkTranscript, parseTranscript } from '../../aggregation/index.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import { fingerprint } from '../../crypto/index.ts';
import { type CheckedFile, checkTogether, parseResult, type ResultFile } from '../../protocols/index.ts';
import { Output } from '../output.ts';
import { Pins } from '../pins.ts';
import { resultLines, togetherLines, transcriptLines } from '../render/transcript.ts';
import { addVerifyReport } from './verifyReport.ts';

interface Flags {
  readonly keys?: readonly string[];
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command): void {
  const verifying = program.command('verify').description('check what a run left behind');
  addVerifyReport(verifying);
  verifying
    .command('transcript')
    .description('whether a coordinator that kept to these messages could have learned more than the sums')
    .argument(
      '<file-or-folder...>',
      'files of `konsil run --transcript`, or folders of them; those of one run are compared',
    )
    .option(
      '--keys <folder-or-file>',
      'keys to expect: an identity folder (its own and those it pinned), or a file of public identities; may be repeated',
      (path: string, all: readonly string[] | undefined): readonly string[] => [...(all ?? []), path],
    )
    .option('--json', 'one JSON value a line')
    .addHelpText('after', '\nExit code 0 when every rule is kept, 1 when one is not or a file is no transcript.')
    .action(verify);
}

/** @throws KonsilError FILE_NOT_FOUND, KEY_INVALID; TRANSCRIPT_INVALID naming a file that is none, or after all was printed. */
function verify(paths: readonly string[], flags: Flags): void {
  const output = new Output(flags.json ?? false);
  const pins = Pins.read(flags.keys ?? []);
  const [read, results] = readFiles(paths.flatMap(filesAt));
  const files = read.map(({ file, report }) => ({ file, report: comparedWith(pins, report) }));
  const together = checkTogether(files, results);
  for (const { file, report } of files) {
    output.value(transcriptValue(file, report, pins));
    output.line(`${transcriptLines(file, report, pins).join('\n')}\n`);
  }
  for (const { file, result } of results) {
    const confirmedBy = together.confirmedBy.get(file) ?? [];
    output.value({ type: 'result', file, run: result.runId, parameters: result.parameters, confirmedBy });
    output.line(`${resultLines(file, result, confirmedBy).join('\n')}\n`);
  }
  const wrong = together.wrong.length + files.reduce((sum, { report }) => sum + report.findings.length, 0);
  const absent = pins.unnamedNotAmong(
    new Set(files.flatMap(({ report }) => [report.coordinator!, ...report.pods.map(({ id }) => id)])),
  );
  const notes = [
    ...together.notes,
    ...absent.map((id) => ({ file: '--keys', what: `${fingerprint(id)} is in none of these transcripts` })),
  ];
  for (const line of togetherLines({ ...together, notes })) output.line(line);
  output.value({
    ...{ type: 'verdict', transcripts: files.length, wrong, keys: pins.isEmpty ? 'taken from the files' : 'compared' },
    ...{ together: together.wrong, notes },
  });
  if (wrong > 0)
    throw new KonsilError(
      'TRANSCRIPT_INVALID',
      `${wrong} ${wrong === 1 ? 'rule is' : 'rules are'} not kept: see WRONG above`,
    );
  output.line(`${files.length} transcript${files.length === 1 ? '' : 's'}: every rule is kept`);
  if (pins.isEmpty) output.line('The keys are those that the files name: give your own with --keys.');
}

type Report = CheckedFile['report'];

/** The report with keys other than those given among its findings. */
function comparedWith(pins: Pins, report: Report): Report {
  const what = 'has another key than the one you gave';
  const findings = report.pods
    .filter(({ name, id }) => pins.ofPod(name, id) === 'OTHER KEY')
    .map(({ name }) => ({ line: 1, pod: name, what }));
  const { coordinator } = report;
  if (coordinator && pins.ofCoordinator(coordinator) === 'OTHER KEY')
    findings.push({ line: 1, pod: 'the coordinator', what });
  return { ...report, findings: [...findings, ...report.findings] };
}

function transcriptValue(file: string, report: Report, pins: Pins): unknown {
  const { session, coordinator, pods, onceOnly: _onceOnly, agreed, ...rest } = report;
  const thresholds = session && {
    ...{ pods: session.n, neighbours: session.k, colluding: session.colluding, threshold: session.t },
    ...{ signatures: session.signatures, minimum: session.minSurvivors },
  };
  return {
    ...{ type: 'transcript', file, run: session?.runId, round: session?.round, attempt: session?.attempt },
    ...{ purpose: session?.purpose, thresholds, model: agreed.model, parameters: agreed.parameters },
    coordinator: coordinator && { fingerprint: fingerprint(coordinator), key: pins.ofCoordinator(coordinator) },
    ...rest,
    pods: pods.map(({ id, ...pod }) => ({ ...pod, fingerprint: fingerprint(id), key: pins.ofPod(pod.name, id) })),
  };
}

/** @throws KonsilError TRANSCRIPT_INVALID naming file and line. */
function readFiles(paths: readonly string[]): [CheckedFile[], ResultFile[]] {
  const [files, results]: [CheckedFile[], ResultFile[]] = [[], []];
  for (const path of paths) {
    const file = basename(path);
    const text = readText(path);
    try {
      const result = parseResult(text);
      if (result) results.push({ file, result });
      else files.push({ file, report: checkTranscript(parseTranscript(text)) });
    } catch (error) {
      if (!isKonsilError(error, 'TRANSCRIPT_INVALID')) throw error;
      throw new KonsilError(
        'TRANSCRIPT_INVALID',
        `${path}: ${error.message}`,
        { ...error.facts, path },
        { cause: error },
      );
    }
  }
  return [files, results];
}

const unreadable = (path: string, why: string, cause?: unknown): KonsilError =>
  new KonsilError('FILE_NOT_FOUND', `${path}: ${why}`, { path }, { cause });

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, 'cannot be read', cause);
  }
}

/** @throws KonsilError FILE_NOT_FOUND when there is none. */
function filesAt(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw unreadable(path, 'cannot be read', cause);
  }
  if (!isFolder) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.jsonl'));
  if (names.length === 0) throw unreadable(path, 'no transcript in this folder');
  return names.sort().map((name) => join(path, name));
}
