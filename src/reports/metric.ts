/**
 * What the metrics mean, which one comes first, and which way is better.
 * @module
 */
import type { EvaluationKind } from '../metrics/index.ts';
import { metricValue } from './numbers.ts';

/** The metric people ask for first, by kind of problem. */
export const MAIN_METRIC = {
  binary: 'ROC AUC',
  multiclass: 'ROC AUC',
  multilabel: 'ROC AUC',
  regression: 'Root Mean Squared Error',
  segmentation: 'Dice Score',
  survival: 'Concordance Index',
} as const;

interface Meaning {
  readonly plain: string;
  readonly lowerIsBetter?: true;
  /** Not a share: in the unit of the target, or without a largest value. */
  readonly hasUnit?: true;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  Accuracy: { plain: 'Share of records that were classified correctly.' },
  Precision: { plain: 'Of the records the model called positive, the share that were.' },
  Recall: { plain: 'Of the positive records, the share that the model found (sensitivity).' },
  Specificity: { plain: 'Of the negative records, the share that the model called negative.' },
  'F1 Score': { plain: 'Precision and recall in one number.' },
  'ROC AUC': { plain: 'Chance that a positive record is ranked above a negative one; 0.5 is guessing, 1 is perfect.' },
  'Average Precision': {
    plain: 'Precision averaged over all thresholds; guessing gives the share of positive records.',
  },
  'Sensitivity at 95% specificity': {
    plain: 'Share of the positive records found when one negative record in twenty is a false alarm.',
  },
  'Matthews Correlation Coefficient': {
    plain: 'Agreement of predicted and true classes; 0 is chance, 1 is perfect, also where a class is rare.',
  },
  "Cohen's Kappa": { plain: 'Agreement of predicted and true classes beyond what chance gives; 1 is perfect.' },
  'Micro Precision': { plain: 'Of all labels the model gave, the share that was right.' },
  'Micro Recall': { plain: 'Of all true labels, the share that the model gave.' },
  'Micro F1 Score': { plain: 'Precision and recall over all labels in one number.' },
  'Micro ROC AUC': { plain: 'Chance that a true class or label is ranked above a false one, over all records.' },
  'Brier Loss': { plain: 'How far predicted probabilities are from what happened.', lowerIsBetter: true },
  'Log Loss': {
    plain: 'How surprised the model was by what happened; confident errors count most.',
    lowerIsBetter: true,
    hasUnit: true,
  },
  'Expected Calibration Error': {
    plain: 'Mean distance of predicted probabilities from the shares that happened; too high with few records.',
    lowerIsBetter: true,
  },
  'Brier Reliability': { plain: 'Part of the Brier loss that is due to miscalibration.', lowerIsBetter: true },
  'Brier Resolution': { plain: 'Part of the Brier loss that the model saves by telling records apart.' },
  'Brier Uncertainty': {
    plain: 'Brier loss of always predicting the share of positives: a fact of the data.',
    lowerIsBetter: true,
  },
  'Mean Absolute Error': { plain: 'Typical error, in units of the target.', lowerIsBetter: true, hasUnit: true },
  'Mean Error': { plain: 'Whether predictions are too high (above 0) or too low; 0 is best.', hasUnit: true },
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
  IoU: { plain: 'Area where predicted and true regions overlap, as a share of both together, over all pixels.' },
  'Image IoU': { plain: 'Overlap of predicted and true regions as a share of both together, averaged over images.' },
  'Dice Coefficients': { plain: 'Overlap of predicted and true regions over all pixels; 1 is perfect.' },
  'Dice Score': { plain: 'Overlap of predicted and true regions, averaged over images; 1 is perfect.' },
  'Concordance Index': {
    plain: 'Chance that of two patients the one with the earlier event was given the higher risk; 0.5 is guessing.',
  },
  'Integrated Brier Score': {
    plain: 'How far predicted survival is from what happened, averaged over time.',
    lowerIsBetter: true,
  },
};

const AVERAGED = new Set(['Precision', 'Recall', 'F1 Score', 'Specificity', 'ROC AUC', 'Average Precision']);

/** One sentence in plain words; empty for a metric this version does not know. */
export function meaningOf(name: string, kind: EvaluationKind): string {
  const plain = MEANINGS[name]?.plain ?? '';
  return (kind === 'multiclass' || kind === 'multilabel') && AVERAGED.has(name)
    ? `${plain} Averaged over the classes.`
    : plain;
}

/** True where a smaller value is the better one. */
export function lowerIsBetter(name: string): boolean {
  return MEANINGS[name]?.lowerIsBetter === true;
}

/** The value as it is shown everywhere in a report; `–` for nothing. */
export function shownMetric(name: string, value: number | null | undefined): string {
  return metricValue(value, MEANINGS[name] !== undefined && MEANINGS[name].hasUnit !== true);
}
