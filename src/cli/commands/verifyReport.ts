/** `konsil verify report`: whether an evaluation's report shows what the pods signed. @module */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { KonsilError, toHex, utf8 } from '../../base/index.ts';
import { fingerprint, importPublic, sha256 } from '../../crypto/index.ts';
import { checkEvaluationAnswer, type EvaluationFinding } from '../../protocols/index.ts';
import { type EvaluationResult, readEvaluation, renderEvaluation } from '../../reports/index.ts';
import { checkScores } from '../evaluationFiles.ts';
import { Output } from '../output.ts';
import { VERSION } from '../package.ts';
import { Pins } from '../pins.ts';

interface Flags {
  readonly keys?: readonly string[];
  readonly task?: string;
  readonly model?: readonly string[];
  readonly json?: boolean;
}

const collect = (path: string, all: readonly string[] | undefined): readonly string[] => [...(all ?? []), path];

export function addVerifyReport(verify: Command): void {
  verify
    .command('report')
    .description('whether the report of an evaluation shows what the pods have signed')
    .argument('<file>', 'report.html or evaluation.json')
    .option(
      '--keys <folder-or-file>',
      'keys to expect: an identity folder (its own and those it pinned), or a file of public identities; may be repeated',
      collect,
    )
    .option('--task <file>', 'the task as it was sent: task.json in the folder of the run')
    .option('--model <file>', 'a model that is to be among those evaluated; may be repeated', collect)
    .option('--json', 'one JSON value a line')
    .addHelpText('after', '\nExit code 0 when everything holds, 1 when something does not.')
    .action(verifyReport);
}

/** @throws KonsilError FILE_NOT_FOUND, KEY_INVALID; REPORT_INVALID for a file that is none, or after all was printed. */
function verifyReport(file: string, flags: Flags): void {
  const output = new Output(flags.json ?? false);
  const text = readText(file);
  const result = readEvaluation(text, file);
  const pins = Pins.read(flags.keys ?? []);
  const findings: EvaluationFinding[] = [];
  for (const signed of result.answers) {
    const inAnswer = checkAnswer(result, signed, pins);
    const found = inAnswer.length > 0 ? inAnswer : checkScores(dirname(file), signed);
    findings.push(...found);
    const { pod, model, identity } = signed;
    const name = result.models[model]?.name ?? `model ${model}`;
    const key = keyOf(identity);
    output.value({ type: 'answer', pod, model: name, fingerprint: key, wrong: found });
    output.line(`${found.length === 0 ? 'ok   ' : 'WRONG'}  ${pod}, ${name}  (key ${key})`);
  }
  const isPage = text.trimStart().startsWith('<');
  if (isPage && result.konsil === VERSION && renderEvaluation(result) !== text)
    findings.push({ what: 'the page is not what its record makes: somebody has changed what it shows' });
  if (isPage && result.konsil !== VERSION)
    output.line(`note: Konsil ${result.konsil} made this page; that version checks what it shows beside its record`);
  for (const [what, shown, path] of [
    ...(flags.task === undefined ? [] : [['task', [result.taskSha256], flags.task] as const]),
    ...(flags.model ?? []).map((path) => ['model', result.models.map(({ sha256: id }) => id), path] as const),
  ]) {
    const bytes = what === 'task' ? utf8(JSON.stringify(JSON.parse(readText(path)))) : new Uint8Array(readBytes(path));
    const isSame = shown.includes(toHex(sha256(bytes)));
    output.line(`${isSame ? 'ok   ' : 'WRONG'}  ${what} ${path}`);
    if (!isSame) findings.push({ what: `${path} is not the ${what} of the report` });
  }
  for (const { what } of findings) output.line(`WRONG  ${what}`);
  output.value({ type: 'verdict', answers: result.answers.length, wrong: findings });
  if (findings.length > 0)
    throw new KonsilError(
      'REPORT_INVALID',
      `${file}: ${findings.length} of its statements do not hold: see WRONG above`,
    );
  output.line(`${result.answers.length} answers: each is what its pod has signed, and the report shows it`);
  if (result.mode !== 'separate')
    output.line('Sums over sites are the coordinator’s word: pods sign what they gave, which under masks nobody sees.');
  if (pins.isEmpty) output.line('The keys are those that the report names: give your own with --keys.');
}

function checkAnswer(
  result: EvaluationResult,
  signed: EvaluationResult['answers'][number],
  pins: Pins,
): EvaluationFinding[] {
  const { pod, model, identity } = signed;
  const findings = checkEvaluationAnswer(
    { ...signed, run: result.run, task: result.taskSha256, modelSha256: result.models[model]?.sha256 ?? '' },
    result.findings[model]?.sites.find(({ site }) => site === pod)?.found,
    (result.findings[model]?.subgroups ?? []).flatMap(({ groups }) =>
      groups.map(({ sites }) => sites.find(({ site }) => site === pod)?.found),
    ),
  );
  try {
    if (pins.ofPod(pod, importPublic(identity).id) === 'OTHER KEY')
      findings.push({ what: `${pod} has another key than the one you gave` });
  } catch {
    // that its identity is none is among the findings
  }
  return findings;
}

function keyOf(identity: string): string {
  try {
    return fingerprint(importPublic(identity).id);
  } catch {
    return 'none';
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${path}: cannot be read`, { path }, { cause });
  }
}

const readText = (path: string): string => readBytes(path).toString('utf8');
