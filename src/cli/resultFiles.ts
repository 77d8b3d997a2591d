/** Writes a run's result files and tells where they are. @module */
import { copyFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';
import { type RunResult, renderReport, renderSummary } from '../reports/index.ts';
import type { LocalTask } from '../tasks/index.ts';
import type { Output } from './output.ts';

/** Absolute paths of what was written. */
interface ResultFiles {
  readonly model: string | null;
  readonly result: string;
  readonly report: string;
}

/** @throws KonsilError FILE_WRITE_FAILED naming the folder. */
function writeResultFiles(folder: string, task: LocalTask, result: RunResult, report: string): ResultFiles {
  const files: ResultFiles = {
    model: result.model.file === null ? null : join(folder, result.model.file),
    result: join(folder, 'result.json'),
    report: join(folder, 'report.html'),
  };
  try {
    writeFileSync(files.result, `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(files.report, report);
    const { checkpointFilename } = task.local;
    if (files.model && checkpointFilename)
      copyFileSync(files.model, join(folder, `${checkpointFilename}${extname(files.model)}`));
  } catch (cause) {
    throw new KonsilError(
      'FILE_WRITE_FAILED',
      `${folder}: ${messageOf(cause)}; the model is kept`,
      { folder },
      { cause },
    );
  }
  return files;
}

/** Writes a run's files, and tells its summary and where they are. @throws KonsilError FILE_WRITE_FAILED */
export function reportResult(output: Output, folder: string, task: LocalTask, result: RunResult): void {
  const files = writeResultFiles(folder, task, result, renderReport(result));
  output.line();
  output.line(renderSummary(result));
  output.line();
  if (files.model) output.line(`model   ${files.model}`);
  output.line(`result  ${files.result}`);
  output.line(`report  ${files.report}`);
  output.value({ type: 'result', files, result });
}
