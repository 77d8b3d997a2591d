/**
 * Task files of any kind: which one it is, its protocol's name tells.
 * @module
 */
import { type Analysis, analysisFromWire, type LocalAnalysis, parseAnalysis } from './analysis/analysis.ts';
import { looseYaml, readConfigText } from './configFile.ts';
import { ANALYSIS_PROTOCOLS, bareName } from './names.ts';
import { fromWire, type LocalTask, readTask, type Task } from './task.ts';

/** A task as all parties know it. */
export type AnyTask = Task | Analysis;
export type AnyLocalTask = LocalTask | LocalAnalysis;

/** Whether a task asks, and trains nothing. */
export function isAnalysis<T extends AnyTask>(task: T): task is Extract<T, Analysis> {
  return ANALYSIS_PROTOCOLS.some((name) => name === task.protocol.name);
}

/** The task of a file, whatever kind it is. @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND. */
export async function readAnyTask(path: string): Promise<AnyLocalTask> {
  const text = await readConfigText(path);
  return asks(looseYaml(text)) ? parseAnalysis(text, path) : readTask(path);
}

/** The task that another party sent. @throws KonsilError TASK_REJECTED. */
export function anyFromWire(json: unknown): AnyTask {
  return asks(json) ? analysisFromWire(json) : fromWire(json);
}

function asks(json: unknown): boolean {
  const name = (json as { task?: { protocol?: { name?: unknown } } } | null | undefined)?.task?.protocol?.name;
  return typeof name === 'string' && ANALYSIS_PROTOCOLS.some((known) => known === bareName(name));
}
