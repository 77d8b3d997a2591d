/**
 * Rules on how a model is trained at a site, whatever becomes of it then.
 * @module
 */
import { problemOf } from '../datasources/index.ts';
import { dotted, type Path, type Problem } from './configFile.ts';
import { soleTarget } from './dataStructure/checks.ts';
import type { DataStructureFile } from './dataStructure/file.ts';
import { type ProblemKey, structureWithOutcome } from './dataStructure/outcome.ts';
import { dataStructureOf } from './dataStructure/read.ts';
import { checkTraining, type HyperparametersFile, type TrainingUnit } from './hyperparameters.ts';
import { lossesFor, type Target } from './losses.ts';
import type { ModelReferenceFile } from './modelReference.ts';
import type { ModelFile } from './taskFile.ts';

/** A value and where in the file it stands. */
export interface Placed<T> {
  readonly path: Path;
  readonly value: T;
}

/** What training is described by; undefined when absent. */
export interface TrainingPlaces {
  readonly model: Placed<ModelFile> | undefined;
  readonly reference: Placed<ModelReferenceFile> | undefined;
  readonly dataStructure: Placed<DataStructureFile> | undefined;
  /** As the algorithm says it. */
  readonly problem: ProblemKey;
}

/** What the length of the training is given in. */
export function totalsOf(hyper: HyperparametersFile | undefined): readonly TrainingUnit[] {
  return (['steps', 'epochs'] as const).filter((family) => hyper?.[family] !== undefined);
}

/** @param path - Of the hyperparameters. */
export function checkTotals(hyper: HyperparametersFile | undefined, path: Path): Problem[] {
  const totals = totalsOf(hyper);
  if (totals.length === 1) return [];
  const got = totals.length === 0 ? 'neither' : 'both';
  return [{ path, message: `expected exactly one of steps and epochs, got ${got}` }];
}

/** Whether hyperparameters, model and target fit each other. */
export function checkModelTraining(places: TrainingPlaces): Problem[] {
  if (places.model === undefined) return [];
  const path = [...places.model.path, 'hyperparameters'];
  const hyper = places.model.value.hyperparameters;
  const problems: Problem[] = [];
  const reference = places.reference?.value.model_ref;
  if (reference !== undefined && reference !== 'builtin:mlp') {
    const why = reference.startsWith('builtin:') ? `, not for ${reference}` : '; a model file has its layers inside';
    for (const key of ['hidden_layers', 'activation'] as const) {
      if (hyper?.[key] !== undefined)
        problems.push({ path: [...path, key], message: `only for builtin:mlp${why}`, atKey: true });
    }
  }
  problems.push(...checkClassifier(places));
  if (hyper === undefined) return problems;
  return [
    ...problems,
    ...checkTraining(hyper, path, targetOf(places)),
    ...checkLoss(hyper.loss, [...path, 'loss'], places),
  ];
}

/** What is predicted; undefined without a structure. */
function targetOf({ dataStructure, problem }: Pick<TrainingPlaces, 'dataStructure' | 'problem'>): Target | undefined {
  if (dataStructure === undefined) return undefined;
  return problemOf(structureWithOutcome(dataStructureOf(dataStructure.value), dataStructure.value, problem));
}

function checkClassifier(places: TrainingPlaces): Problem[] {
  const { reference, dataStructure } = places;
  const kind = targetOf(places)?.kind;
  if (reference?.value.model_ref !== 'builtin:logistic_regression') return [];
  if (kind !== 'regression' && kind !== 'survival') return [];
  const target = soleTarget(dataStructure!.value);
  const listed = target === undefined ? '' : ` list them in ${dotted(dataStructure!.path)}.categories.${target}, or`;
  const message = `builtin:logistic_regression is for classes;${listed} use builtin:mlp with hidden_layers: [] for a number`;
  return [{ path: [...reference.path, 'model_ref'], message }];
}

function checkLoss(loss: string | undefined, path: Path, places: TrainingPlaces): Problem[] {
  const target = targetOf(places);
  if (loss === undefined || target === undefined) return [];
  const fitting: readonly string[] = lossesFor(target);
  if (fitting.includes(loss)) return [];
  const column = soleTarget(places.dataStructure!.value);
  const at = `${dotted(places.dataStructure!.path)}.categories.${column}`;
  const { kind, classes } = target;
  const isOf = (other: Target): boolean => (lossesFor(other) as readonly string[]).includes(loss);
  if (kind === 'binary' || kind === 'multiclass') {
    if (isOf({ kind: 'regression', classes: [] }))
      return [{ path, message: `${loss} is for a numeric target, but ${at} makes it classes` }];
    if (loss === 'bce_with_logits')
      return [
        {
          path,
          message: `bce_with_logits is for two classes, but ${at} has ${classes.length}; expected cross_entropy`,
        },
      ];
  }
  if (kind === 'regression' && isOf({ kind: 'binary', classes: [] }))
    return [{ path, message: `${loss} is for classes; list them in ${at}` }];
  return [{ path, message: `${loss} is not for problem ${kind}; expected ${fitting.join(', ')}` }];
}
