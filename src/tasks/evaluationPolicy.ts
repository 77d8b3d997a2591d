/**
 * `policy.evaluation` of a pod file.
 * @module
 */
import type { Path, Problem } from './configFile.ts';
import type { PodFile } from './podFile.ts';

type EvaluationFile = NonNullable<NonNullable<PodFile['policy']>['evaluation']>;

/** How good modellers' models are here, and who learns it. */
export interface EvaluationPolicy {
  /** Whether this site's own figures leave, or only sums with others. */
  readonly results: 'pooled' | 'summed' | 'site';
  readonly minimumRows: number;
  readonly minimumClassRows: number;
  /** Columns whose groups are evaluated apart. */
  readonly subgroups: readonly string[];
  /** In 10^6 bytes. */
  readonly maximumModelMb: number;
  /** Whether a model trained on this site's rows alone may leave. @default false */
  readonly givesLocalModel?: boolean;
  /** Whether score and label of each row may leave, or this site may be in a sum beside those of others. @default 'refuse' */
  readonly exactScores?: 'allow' | 'summed' | 'refuse';
}

/** The rules of a file. */
export function evaluationOf(file: EvaluationFile): EvaluationPolicy {
  const { results, minimum_rows, minimum_class_rows, subgroups, maximum_model, local_model, exact_scores } = file;
  return {
    ...{ results, minimumRows: minimum_rows, minimumClassRows: minimum_class_rows, subgroups },
    ...{ maximumModelMb: maximum_model, givesLocalModel: local_model === 'allow' },
    exactScores: exact_scores,
  };
}

/** Scores are figures of a site: what it gives of them can not be more than what it gives of those. */
export function checkEvaluation({ results, exact_scores }: EvaluationFile, path: Path): Problem[] {
  const needed = { allow: ['site'], summed: ['summed', 'site'], refuse: ['pooled', 'summed', 'site'] }[exact_scores];
  if (needed.includes(results)) return [];
  const message = `${exact_scores} needs results: ${needed.join(' or ')}, got ${results}`;
  return [{ path: [...path, 'exact_scores'], message }];
}
