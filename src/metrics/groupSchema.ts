/**
 * Schemas of figures in the record. The types are those of src/metrics, which makes them; a check at compile time holds
 * the two together.
 * @module
 */
import { z } from 'zod';
import type { DeepReadonly, Same } from '../base/index.ts';
import type { Curves as CurvesOf, EvaluationKind, GroupEvaluation, MetaAnalysis, Withheld } from './groupEvaluation.ts';

export const Kind = z.enum(['binary', 'multiclass', 'multilabel', 'regression', 'segmentation', 'survival']);

const count = z.int().min(0);
const numbers = z.array(z.number());

export const Estimate = z
  .strictObject({
    value: z.number().nullable().describe('null: undefined or not known'),
    low: z.number().nullable().describe('lower end of the 95 % interval'),
    high: z.number().nullable().describe('upper end of the 95 % interval'),
    method: z.string().exactOptional().describe('how the interval was made: Wilson, DeLong, bootstrap, …'),
    bound: z.number().exactOptional().describe('the exact value is within this of `value`, where bins hide some of it'),
    standardError: z
      .number()
      .min(0)
      .exactOptional()
      .describe('on the scale of the metric, where the interval came from one'),
    note: z.string().exactOptional(),
  })
  .describe('One figure with its 95 % interval');

const band = z.strictObject({ low: numbers, high: numbers }).exactOptional().describe('pointwise 95 % band');

/** All arrays of a curve have one length. */
const sameLength = (curve: object): boolean => {
  const { band, ...rest } = curve as { readonly band?: object };
  const lengths = [...Object.values(rest), ...Object.values(band ?? {})].map((values: unknown[]) => values.length);
  return new Set(lengths).size <= 1;
};
const ONE_LENGTH = 'the arrays of a curve have one length';

const Curves = z
  .strictObject({
    roc: z
      .strictObject({ falsePositiveRate: numbers, sensitivity: numbers, band })
      .refine(sameLength, ONE_LENGTH)
      .exactOptional()
      .describe('by ascending false-positive rate, from (0, 0) to (1, 1)'),
    precisionRecall: z
      .strictObject({ recall: numbers, precision: numbers, band })
      .refine(sameLength, ONE_LENGTH)
      .exactOptional()
      .describe('by ascending recall'),
    calibration: z
      .strictObject({
        predicted: numbers.describe('mean predicted probability'),
        observed: numbers.describe('share of positives'),
        rows: z.array(count),
        band,
      })
      .refine(sameLength, ONE_LENGTH)
      .exactOptional()
      .describe('one entry a bin of predicted probability that has rows'),
    decision: z
      .strictObject({ threshold: numbers, netBenefit: numbers, treatAll: numbers, band })
      .refine(sameLength, ONE_LENGTH)
      .exactOptional()
      .describe('net benefit by threshold probability; treating none has 0'),
  })
  .describe('Curves over thresholds on the predicted probability; absent where undefined');

const metrics = z.record(z.string(), Estimate);

export const Group = z
  .strictObject({
    rows: count.describe('rows with a target'),
    classRows: z.array(count).exactOptional().describe("rows by class, in the order of the problem's classes"),
    metrics: metrics.describe("by the metric's name"),
    perClass: z.record(z.string(), metrics).exactOptional().describe("by class name, then by the metric's name"),
    confusion: z
      .array(z.array(count.nullable()))
      .exactOptional()
      .describe('rows of true class (outer) that were called a class (inner); null: too few to show'),
    curves: Curves.exactOptional(),
    classCurves: z.record(z.string(), Curves).exactOptional().describe('by class name, of one class against the rest'),
  })
  .describe('Figures of one group of rows');

export const WithheldGroup = z
  .strictObject({ withheld: z.string().describe('why') })
  .describe('Too few rows, or not allowed: nothing is shown');

export const Meta = z
  .strictObject({
    metric: z.string(),
    method: z.enum(['REML', 'DerSimonian-Laird']).describe('how the spread between sites was found'),
    scale: z.enum(['identity', 'logit', 'log']).describe('on which scale sites were combined'),
    mean: Estimate.describe('mean over sites'),
    prediction: z
      .tuple([z.number(), z.number()])
      .nullable()
      .describe("where a new site's value is expected (95 %); null for fewer than three sites"),
    tau2: z.number().min(0).describe('variance between sites on `scale`'),
    i2: z.number().min(0).max(1).describe('share of the variation that is between sites'),
    q: z.number().min(0).describe("Cochran's Q"),
    qPValue: z.number().min(0).max(1).describe('small: sites differ by more than chance'),
    sites: z
      .array(z.strictObject({ site: z.string(), weight: z.number().min(0).max(1) }))
      .describe('weights of the sites in the mean; they add up to 1'),
    leftOut: z
      .array(z.strictObject({ site: z.string(), reason: z.string() }))
      .describe('sites that have no value or no error to combine, and why'),
    leaveOneOut: z.array(z.strictObject({ site: z.string(), mean: Estimate })).describe('the mean without one site'),
  })
  .describe('A metric over sites as a random-effects model sees it');

/** Does not compile when src/metrics says something else than the schemas. */
export const SAME_AS_METRICS: readonly [
  Same<z.output<typeof Kind>, EvaluationKind>,
  Same<DeepReadonly<z.output<typeof Curves>>, CurvesOf>,
  Same<DeepReadonly<z.output<typeof Group>>, GroupEvaluation>,
  Same<DeepReadonly<z.output<typeof WithheldGroup>>, Withheld>,
  Same<DeepReadonly<z.output<typeof Meta>>, MetaAnalysis>,
] = [true, true, true, true, true];
