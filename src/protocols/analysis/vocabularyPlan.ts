/**
 * Statistics with vocabularies: the sums of the figures, then the two of the values.
 * @module
 */
import type { StatisticsAlgorithm } from '../../tasks/index.ts';
import type { AnalysisPlan, StepSum } from './plan.ts';
import { bucketLayout, bucketsToOpen, textLayout, vocabulariesOf } from './vocabularySums.ts';

/** `figures`, and where the task asks for vocabularies two sums more. */
export function withVocabulary(figures: AnalysisPlan, algorithm: StatisticsAlgorithm): AnalysisPlan {
  const { vocabulary } = algorithm;
  if (vocabulary === undefined) return figures;
  const [buckets, texts] = [figures.steps, figures.steps + 1];
  return {
    steps: figures.steps + 2,
    layout: (step, given) => {
      if (step === buckets) return bucketLayout(vocabulary);
      return step === texts ? textLayout(vocabulary, given) : figures.layout(step, given);
    },
    given: (step, sums) => {
      if (step === buckets) return null;
      return step === texts ? bucketsToOpen(algorithm, vocabulary, sums[buckets]!) : figures.given(step, sums);
    },
    answer: (sums, pods) => {
      const answer = figures.answer(sums, pods);
      if (answer.kind !== 'statistics') return answer;
      const both: [StepSum, StepSum] = [sums[buckets]!, sums[texts]!];
      return { ...answer, summary: { ...answer.summary, vocabularies: vocabulariesOf(algorithm, vocabulary, both) } };
    },
  };
}
