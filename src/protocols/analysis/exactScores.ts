/**
 * Scores of single rows with their labels, as sites give them where their rules allow that: text of two columns, sorted, so that
 * the order says nothing of the rows. From those of all sites the figures of all rows follow exactly.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import {
  type EvaluationProblem,
  evaluateGroup,
  type GroupEvaluation,
  groupStatistics,
  type SiteStatistics,
} from '../../metrics/index.ts';

/** Scores by ascending score, then label. */
export interface ExactScores {
  /** Probability of class 1 of each row. */
  readonly scores: Float64Array;
  /** 0 or 1. */
  readonly labels: Uint8Array;
}

/** Most rows of a site; of more no scores are given. */
export const MAX_SCORED_ROWS = 1_000_000;
/** A line has a number of at most 24 characters, a comma, a digit and its end. */
export const MAX_SCORES_BYTES = 32 * MAX_SCORED_ROWS;

const HEAD = 'score,label';

/** @param scores - Of each row, in [0, 1]. @param labels - 0 or 1. */
export function writeExactScores(scores: ArrayLike<number>, labels: ArrayLike<number>): string {
  const order = Uint32Array.from(labels, (_, i) => i).sort(
    (a, b) => scores[a]! - scores[b]! || labels[a]! - labels[b]!,
  );
  // the shortest text that reads back as the same number
  return [HEAD, ...Array.from(order, (i) => `${scores[i]! + 0},${labels[i]}`), ''].join('\n');
}

/** @throws KonsilError AGG_BAD_MESSAGE naming the pod and the line, when the text is no such list. */
export function readExactScores(text: string, pod: string): ExactScores {
  const [head, ...lines] = text.split('\n');
  const bad = (line: number): KonsilError =>
    new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its scores are none, at line ${line}`, { pod });
  if (head !== HEAD) throw bad(1);
  if (lines.pop() !== '' || lines.length > MAX_SCORED_ROWS) throw bad(lines.length + 2);
  const scores = new Float64Array(lines.length);
  const labels = new Uint8Array(lines.length);
  for (const [i, line] of lines.entries()) {
    const [, number, label] = /^(\d(?:\.\d+)?(?:e-\d+)?),([01])$/.exec(line) ?? [];
    const score = Number(number);
    scores[i] = score;
    labels[i] = Number(label);
    const before = scores[i - 1] ?? -1;
    const isNext = before < score || (before === score && labels[i - 1]! <= Number(label));
    // NaN of what is no number is not next either
    if (score > 1 || !isNext) throw bad(i + 2);
  }
  return { scores, labels };
}

/**
 * Figures of all rows in one place.
 * @param summed - The sum over sites: tells whether `sites` have each of its rows, and no other.
 * @returns null where they have not.
 */
export function exactFigures(
  classes: readonly string[],
  summed: SiteStatistics,
  sites: readonly ExactScores[],
): GroupEvaluation | null {
  const problem: EvaluationProblem<'binary'> = { kind: 'binary', classes };
  const scores = joined(sites.map((site) => site.scores));
  const labels = joined(sites.map((site) => site.labels));
  const { counts } = groupStatistics(problem, scores, labels);
  const isAll = counts.length === summed.counts.length && counts.every((count, i) => count === summed.counts[i]);
  return isAll ? evaluateGroup(problem, scores, labels) : null;
}

function joined(parts: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((rows, part) => rows + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
