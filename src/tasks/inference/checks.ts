/**
 * Rules of a task that runs models, between its keys: which algorithms its protocol takes, in which order, and what these say.
 * @module
 */
import type { z } from 'zod';
import { checkJson, type Path, type Problem } from '../configFile.ts';
import { checkDataStructure } from '../dataStructure/checks.ts';
import { checkModelReference } from '../modelReference.ts';
import { FITTING, INFERENCE_ALGORITHMS, protocolsOf } from '../names.ts';
import { checkIdentifiers } from '../taskChecks.ts';
import { INFERENCE_ARGUMENTS, type InferenceFile } from './file.ts';
import {
  ATTACHED,
  argumentsOf,
  filledStructure,
  type InferenceAlgorithmFile,
  inferenceAlgorithmsOf,
  labelOf,
  modelOf,
  NO_TARGET,
} from './inference.ts';
import { checkRecordFilter } from './recordFilter.ts';

/** Every broken rule. @param isReceived - From another party: its models are attached. */
export function checkInference(file: InferenceFile, isReceived = false): Problem[] {
  const { algorithm } = file.task;
  const pathOf = (i: number): Path => (Array.isArray(algorithm) ? ['task', 'algorithm', i] : ['task', 'algorithm']);
  const order = checkOrder(file, pathOf);
  if (order.length > 0) return order;
  const algorithms = inferenceAlgorithmsOf(file);
  const malformed = algorithms.flatMap((one, i) => {
    const checked = checkJson(one.arguments, { schema: INFERENCE_ARGUMENTS[one.name] as z.ZodType, check: () => [] });
    if (!('problems' in checked)) return [];
    return checked.problems.map((problem) => ({ ...problem, path: [...pathOf(i), 'arguments', ...problem.path] }));
  });
  if (malformed.length > 0) return malformed;
  return [
    ...checkIdentifiers(file.pods.identifiers),
    ...checkSwitches(file),
    // a target is not read, whatever else is said of it
    ...checkDataStructure(filledStructure(file, NO_TARGET), ['task', 'data_structure']),
    ...algorithms.flatMap((one, i) => checkAlgorithm(one, pathOf(i), { owner: file.modeller?.username, isReceived })),
    ...checkNames(file, pathOf),
  ];
}

/** What is wrong with the list itself: F-383, F-384. */
function checkOrder(file: InferenceFile, pathOf: (i: number) => Path): Problem[] {
  const { name: protocol } = file.task.protocol;
  const names = inferenceAlgorithmsOf(file).map(({ name }) => name);
  const fitting = INFERENCE_ALGORITHMS.filter((name) => FITTING[protocol].includes(name));
  const takes = `${protocol} takes ${fitting.map((name) => (name === 'ModelInference' ? `${name} (one or more)` : `${name} (optional)`)).join(', then ')}`;
  const unfit = names.findIndex((name) => !FITTING[protocol].includes(name));
  if (unfit >= 0)
    return [
      {
        path: [...pathOf(unfit), 'name'],
        message: `${names[unfit]} does not fit ${protocol}; it is for ${protocolsOf(names[unfit]!).join(', ')}; ${takes}`,
      },
    ];
  if (!names.includes('ModelInference'))
    return [{ path: ['task', 'algorithm'], message: `has no ModelInference; ${takes}` }];
  for (const [i, name] of names.entries()) {
    const before = names.slice(0, i);
    if (before.some((one) => INFERENCE_ALGORITHMS.indexOf(one) > INFERENCE_ALGORITHMS.indexOf(name)))
      return [{ path: [...pathOf(i), 'name'], message: `${name} comes after ${before.at(-1)}; ${takes}` }];
    if (name !== 'ModelInference' && before.includes(name))
      return [{ path: [...pathOf(i), 'name'], message: `${name} is there twice; ${takes}` }];
  }
  const needsReport = protocol !== 'ResultsOnly' && protocol !== 'InferenceAndImageOutput';
  if (needsReport && !names.includes('CSVReportAlgorithm'))
    return [{ path: ['task', 'algorithm'], message: `${protocol} ends with CSVReportAlgorithm; add it` }];
  if (protocol === 'InferenceAndImageOutput' && names.filter((name) => name === 'ModelInference').length > 1)
    return [{ path: ['task', 'algorithm'], message: `${protocol} runs one model` }];
  return [];
}

function checkSwitches(file: InferenceFile): Problem[] {
  const { protocol } = file.task;
  const problems: Problem[] = [];
  const at = ['task', 'protocol', 'arguments'];
  if (protocol.arguments.save_location && protocol.name !== 'ResultsOnly')
    problems.push({
      path: [...at, 'save_location'],
      message: `only of ResultsOnly, not of ${protocol.name}`,
      atKey: true,
    });
  if (protocol.arguments.rename_columns && protocol.name !== 'InferenceAndImageOutput')
    problems.push({
      path: [...at, 'rename_columns'],
      message: 'only of InferenceAndImageOutput; CSVReportAlgorithm has rename_columns of its own',
      atKey: true,
    });
  if (file.pods.late_join)
    problems.push({ path: ['pods', 'late_join'], message: 'only for tasks that train; a model is run once' });
  return problems;
}

function checkAlgorithm(
  algorithm: InferenceAlgorithmFile,
  path: Path,
  { owner, isReceived }: { readonly owner: string | undefined; readonly isReceived: boolean },
): Problem[] {
  const at = [...path, 'arguments'];
  if (algorithm.name !== 'ModelInference') {
    const problems = (['model', 'pretrained_file'] as const)
      .filter((key) => algorithm[key] !== undefined)
      .map((key): Problem => ({ path: [...path, key], message: `${algorithm.name} has no model`, atKey: true }));
    if (algorithm.name === 'RecordFilterAlgorithm')
      problems.push(...checkRecordFilter(INFERENCE_ARGUMENTS.RecordFilterAlgorithm.parse(algorithm.arguments), at));
    return problems;
  }
  const { model, class_outputs: names = [] } = INFERENCE_ARGUMENTS.ModelInference.parse(algorithm.arguments);
  const problems: Problem[] = [];
  if (model && algorithm.model)
    problems.push({ path: [...at, 'model'], message: 'already given beside arguments', atKey: true });
  const key = modelOf(algorithm)?.konsil_model ? 'konsil_model' : 'bitfount_model';
  const reference = modelOf(algorithm)?.[key];
  if (reference === undefined)
    problems.push({ path: [...path, 'model'], message: 'is required; expected konsil_model with model_ref' });
  else if (reference.model_ref.startsWith('builtin:'))
    problems.push({ path: [...path, 'model'], message: 'a built-in model says nothing before it was trained' });
  else
    problems.push(
      ...checkModelReference(reference, [...placeOf(algorithm, path), key], {
        ...{ owner, attached: isReceived ? ATTACHED : undefined },
      }),
    );
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) problems.push({ path: [...at, 'class_outputs'], message: `${twice} is listed twice` });
  return problems;
}

/** Where the model of an algorithm is written. */
const placeOf = ({ model }: InferenceAlgorithmFile, path: Path): Path =>
  model ? [...path, 'model'] : [...path, 'arguments', 'model'];

/** Models are told apart by their labels, and columns by their names. */
function checkNames(file: InferenceFile, pathOf: (i: number) => Path): Problem[] {
  const problems: Problem[] = [];
  const models = [...inferenceAlgorithmsOf(file).entries()].filter(
    ([, one]) => one.name === 'ModelInference' && modelOf(one) !== undefined,
  );
  const labels = models.map(([, one]) => labelOf(one));
  const outputs = argumentsOf(file, 'ModelInference').map((one) => one.class_outputs ?? []);
  for (const [k, [i]] of models.entries()) {
    if (labels.indexOf(labels[k]!) < k)
      problems.push({
        path: [...pathOf(i), 'arguments', 'label'],
        message: `two models are called ${labels[k]}; give each a label of its own`,
      });
    const earlier = outputs.slice(0, k).flat();
    const shared = outputs[k]!.find((name) => earlier.includes(name));
    if (shared !== undefined)
      problems.push({
        path: [...pathOf(i), 'arguments', 'class_outputs'],
        message: `${shared} is an output of an earlier model too; columns need names of their own`,
      });
  }
  return problems;
}
