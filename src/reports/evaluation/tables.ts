/**
 * The record as tables for spreadsheets and statistics programs: one line a figure, nothing rounded.
 * @module
 */
import { type CsvCell, tableToCsv } from '../../base/index.ts';
import type { Curves, Estimate, GroupEvaluation, Withheld } from '../../metrics/groupEvaluation.ts';
import { visible } from '../markup.ts';
import type { EvaluationResult, Findings } from './record.ts';

/** A file of a table. */
export interface EvaluationTable {
  readonly name: 'metrics.csv' | 'meta.csv' | 'confusion.csv' | 'curves.csv';
  readonly csv: Uint8Array;
}

type Row = readonly CsvCell[];

/** A group of rows and which it is: model, scope, site, column and value of a subgroup. */
interface Place {
  readonly key: Row;
  readonly found: GroupEvaluation | Withheld;
}

const KEY = ['model', 'scope', 'site', 'subgroup_column', 'subgroup_value'] as const;

/** The four tables; one without rows has its heading alone. */
export function evaluationTables(result: EvaluationResult): readonly EvaluationTable[] {
  const places = result.findings.flatMap((model) => [
    ...placesOf(model.model, null, null, model),
    ...model.subgroups.flatMap(({ column, groups }) =>
      groups.flatMap((group) => placesOf(model.model, column, group.value, group)),
    ),
  ]);
  const table = (name: EvaluationTable['name'], columns: readonly string[], rows: readonly Row[]): EvaluationTable => ({
    name,
    csv: tableToCsv({
      columns,
      rows: rows.map((row) => row.map((cell) => (typeof cell === 'string' ? visible(cell) : cell))),
    }),
  });
  return [
    table('metrics.csv', [...KEY, 'rows', 'class', 'metric', ...ESTIMATE, 'withheld'], places.flatMap(metricRows)),
    table('meta.csv', META, result.findings.flatMap(metaRows)),
    table(
      'confusion.csv',
      [...KEY, 'true_class', 'called_class', 'rows', 'withheld'],
      places.flatMap((place) => confusionRows(place, result.problem.classes)),
    ),
    table(
      'curves.csv',
      [...KEY, 'class', 'curve', 'x', 'y', 'low', 'high', 'rows', 'treat_all'],
      places.flatMap(curveRows),
    ),
  ];
}

function placesOf(model: string, column: string | null, value: string | null, { pooled, sites }: Findings): Place[] {
  return [
    ...(pooled ? [{ key: [model, 'pooled', null, column, value], found: pooled }] : []),
    ...sites.map(({ site, found }) => ({ key: [model, 'site', site, column, value], found })),
  ];
}

const ESTIMATE = ['value', 'low', 'high', 'method', 'bound', 'note'] as const;
const cells = ({ value, low, high, method, bound, note }: Estimate): Row => [
  ...[value, low, high, method ?? null, bound ?? null, note ?? null],
];

function metricRows({ key, found }: Place): Row[] {
  if ('withheld' in found) return [[...key, null, null, null, ...ESTIMATE.map(() => null), found.withheld]];
  const rows = (name: string | null, metrics: Readonly<Record<string, Estimate>>): Row[] =>
    Object.entries(metrics).map(([metric, estimate]) => [...key, found.rows, name, metric, ...cells(estimate), null]);
  return [
    ...rows(null, found.metrics),
    ...Object.entries(found.perClass ?? {}).flatMap(([name, metrics]) => rows(name, metrics)),
  ];
}

const META = [
  ...['model', 'metric', 'method', 'scale', 'mean', 'low', 'high', 'prediction_low', 'prediction_high'],
  ...['tau2', 'i2', 'q', 'q_p_value', 'site', 'weight', 'mean_without', 'low_without', 'high_without', 'left_out'],
];

/** A line a metric, with the site empty, and one more a site. */
function metaRows({ model, metaAnalyses }: EvaluationResult['findings'][number]): Row[] {
  return metaAnalyses.flatMap(
    ({ metric, method, scale, mean, prediction, tau2, i2, q, qPValue, sites, leftOut, leaveOneOut }) => {
      const head = [
        model,
        metric,
        method,
        scale,
        mean.value,
        mean.low,
        mean.high,
        ...(prediction ?? [null, null]),
        tau2,
        i2,
        q,
        qPValue,
      ];
      const without = new Map(leaveOneOut.map(({ site, mean: left }) => [site, left]));
      return [
        [...head, null, null, null, null, null, null],
        ...sites.map(({ site, weight }): Row => {
          const left = without.get(site);
          return [...head, site, weight, left?.value ?? null, left?.low ?? null, left?.high ?? null, null];
        }),
        ...leftOut.map(({ site, reason }): Row => [...head, site, null, null, null, null, reason]),
      ];
    },
  );
}

function confusionRows({ key, found }: Place, classes: readonly string[]): Row[] {
  if ('withheld' in found) return [];
  const name = (i: number): string => classes[i] ?? `class ${i + 1}`;
  return (found.confusion ?? []).flatMap((row, i) =>
    row.map((count, j): Row => [...key, name(i), name(j), count, count === null ? 'too few to show' : null]),
  );
}

function curveRows({ key, found }: Place): Row[] {
  if ('withheld' in found) return [];
  return [
    ...pointRows([...key, null], found.curves ?? {}),
    ...Object.entries(found.classCurves ?? {}).flatMap(([name, curves]) => pointRows([...key, name], curves)),
  ];
}

/** @param key - With the class that is set against the rest; null for all of them. */
function pointRows(key: Row, { roc, precisionRecall, calibration, decision }: Curves): Row[] {
  const rows = (
    curve: string,
    x: readonly number[] = [],
    y: readonly number[] = [],
    more: {
      readonly band?: { readonly low: readonly number[]; readonly high: readonly number[] };
      readonly rows?: readonly number[];
      readonly treatAll?: readonly number[];
    } = {},
  ): Row[] =>
    x.map((value, i) => [
      ...[...key, curve, value, y[i]!, more.band?.low[i] ?? null, more.band?.high[i] ?? null],
      ...[more.rows?.[i] ?? null, more.treatAll?.[i] ?? null],
    ]);
  return [
    ...rows('roc', roc?.falsePositiveRate, roc?.sensitivity, roc),
    ...rows('precision_recall', precisionRecall?.recall, precisionRecall?.precision, precisionRecall),
    ...rows('calibration', calibration?.predicted, calibration?.observed, calibration),
    ...rows('decision', decision?.threshold, decision?.netBenefit, decision),
  ];
}
