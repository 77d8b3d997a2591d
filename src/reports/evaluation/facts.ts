/**
 * What follows from a record and several sections need.
 * @module
 */
import type { Estimate, GroupEvaluation, MetaAnalysis, Withheld } from '../../metrics/groupEvaluation.ts';
import { MAIN_METRIC } from '../metric.ts';
import type { EvaluationResult, Findings, ModelFindings } from './record.ts';

/** Below this p-value of Cochran's Q hospitals are said to differ: the test has little power with few of them. */
export const DIFFER_BELOW = 0.1;

/** Figures, unless there are none or they are withheld. */
export function shownFigures(found: GroupEvaluation | Withheld | null | undefined): GroupEvaluation | null {
  return found === null || found === undefined || 'withheld' in found ? null : found;
}

/** The metric that comes first: the usual one of the kind of problem where it is there, else the record's first. */
export function mainMetricOf({ problem, findings }: EvaluationResult): string | null {
  const usual = (MAIN_METRIC as Readonly<Record<string, string | undefined>>)[problem.kind];
  const there = findings.flatMap((model) => metricNames(model));
  return usual !== undefined && there.includes(usual) ? usual : (there[0] ?? null);
}

/** Names of the metrics of a model, in the order of the record. */
export function metricNames({ pooled, sites }: Findings): readonly string[] {
  const groups = [pooled, ...sites.map(({ found }) => found)].map(shownFigures);
  return [...new Set(groups.flatMap((group) => Object.keys(group?.metrics ?? {})))];
}

/** Of a model and metric, when two or more sites have it. */
export function metaOf(model: ModelFindings, metric: string): MetaAnalysis | undefined {
  return model.metaAnalyses.find((meta) => meta.metric === metric);
}

/** The figure of all sites: of the pooled rows where a sum has it, else the mean over sites. */
export function overallOf(
  model: ModelFindings,
  metric: string,
): { readonly estimate: Estimate; readonly isMean: boolean } | null {
  const pooled = shownFigures(model.pooled)?.metrics[metric];
  const mean = metaOf(model, metric)?.mean;
  if (pooled && (pooled.value !== null || !mean)) return { estimate: pooled, isMean: false };
  return mean ? { estimate: mean, isMean: true } : null;
}

/** Pods that gave an answer. */
export function finishedOf({ cohort }: EvaluationResult): EvaluationResult['cohort'] {
  return cohort.filter(({ state }) => state === 'finished');
}

/** Rows that were evaluated on over all sites; null when not every site's are known. */
export function rowsOf({ pooled, sites }: Findings): number | null {
  const all = shownFigures(pooled);
  if (all) return all.rows;
  const own = sites.map(({ found }) => shownFigures(found)?.rows);
  return own.length > 0 && own.every((rows) => rows !== undefined) ? own.reduce((a, b) => a + b, 0) : null;
}

/** Sites whose figures are withheld, by reason. */
export function withheldSites({ sites }: Findings): ReadonlyMap<string, readonly string[]> {
  const byReason = new Map<string, string[]>();
  for (const { site, found } of sites) {
    if (!('withheld' in found)) continue;
    byReason.set(found.withheld, [...(byReason.get(found.withheld) ?? []), site]);
  }
  return byReason;
}
