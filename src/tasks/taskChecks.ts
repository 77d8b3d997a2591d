/**
 * Rules of a task that hold between keys: exactly-one, fits-together, contradiction. Each message names both places.
 * @module
 */
import { didYouMean } from '../datasources/index.ts';
import { dotted, type Path, type Problem } from './configFile.ts';
import { checkDataStructure } from './dataStructure/checks.ts';
import type { DataStructureFile } from './dataStructure/file.ts';
import { checkOutcome } from './dataStructure/outcome.ts';
import { checkModelReference, type ModelReferenceFile } from './modelReference.ts';
import { checkPrivacy } from './privacy.ts';
import { checkQuantisation } from './quantisation.ts';
import { checkStaleness } from './staleness.ts';
import { checkStrategy } from './strategy.ts';
import type { AlgorithmFile, ModelFile, TaskFile } from './taskFile.ts';
import { checkModelTraining, checkTotals, type Placed, type TrainingPlaces, totalsOf } from './trainingChecks.ts';

type AggregatorFile = NonNullable<TaskFile['task']['aggregator']>;

/** The parts of a task that may stand in several places, where they do stand; undefined when absent. */
export interface Places extends TrainingPlaces {
  readonly algorithm: Placed<AlgorithmFile>;
  readonly aggregator: Placed<AggregatorFile> | undefined;
  readonly secure: boolean;
}

type Candidate<T> = readonly [Path, T | undefined];

function given<T>(...candidates: readonly Candidate<T>[]): Placed<T>[] {
  return candidates.flatMap(([path, value]) => (value === undefined ? [] : [{ path, value }]));
}

function algorithmOf(file: TaskFile): Placed<AlgorithmFile> {
  const { algorithm } = file.task;
  const path: Path = ['task', 'algorithm'];
  return Array.isArray(algorithm) ? { path: [...path, 0], value: algorithm[0]! } : { path, value: algorithm };
}

function candidates(file: TaskFile) {
  const algorithm = algorithmOf(file);
  const models = given<ModelFile>(
    [[...algorithm.path, 'model'], algorithm.value.model],
    [[...algorithm.path, 'arguments', 'model'], algorithm.value.arguments?.model],
    [['task', 'model'], file.task.model],
  );
  const model = models[0];
  return {
    algorithm,
    models,
    references: given<ModelReferenceFile>(
      [[...(model?.path ?? []), 'konsil_model'], model?.value.konsil_model],
      [[...(model?.path ?? []), 'bitfount_model'], model?.value.bitfount_model],
    ),
    aggregators: given<AggregatorFile>(
      [['task', 'aggregator'], file.task.aggregator],
      [['task', 'protocol', 'arguments', 'aggregator'], file.task.protocol.arguments.aggregator],
    ),
    dataStructures: given<DataStructureFile>(
      [['task', 'data_structure'], file.task.data_structure],
      [['task', 'datastructure'], file.task.datastructure],
    ),
  };
}

/** Where the movable parts of `file` stand. */
export function placesOf(file: TaskFile): Places {
  const { algorithm, models, references, aggregators, dataStructures } = candidates(file);
  return {
    algorithm,
    model: models[0],
    reference: references[0],
    aggregator: aggregators[0],
    dataStructure: dataStructures[0],
    problem: algorithm.value.arguments?.problem,
    secure: aggregators[0]?.value.secure ?? file.task.protocol.arguments.secure_aggregation ?? true,
  };
}

/** Every broken rule of a task. @param attached - On the wire, the model references that are not a built-in. */
export function checkTask(file: TaskFile, attached?: readonly string[]): Problem[] {
  const { algorithm } = file.task;
  if (Array.isArray(algorithm) && algorithm.length !== 1)
    return [
      {
        path: ['task', 'algorithm'],
        message: `FederatedAveraging runs exactly one algorithm, got a list of ${algorithm.length}`,
      },
    ];
  const found = candidates(file);
  const algorithmPath = found.algorithm.path;
  const { problem } = found.algorithm.value.arguments ?? {};
  return [
    ...exactlyOne(found.models, [...algorithmPath, 'model'], 'a model'),
    ...(found.models[0] ? exactlyOne(found.references, found.models[0].path, 'konsil_model with a model_ref') : []),
    ...atMostOne(found.aggregators),
    ...exactlyOne(found.dataStructures, ['task', 'data_structure'], 'a data structure with assign.target'),
    ...found.references
      .slice(0, 1)
      .flatMap(({ value, path }) => checkModelReference(value, path, { owner: file.modeller?.username, attached })),
    ...checkHyperparameters(file, placesOf(file)),
    ...checkIdentifiers(file.pods.identifiers),
    ...checkAggregator(file, placesOf(file)),
    ...found.dataStructures
      .slice(0, 1)
      .flatMap(({ value, path }) => [
        ...checkDataStructure(value, path),
        ...checkOutcome(value, { problem }, { structure: path, arguments: [...algorithmPath, 'arguments'] }),
      ]),
    ...(attached === undefined ? [] : found.dataStructures.flatMap(noStatistics)),
  ];
}

/** On the wire values are written out. */
function noStatistics({ value, path }: Placed<DataStructureFile>): Problem[] {
  if (value.statistics === undefined) return [];
  return [{ path: [...path, 'statistics'], message: 'a sent task names no file', atKey: true }];
}

function atMostOne(places: readonly Placed<unknown>[]): Problem[] {
  return places.slice(1).map(({ path }) => ({
    path,
    message: `already given as ${dotted(places[0]!.path)}; keep one of the two`,
    atKey: true,
  }));
}

function exactlyOne(places: readonly Placed<unknown>[], path: Path, what: string): Problem[] {
  return places.length === 0 ? [{ path, message: `is required; expected ${what}` }] : atMostOne(places);
}

function checkHyperparameters(file: TaskFile, places: Places): Problem[] {
  if (places.model === undefined) return [];
  const path = [...places.model.path, 'hyperparameters'];
  const hyper = places.model.value.hyperparameters;
  const args = file.task.protocol.arguments;
  const argsPath: Path = ['task', 'protocol', 'arguments'];
  const problems: Problem[] = [...checkTotals(hyper, path)];
  const families = ['steps', 'epochs'] as const;
  const totals = totalsOf(hyper);
  const intervals = families.filter((family) => args[`${family}_between_parameter_updates`] !== undefined);
  if (intervals.length !== 1)
    problems.push({
      path: argsPath,
      message: `expected exactly one of steps_between_parameter_updates and epochs_between_parameter_updates, got ${intervals.length === 0 ? 'neither' : 'both'}`,
    });
  const [total, interval] = [totals[0], intervals[0]];
  if (totals.length === 1 && intervals.length === 1 && total !== undefined && interval !== undefined) {
    const key = `${interval}_between_parameter_updates` as const;
    if (total !== interval) {
      problems.push({
        path: [...argsPath, key],
        message: `counts ${interval}, but ${dotted([...path, total])} counts ${total}; expected ${total}_between_parameter_updates`,
        atKey: true,
      });
    } else if (args[key]! > hyper![total]!) {
      problems.push({
        path: [...argsPath, key],
        message: `${args[key]} is more than ${dotted([...path, total])}, which is ${hyper![total]}`,
      });
    }
  }
  return [...problems, ...checkModelTraining(places)];
}

/** Each identifier once, and well formed. */
export function checkIdentifiers(identifiers: readonly string[]): Problem[] {
  const seen = new Set<string>();
  return identifiers.flatMap((identifier, i) => {
    const isRepeated = seen.has(identifier);
    seen.add(identifier);
    const path = ['pods', 'identifiers', i];
    if (!/^[^\s/]+(?:\/[^\s/]+)?$/.test(identifier))
      return [{ path, message: `expected pod or pod/dataset without spaces, got ${JSON.stringify(identifier)}` }];
    return isRepeated ? [{ path, message: `${identifier} is listed twice` }] : [];
  });
}

function checkAggregator(file: TaskFile, places: Places): Problem[] {
  const problems: Problem[] = [];
  const { secure } = places;
  const older = file.task.protocol.arguments.secure_aggregation;
  const path = places.aggregator?.path ?? ['task', 'aggregator'];
  const { weights, minimum_cohort, secure: written } = places.aggregator?.value ?? {};
  problems.push(...checkQuantisation(places.aggregator?.value ?? {}, path, secure, file.pods.identifiers.length));
  if (older !== undefined && written !== undefined && older !== written)
    problems.push({
      path: ['task', 'protocol', 'arguments', 'secure_aggregation'],
      message: `is ${older}, but ${dotted([...path, 'secure'])} is ${written}; keep one of the two`,
      atKey: true,
    });
  if (weights !== undefined && secure)
    problems.push({
      path: [...path, 'weights'],
      message: `not possible with secure aggregation${written === undefined ? ', which is on unless secure: false is written' : ''}; remove weights or set ${dotted([...path, 'secure'])} to false`,
      atKey: true,
    });
  const { identifiers } = file.pods;
  const weighted = Object.keys(weights ?? {});
  for (const pod of weighted) {
    if (!identifiers.includes(pod))
      problems.push({
        path: [...path, 'weights', pod],
        message: `is not in pods.identifiers${didYouMean(pod, identifiers)}`,
        atKey: true,
      });
  }
  const unweighted = weights === undefined ? [] : identifiers.filter((pod) => !weighted.includes(pod));
  if (unweighted.length > 0)
    problems.push({ path: [...path, 'weights'], message: `no weight for ${unweighted.join(', ')}` });
  if (secure && minimum_cohort === 1)
    problems.push({
      path: [...path, 'minimum_cohort'],
      message: 'a sum of one update is that update; expected at least 2 with secure aggregation',
    });
  const minimum = minimum_cohort ?? (secure ? 3 : 1);
  const { privacy, colluding, clip, clip_norm } = places.aggregator?.value ?? {};
  if (privacy !== undefined && (!secure || identifiers.length >= 3))
    problems.push(
      ...checkPrivacy(privacy, [...path, 'privacy'], {
        ...{ secure, pods: identifiers.length, minimumCohort: minimum, colluding },
        beside: { weights, clip, clip_norm },
      }),
    );
  problems.push(...checkAggregation(places, path, identifiers.length));
  if (identifiers.length < minimum)
    problems.push({
      path: ['pods', 'identifiers'],
      message:
        minimum_cohort === undefined
          ? `secure aggregation needs at least 3 pods, got ${identifiers.length}; list more or set ${dotted([...path, 'secure'])} to false`
          : `${identifiers.length} pods can never reach ${dotted([...path, 'minimum_cohort'])}, which is ${minimum}`,
    });
  return problems;
}

/** Whether strategy and staleness fit the other keys and the training. */
function checkAggregation({ aggregator, model, secure }: Places, path: Path, pods: number): Problem[] {
  const { strategy, ...beside } = aggregator?.value ?? {};
  const late =
    beside.staleness === undefined
      ? []
      : checkStaleness([...path, 'staleness'], secure, { strategy, privacy: beside.privacy });
  if (strategy === undefined || model === undefined) return late;
  const hyper = model.value.hyperparameters ?? { optimizer: 'adam' };
  const hyperPath = [...model.path, 'hyperparameters'];
  const context = { ...{ secure, pods, beside }, ...{ hyper, hyperPath } };
  return [...late, ...checkStrategy(strategy, [...path, 'strategy'], context)];
}
