/** Writes an evaluation's record, report and tables, and tells where they are. @module */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KonsilError, messageOf, toHex } from '../base/index.ts';
import type { PodAnswer } from '../coordinator/index.ts';
import { sha256 } from '../crypto/index.ts';
import { type EvaluationFinding, readSiteEvaluation } from '../protocols/index.ts';
import { type EvaluationResult, evaluationSummary, evaluationTables, renderEvaluation } from '../reports/index.ts';
import type { Output } from './output.ts';

/**
 * @param answers - What pods have said, by model; scores of single rows among it get files of their own.
 * @throws KonsilError FILE_WRITE_FAILED naming the folder.
 */
export function reportEvaluation(
  output: Output,
  folder: string,
  result: EvaluationResult,
  answers: readonly (readonly PodAnswer[])[],
): void {
  const files = {
    record: join(folder, 'evaluation.json'),
    report: join(folder, 'report.html'),
    tables: join(folder, 'tables'),
  };
  try {
    writeFileSync(files.record, `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(files.report, renderEvaluation(result));
    mkdirSync(files.tables, { recursive: true });
    for (const { name, csv } of evaluationTables(result)) writeFileSync(join(files.tables, name), csv);
    writeScores(folder, answers);
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${folder}: ${messageOf(cause)}`, { folder }, { cause });
  }
  output.line();
  output.line(evaluationSummary(result));
  output.line();
  output.line(`record  ${files.record}`);
  output.line(`tables  ${files.tables}`);
  if (answers.flat().some(({ exact }) => exact)) output.line(`scores  ${scoresFolder(folder)}`);
  output.line(`report  ${files.report}`);
  output.value({ type: 'evaluation', files, result });
}

const scoresFolder = (folder: string): string => join(folder, 'scores');

/** @param model - Index in the record. */
const scoresFile = (folder: string, pod: string, model: number): string =>
  join(scoresFolder(folder), `${pod}-model-${model + 1}.csv`);

/** Writes the scores of single rows that sites have given, readable for the owner alone. */
export function writeScores(folder: string, answers: readonly (readonly PodAnswer[])[]): void {
  for (const [model, all] of answers.entries())
    for (const { pod, exact } of all)
      if (exact) {
        mkdirSync(scoresFolder(folder), { recursive: true, mode: 0o700 });
        writeFileSync(scoresFile(folder, pod, model), exact.text, { mode: 0o600 });
      }
}

/**
 * Whether the scores beside a report, if they are there, are those that the pod has signed.
 * @param folder - Of the report. @param answer - Which the pod has signed.
 * @throws KonsilError AGG_BAD_MESSAGE when `answer` has none.
 */
export function checkScores(
  folder: string,
  { pod, model, answer = '' }: Pick<EvaluationResult['answers'][number], 'pod' | 'model' | 'answer'>,
): EvaluationFinding[] {
  const path = scoresFile(folder, basename(pod), model);
  if (!existsSync(path)) return [];
  const { scores } = readSiteEvaluation(answer, pod);
  const signed = scores && 'sha256' in scores ? scores.sha256 : 'none';
  const isSigned = signed === toHex(sha256(new Uint8Array(readFileSync(path))));
  return isSigned ? [] : [{ what: `${path} has other scores than ${pod} has signed` }];
}
