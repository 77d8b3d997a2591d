/**
 * What every run writes and counts alike, whether sites train together or one trains alone.
 * @module
 */
import { KonsilError, messageOf, toBase64Url } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { hasHits } from '../metrics/index.ts';
import { exportFacts, type SumFacts } from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import { exportModelFiles, type Layout } from '../training/index.ts';
import type { ResolvedTask } from './initialModel.ts';

/** Mean and scale of the features that a model was trained on. */
export interface Standardiser {
  readonly mean: Float32Array;
  readonly scale: Float32Array;
}

/** A run's name: when it began, and 96 random bits. */
export function newRunId(): string {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `${stamp}-${toBase64Url(randomBytes(12))}`;
}

/** The model as files called `stem`, the one to open last. */
export function trainedModelFiles(
  stem: string,
  run: string,
  { task, features, model, source }: ResolvedTask,
  trained: { readonly layout: Layout; readonly parameters: Float32Array; readonly standardiser: Standardiser | null },
): ReturnType<typeof exportModelFiles> {
  const { head, metadata } = exportFacts(task, features);
  return exportModelFiles(stem, model, trained.layout, trained.parameters, {
    source,
    ...(trained.standardiser ? { preprocess: trained.standardiser } : {}),
    head,
    metadata: { 'konsil.run': run, ...metadata },
  });
}

/** Validation figures of a round, from the sums over its sites; no accuracy where nothing is of a class. */
export function validationOf(
  {
    counts,
    extras,
  }: { readonly counts: Readonly<Record<string, number>>; readonly extras: Readonly<Record<string, number>> },
  { kind }: Pick<SumFacts, 'kind'>,
): Pick<RoundResult, 'validationLoss' | 'validationRows' | 'validationAccuracy'> {
  const rows = counts['validationRows']!;
  return {
    validationRows: rows,
    validationLoss: rows > 0 ? extras['validationLoss']! / rows : null,
    validationAccuracy: rows > 0 && hasHits(kind) ? counts['validationHits']! / rows : null,
  };
}

/** `error` as a run reports it. */
export function asKonsilError(error: unknown): KonsilError {
  return error instanceof KonsilError ? error : new KonsilError('RUN_ABORTED', messageOf(error), {}, { cause: error });
}
