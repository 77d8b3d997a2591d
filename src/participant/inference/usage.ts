/**
 * How many rows models may be run on at this site, over all runs: counted in its ledger before they are.
 * @source spec/platform.md §5.6 (inference limits).
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { InferenceModel, InferencePolicy } from '../../tasks/index.ts';
import { Refusal } from '../refusal.ts';

/** The ledger, as one run sees it. */
export interface Usage {
  /** Rows so far, of one model or of all models of this run's modeller. */
  readonly of: (whose: 'modeller' | { readonly model: string }) => number;
  /** @throws KonsilError FILE_WRITE_FAILED: then the model is not run. */
  readonly record: (model: string, rows: number) => void;
}

type Limits = Pick<InferencePolicy, 'limitPerModel' | 'limitPerModeller'>;

const named = ({ label, sha256 = '' }: InferenceModel): string => `${label} (${sha256.slice(0, 12)})`;

/** @throws Refusal NO_ACCESS when nothing is left. */
export function checkUsage(models: readonly InferenceModel[], limits: Limits, usage: Usage): void {
  const { limitPerModel: perModel = Number.POSITIVE_INFINITY, limitPerModeller: perModeller } = limits;
  for (const model of models) {
    const rows = usage.of({ model: model.sha256 ?? '' });
    if (rows >= perModel)
      throw new Refusal(
        'NO_ACCESS',
        `model ${named(model)} was run on ${rows} rows here, and this site allows ${perModel} (policy.inference.limit_per_model)`,
      );
  }
  const rows = usage.of('modeller');
  if (rows >= (perModeller ?? Number.POSITIVE_INFINITY))
    throw new Refusal(
      'NO_ACCESS',
      `models of this modeller, ${models.map(named).join(', ')} the next, were run on ${rows} rows here, and this site allows ${perModeller} (policy.inference.limit_per_modeller)`,
    );
}

/** Counts `rows` for each model. @throws KonsilError LIMITS_EXCEEDED when that would be too many; then nothing is counted. */
export function countUsage(models: readonly InferenceModel[], limits: Limits, usage: Usage, rows: number): void {
  const { limitPerModel: perModel, limitPerModeller: perModeller } = limits;
  for (const model of models)
    if (usage.of({ model: model.sha256! }) + rows > (perModel ?? Number.POSITIVE_INFINITY))
      throw new KonsilError(
        'LIMITS_EXCEEDED',
        `model ${named(model)} would be run on more than the ${perModel} rows that this site allows`,
      );
  if (usage.of('modeller') + models.length * rows > (perModeller ?? Number.POSITIVE_INFINITY))
    throw new KonsilError(
      'LIMITS_EXCEEDED',
      `models of this modeller would be run on more than the ${perModeller} rows that this site allows, ${models.map(named).join(', ')} the last`,
    );
  for (const model of models) usage.record(model.sha256!, rows);
}
