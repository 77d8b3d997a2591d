/**
 * Task files of any kind: which one it is, its protocol's name tells.
 * @module
 */
import { isMap } from 'yaml';
import { type Analysis, analysisFromWire, type LocalAnalysis, parseAnalysis } from './analysis/analysis.ts';
import { analysisFile } from './analysis/file.ts';
import { checkJson, readConfigText } from './configFile.ts';
import { ANALYSIS_PROTOCOLS, bareName } from './names.ts';
import { withStoredModels } from './storedModels.ts';
import { fromWire, type LocalTask, parseOpenTask, readOpenTask, type Task } from './task.ts';
import { taskFile } from './taskFile.ts';
import { fillIn, fillInSamples, type TaskInputs } from './template/fill.ts';
import { failAt, openYaml, type Problem, valuesOf, type YamlFile } from './yamlFile.ts';

/** A task as all parties know it. */
export type AnyTask = Task | Analysis;
export type AnyLocalTask = LocalTask | LocalAnalysis;

/** Whether a task asks, and trains nothing. */
export function isAnalysis<T extends AnyTask>(task: T): task is Extract<T, Analysis> {
  return ANALYSIS_PROTOCOLS.some((name) => name === task.protocol.name);
}

/**
 * The task of a file, whatever kind it is.
 * @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND; USAGE when `inputs` do not fit the file's template.
 */
export async function readAnyTask(path: string, inputs?: TaskInputs): Promise<AnyLocalTask> {
  return readOpen(fillIn(openYaml(await readConfigText(path), path), inputs));
}

async function readOpen(yaml: YamlFile): Promise<AnyLocalTask> {
  return asks(valuesOf(yaml)) ? withStoredModels(parseAnalysis(yaml, yaml.file)) : readOpenTask(yaml);
}

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
    if (asks(json)) parseAnalysis(yaml, path);
    else await parseOpenTask(yaml);
    return [];
  }
  const checked = checkJson(json, { schema: asks(json) ? analysisFile : taskFile, check: () => [] });
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
  return asks(json) ? analysisFromWire(json) : fromWire(json);
}

function asks(json: unknown): boolean {
  const name = (json as { task?: { protocol?: { name?: unknown } } } | null | undefined)?.task?.protocol?.name;
  return typeof name === 'string' && ANALYSIS_PROTOCOLS.some((known) => known === bareName(name));
}
