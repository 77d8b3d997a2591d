/**
 * Rules on how a model is trained at a site, whatever becomes of it then.
 * @module
 */
import { dotted, type Path, type Problem } from './configFile.ts';
import { soleTarget } from './dataStructure/checks.ts';
import type { DataStructureFile } from './dataStructure/file.ts';
import { checkTraining, type HyperparametersFile, isClassLoss, type TrainingUnit } from './hyperparameters.ts';
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
    ...checkTraining(hyper, path, classesOf(places.dataStructure)),
    ...checkLoss(hyper.loss, [...path, 'loss'], places.dataStructure),
  ];
}

/** Classes of the target, 0 for a numeric one, undefined when there is not exactly one target. */
function classesOf(structure: TrainingPlaces['dataStructure']): number | undefined {
  const target = structure && soleTarget(structure.value);
  return target === undefined ? undefined : (structure?.value.categories?.[target]?.length ?? 0);
}

function checkClassifier({ reference, dataStructure }: TrainingPlaces): Problem[] {
  if (reference?.value.model_ref !== 'builtin:logistic_regression' || classesOf(dataStructure) !== 0) return [];
  const target = soleTarget(dataStructure!.value)!;
  const at = `${dotted(dataStructure!.path)}.categories.${target}`;
  const message = `builtin:logistic_regression is for classes; list them in ${at}, or use builtin:mlp with hidden_layers: [] for a number`;
  return [{ path: [...reference.path, 'model_ref'], message }];
}

function checkLoss(loss: string | undefined, path: Path, structure: TrainingPlaces['dataStructure']): Problem[] {
  const target = structure && soleTarget(structure.value);
  if (loss === undefined || structure === undefined || target === undefined) return [];
  const at = `${dotted(structure.path)}.categories.${target}`;
  const classes = classesOf(structure) ?? 0;
  if (!isClassLoss(loss) && classes > 0)
    return [{ path, message: `${loss} is for a numeric target, but ${at} makes it classes` }];
  if (isClassLoss(loss) && classes === 0) return [{ path, message: `${loss} is for classes; list them in ${at}` }];
  if (loss === 'bce_with_logits' && classes !== 2)
    return [{ path, message: `bce_with_logits is for two classes, but ${at} has ${classes}; expected cross_entropy` }];
  return [];
}
