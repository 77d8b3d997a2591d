/** Writes an evaluation's record, report and tables, and tells where they are. @module */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';
import { type EvaluationResult, evaluationSummary, evaluationTables, renderEvaluation } from '../reports/index.ts';
import type { Output } from './output.ts';

/** @throws KonsilError FILE_WRITE_FAILED naming the folder. */
export function reportEvaluation(output: Output, folder: string, result: EvaluationResult): void {
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
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${folder}: ${messageOf(cause)}`, { folder }, { cause });
  }
  output.line();
  output.line(evaluationSummary(result));
  output.line();
  output.line(`record  ${files.record}`);
  output.line(`tables  ${files.tables}`);
  output.line(`report  ${files.report}`);
  output.value({ type: 'evaluation', files, result });
}
