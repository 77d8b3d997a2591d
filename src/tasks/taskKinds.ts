/**
 * Task files of any kind: which one it is, its protocol's name tells.
 * @module
 */
import { isMap } from 'yaml';
import {
  type Analysis,
  analysisFromWire,
  type LocalAnalysis,
  parseAnalysis,
  type Question,
  questionToWire,
  readAnalysis,
} from './analysis/analysis.ts';
import { analysisFile } from './analysis/file.ts';
import { checkJson, readConfigText } from './configFile.ts';
import { inferenceFile } from './inference/file.ts';
import { inferenceFromWire, inferenceToWire, parseInference, readInference } from './inference/task.ts';
import { ANALYSIS_PROTOCOLS, bareName, INFERENCE_ALGORITHMS, INFERENCE_PROTOCOLS } from './names.ts';
import { fromWire, type LocalTask, parseOpenTask, readOpenTask, type Task } from './task.ts';
import { taskFile } from './taskFile.ts';
import { fillIn, fillInSamples, type TaskInputs } from './template/fill.ts';
import { failAt, openYaml, type Problem, valuesOf, type YamlFile } from './yamlFile.ts';

/** A task as all parties know it. */
export type AnyTask = Task | Analysis;
export type AnyLocalTask = LocalTask | LocalAnalysis;

const ASKING: readonly string[] = [...ANALYSIS_PROTOCOLS, ...INFERENCE_PROTOCOLS];

/** Whether a task asks or runs a model, and trains nothing. */
export function isAnalysis<T extends AnyTask>(task: T): task is Extract<T, Analysis> {
  return ASKING.includes(task.protocol.name);
}

/**
 * The task of a file, whatever kind it is.
 * @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND; USAGE when `inputs` do not fit the file's template.
 */
export async function readAnyTask(path: string, inputs?: TaskInputs): Promise<AnyLocalTask> {
  return readOpen(fillIn(openYaml(await readConfigText(path), path), inputs));
}

async function readOpen(yaml: YamlFile): Promise<AnyLocalTask> {
  const kind = kindOf(valuesOf(yaml));
  if (kind === 'training') return readOpenTask(yaml);
  return kind === 'inference' ? readInference(yaml) : readAnalysis(yaml);
}

const SCHEMAS = { training: taskFile, question: analysisFile, inference: inferenceFile } as const;

/** So many pods are made up for a task that is checked without its own. */
const MADE_UP_PODS = 3;

/**
 * Checks a task file that others are to run on data of their own: what it says of pods does not count. Values of inputs
 * that have no default are made up; rules between keys are then left to whoever gives the values.
 * @returns The names of these inputs.
 * @throws KonsilError CONFIG_INVALID, FILE_NOT_FOUND.
 */
export async function checkTaskTemplate(path: string): Promise<readonly string[]> {
  const yaml = openYaml(await readConfigText(path), path);
  const open = fillInSamples(yaml);
  replacePods(yaml);
  const json = valuesOf(yaml);
  if (open.length === 0) {
    const kind = kindOf(json);
    if (kind === 'inference') parseInference(yaml, path);
    else if (kind === 'question') parseAnalysis(yaml, path);
    else await parseOpenTask(yaml);
    return [];
  }
  const checked = checkJson(json, { schema: SCHEMAS[kindOf(json)], check: () => [] });
  const isMadeUp = ({ path: at }: Problem): boolean =>
    open.some(({ path: known }) => known.every((part, i) => String(part) === String(at[i])));
  const problems = 'problems' in checked ? checked.problems.filter((problem) => !isMadeUp(problem)) : [];
  if (problems.length > 0) failAt(yaml, problems);
  return [...new Set(open.map(({ name }) => name))];
}

/** The pods that are named, and others up to enough. */
function replacePods(yaml: YamlFile): void {
  const pods = (valuesOf(yaml) as { pods?: { identifiers?: unknown } } | null)?.pods?.identifiers;
  const named = Array.isArray(pods) ? pods.filter((pod) => typeof pod === 'string') : [];
  const missing = Math.max(0, MADE_UP_PODS - named.length);
  const all = [...named, ...Array.from({ length: missing }, (_, i) => `site-${i + 1}/dataset`)];
  if (isMap(yaml.document.contents)) yaml.document.setIn(['pods', 'identifiers'], yaml.document.createNode(all));
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
