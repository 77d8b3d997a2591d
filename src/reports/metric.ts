/**
 * What the metrics mean, which one comes first, and which way is better.
 * @module
 */
import type { MetricKind } from '../metrics/index.ts';
import { metricValue } from './numbers.ts';

/** The metric people ask for first, by kind of problem. */
export const MAIN_METRIC = { binary: 'ROC AUC', multiclass: 'ROC AUC', regression: 'Root Mean Squared Error' } as const;

interface Meaning {
  readonly plain: string;
  readonly lowerIsBetter?: true;
  /** In the unit of the target, not a share. */
  readonly hasUnit?: true;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  Accuracy: { plain: 'Share of records that were classified correctly.' },
  Precision: { plain: 'Of the records the model called positive, the share that were.' },
  Recall: { plain: 'Of the positive records, the share that the model found.' },
  'F1 Score': { plain: 'Precision and recall in one number.' },
  'ROC AUC': { plain: 'Chance that a positive record is ranked above a negative one; 0.5 is guessing, 1 is perfect.' },
  'Brier Loss': { plain: 'How far predicted probabilities are from what happened.', lowerIsBetter: true },
  'Mean Absolute Error': { plain: 'Typical error, in units of the target.', lowerIsBetter: true, hasUnit: true },
  'Mean Squared Error': { plain: 'Average of squared errors.', lowerIsBetter: true, hasUnit: true },
  'Root Mean Squared Error': {
    plain: 'Typical error in units of the target, large errors counting more.',
    lowerIsBetter: true,
    hasUnit: true,
  },
  'R2 Score': { plain: 'Share of the variation that the model explains; 0 is no better than the mean.' },
  'Kolmogorov-Smirnov Test': {
    plain: 'Largest gap between the distributions of predictions and of true values.',
    lowerIsBetter: true,
  },
};

const AVERAGED = new Set(['Precision', 'Recall', 'F1 Score', 'ROC AUC']);

/** One sentence in plain words; empty for a metric this version does not know. */
export function meaningOf(name: string, kind: MetricKind): string {
  const plain = MEANINGS[name]?.plain ?? '';
  return kind === 'multiclass' && AVERAGED.has(name) ? `${plain} Averaged over the classes.` : plain;
}

/** True where a smaller value is the better one. */
export function lowerIsBetter(name: string): boolean {
  return MEANINGS[name]?.lowerIsBetter === true;
}

/** The value as it is shown everywhere in a report; `–` for nothing. */
export function shownMetric(name: string, value: number | null | undefined): string {
  return metricValue(value, MEANINGS[name] !== undefined && MEANINGS[name].hasUnit !== true);
}
