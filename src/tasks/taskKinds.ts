/**
 * Task files of any kind: which one it is, its protocol's name tells.
 * @module
 */
import {
  type Analysis,
  analysisFromWire,
  type LocalAnalysis,
  parseAnalysis,
  type Question,
  questionToWire,
} from './analysis/analysis.ts';
import { looseYaml, readConfigText } from './configFile.ts';
import { inferenceFromWire, inferenceToWire, parseInference } from './inference/task.ts';
import { ANALYSIS_PROTOCOLS, bareName, INFERENCE_ALGORITHMS, INFERENCE_PROTOCOLS } from './names.ts';
import { fromWire, type LocalTask, readTask, type Task } from './task.ts';

/** A task as all parties know it. */
export type AnyTask = Task | Analysis;
export type AnyLocalTask = LocalTask | LocalAnalysis;

const ASKING: readonly string[] = [...ANALYSIS_PROTOCOLS, ...INFERENCE_PROTOCOLS];

/** Whether a task asks or runs a model, and trains nothing. */
export function isAnalysis<T extends AnyTask>(task: T): task is Extract<T, Analysis> {
  return ASKING.includes(task.protocol.name);
}

/** The task of a file, whatever kind it is. @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND. */
export async function readAnyTask(path: string): Promise<AnyLocalTask> {
  const text = await readConfigText(path);
  const kind = kindOf(looseYaml(text));
  if (kind === 'training') return readTask(path);
  return kind === 'inference' ? parseInference(text, path) : parseAnalysis(text, path);
}

/** The task that another party sent. @throws KonsilError TASK_REJECTED. */
export function anyFromWire(json: unknown): AnyTask {
  const kind = kindOf(json);
  if (kind === 'training') return fromWire(json);
  return kind === 'inference' ? inferenceFromWire(json) : analysisFromWire(json);
}

/** Plain JSON of a task that asks for the pods, in the keys of its file. */
export function analysisToWire(analysis: Analysis): object {
  return analysis.algorithm.name === 'ModelInference'
    ? inferenceToWire({ ...analysis, algorithm: analysis.algorithm })
    : questionToWire(analysis as Question);
}

/** What a file says that it is; whether it holds together is the schema's business. */
function kindOf(json: unknown): 'training' | 'question' | 'inference' {
  const { task } = (json ?? {}) as { task?: { protocol?: { name?: unknown }; algorithm?: unknown } | null };
  const name = task?.protocol?.name;
  if (typeof name !== 'string' || !ASKING.includes(bareName(name))) return 'training';
  if (INFERENCE_PROTOCOLS.some((known) => known === bareName(name))) return 'inference';
  const listed = Array.isArray(task?.algorithm) ? (task.algorithm as unknown[]) : [task?.algorithm];
  const names = listed.map((one) => (one as { name?: unknown } | null | undefined)?.name);
  const runsModels = names.some(
    (one) => typeof one === 'string' && INFERENCE_ALGORITHMS.some((known) => known === bareName(one)),
  );
  return runsModels ? 'inference' : 'question';
}
