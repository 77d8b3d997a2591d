/**
 * From an evaluation's outcome to evaluation.json: the one record that the report, the tables and machines read.
 * @module
 */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import type { AnalysisOutcome, PodAnswer } from '../coordinator/index.ts';
import { fingerprintOf } from '../coordinator/index.ts';
import { problemOf, targetsOf } from '../datasources/index.ts';
import {
  type Estimate,
  type GroupEvaluation,
  guardGroup,
  type MetaAnalysis,
  metaAnalysis,
  pooledEvaluation,
  type Withheld,
} from '../metrics/index.ts';
import { type EvaluatedGroup, evaluatedGroups, exactFigures, type SummedGroup } from '../protocols/index.ts';
import type { EvaluationResult, Findings, ModelFindings, Subgroups } from '../reports/index.ts';
import { type AnyEvaluation, isEvaluation, type LocalAnalysis } from '../tasks/index.ts';
import { VERSION } from './package.ts';
import { titleOf } from './title.ts';

/** The record of an evaluation. */
export function evaluationResultOf(task: LocalAnalysis, outcome: AnalysisOutcome): EvaluationResult {
  const { algorithm } = task;
  if (!isEvaluation(algorithm)) throw new TypeError('the task evaluates no models');
  const { evaluation, answer, members, error } = outcome;
  const problem = problemOf(algorithm.dataStructure);
  const answers = evaluation?.answers ?? [];
  const policies = new Map(answers.flat().map(({ pod, evaluation: { policy } }) => [pod, policy]));
  const { adds, secure } = task.aggregator;
  const sums = answer?.kind === 'evaluation' ? answer.models : [];
  const found = sums.length > 0 || answers.some((all) => all.length > 0);
  return {
    format: 'konsil-evaluation-v1',
    run: outcome.run,
    title: titleOf(task.local.file),
    status: outcome.status,
    ...(error && { reason: outcome.reason }),
    startedAt: outcome.startedAt.toISOString(),
    seconds: outcome.seconds,
    mode: !adds ? 'separate' : secure ? 'secure' : 'plain',
    problem: { ...problem, target: targetsOf(algorithm.dataStructure).join(', '), split: algorithm.split },
    models: (evaluation?.models ?? []).map(({ label: name, file, kind, bytes, sha256 }, i) => ({
      ...{ name, reference: relative(process.cwd(), file), kind, bytes, sha256 },
      ...(algorithm.name === 'ModelTrainingAndEvaluation' && { trainedAt: i === 0 ? 'each' : name }),
    })),
    taskSha256: evaluation?.taskSha256 || '0'.repeat(64),
    cohort: members.map((member) => {
      const { sentBytes, receivedBytes } = outcome.trafficOf(member);
      const policy = policies.get(member.name);
      return {
        ...{ name: member.name, dataset: member.dataset, fingerprint: fingerprintOf(member) },
        state: member.state === 'active' || member.state === 'invited' ? 'lost' : member.state,
        ...(member.reason && { reason: member.reason }),
        // what the pod sent is what this side received
        ...{ sentBytes: receivedBytes, receivedBytes: sentBytes },
        ...(policy && { policy }),
      };
    }),
    data: (answers[0] ?? []).flatMap(({ pod: site, evaluation: { data } }) => (data ? [{ site, ...data }] : [])),
    findings: found
      ? evaluation!.models.map(({ label }, m) => findingsOf(label, algorithm, sums[m], answers[m] ?? []))
      : [],
    answers: answers.flatMap((all, model) =>
      all.map(({ pod, identity, statement, signature, text }) => ({
        ...{ pod, identity, model, statement, answer: text },
        signature: Buffer.from(signature).toString('base64'),
      })),
    ),
    whatLeft: whatLeft(outcome, adds && secure, policies.size > 0),
    machine: { cores: availableParallelism(), node: process.version, platform: `${process.platform} ${process.arch}` },
    konsil: VERSION,
  };
}

function findingsOf(
  model: string,
  algorithm: AnyEvaluation,
  sums: readonly SummedGroup[] | undefined,
  answers: readonly PodAnswer[],
): ModelFindings {
  const problem = problemOf(algorithm.dataStructure);
  // the strictest rule of a site that took part holds for all of them together
  const rules = answers.map(({ evaluation: { policy } }) => policy);
  const guard = {
    minimumRows: Math.max(1, ...rules.map(({ minimumRows }) => minimumRows)),
    minimumClassRows: Math.max(1, ...rules.map(({ minimumClassRows }) => minimumClassRows)),
  };
  const exact = answers.flatMap(({ pod, exact: given }) => (given ? [{ pod, ...given }] : []));
  const scores = exact.map(({ scores: ofSite }) => ofSite);
  const all = sums?.[0];
  const pooledExactly = algorithm.exact && all ? exactFigures(problem.classes, all.statistics, scores) : null;
  const pooledOf = (sum: SummedGroup | undefined): Findings['pooled'] => {
    if (!sum) return null;
    if (sum.pods === 0) return { withheld: 'no site has enough rows' };
    const figures = sum === all ? pooledExactly : null;
    return guardGroup(figures ?? pooledEvaluation(problem, sum.statistics), guard);
  };
  const groups = evaluatedGroups(algorithm);
  const of = (g: number): Findings => ({
    pooled: pooledOf(sums?.[g]),
    sites: answers.map(({ pod: site, evaluation }) => ({ site, found: evaluation.groups[g]! })),
  });
  const every = of(0);
  return {
    ...{ model, ...every, subgroups: subgroupsOf(groups, of), metaAnalyses: metaAnalysesOf(every) },
    ...(algorithm.exact && { exact: { pooled: pooledExactly !== null, sites: exact.map(({ pod }) => pod) } }),
  };
}

function subgroupsOf(groups: readonly EvaluatedGroup[], of: (g: number) => Findings): Subgroups[] {
  const columns = new Map<string, (Findings & { readonly value: string })[]>();
  for (const [g, { column, value }] of groups.entries()) {
    if (column === undefined) continue;
    const known = columns.get(column) ?? [];
    columns.set(column, known);
    known.push({ value, ...of(g) });
  }
  return [...columns].map(([column, list]) => ({ column, groups: list }));
}

const isShown = (found: GroupEvaluation | Withheld): found is GroupEvaluation => 'metrics' in found;

/** Every metric that two sites or more have. */
function metaAnalysesOf({ sites }: Findings): MetaAnalysis[] {
  const shown = sites.flatMap(({ site, found }) => (isShown(found) ? [{ site, metrics: found.metrics }] : []));
  const names = new Set(shown.flatMap(({ metrics }) => Object.keys(metrics)));
  return [...names].flatMap((metric) => {
    const estimates = shown.flatMap(({ site, metrics }): { site: string; estimate: Estimate }[] =>
      metrics[metric] ? [{ site, estimate: metrics[metric] }] : [],
    );
    const combined = metaAnalysis(metric, estimates);
    return combined ? [combined] : [];
  });
}

function whatLeft(outcome: AnalysisOutcome, isSecure: boolean, hasAnswers: boolean): EvaluationResult['whatLeft'] {
  const { evaluation: evaluated } = outcome;
  const answers = evaluated?.answers.flat() ?? [];
  const scored = answers.filter(({ exact }) => exact !== undefined);
  const own = answers.filter(({ evaluation }) => evaluation.policy.results === 'site');
  const largest = (all: readonly PodAnswer[]): number => Math.max(0, ...all.map(({ text }) => Buffer.byteLength(text)));
  return [
    { what: 'Names and kinds of the columns, once', to: 'coordinator', bytes: 0, visibleTo: 'the coordinator' },
    ...(outcome.answer?.kind === 'evaluation'
      ? [
          {
            what: `${isSecure ? 'Masked counts' : 'Counts'} of scores, outcomes and errors, for each model and subgroup`,
            to: 'coordinator',
            bytes: outcome.sumBytes,
            visibleTo: isSecure ? 'nobody alone; the coordinator learns the sum over all sites' : 'the coordinator',
          },
        ]
      : []),
    {
      what: "The site's own figures, only where the site allows it",
      to: 'coordinator',
      bytes: largest(own),
      visibleTo: own.length > 0 ? 'the coordinator' : 'nobody: no site gives them',
    },
    ...(evaluated?.algorithm.exact
      ? [
          {
            what: 'Score and label of each row, only where the site allows it',
            to: 'coordinator',
            bytes: Math.max(0, ...scored.map(({ exact }) => Buffer.byteLength(exact!.text))),
            visibleTo:
              scored.length > 0
                ? `the coordinator: of ${[...new Set(scored.map(({ pod }) => pod))].join(', ')}`
                : 'nobody: no site gives them',
          },
        ]
      : []),
    ...(evaluated?.algorithm.name === 'ModelTrainingAndEvaluation'
      ? [
          {
            what: 'A model trained on the rows of one site alone, only where the site allows it',
            to: 'coordinator',
            bytes: Math.max(0, ...evaluated.models.slice(1).map(({ bytes }) => bytes)),
            visibleTo:
              evaluated.models.length > 1
                ? `the coordinator and all sites: of ${[...evaluated.given.keys()].join(', ')}`
                : 'nobody: no site has given its own',
          },
        ]
      : []),
    {
      what: 'The rules of the site, and its signature',
      to: 'coordinator',
      bytes: hasAnswers ? 64 : 0,
      visibleTo: 'whoever reads this report',
    },
  ];
}
