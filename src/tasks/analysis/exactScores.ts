/**
 * Which evaluations may ask for the score of each row.
 * @module
 */
import { problemOf } from '../../datasources/index.ts';
import type { Path, Problem } from '../configFile.ts';
import type { TaskData } from '../dataStructure/read.ts';

/**
 * Scores are the most that a site can say of itself, so what holds for its own figures (`site_figures`) holds for them too.
 * @param adds - Whether the task adds up results. @param path - Of the arguments.
 */
export function checkExact(
  { exact, site_figures }: { readonly exact?: boolean | undefined; readonly site_figures?: boolean | undefined },
  data: TaskData,
  adds: boolean,
  path: Path,
): Problem[] {
  if (!exact) return [];
  const problems: Problem[] = [];
  const wrong = (message: string): void => void problems.push({ path: [...path, 'exact'], message, atKey: true });
  if (!adds) wrong('without an aggregator nothing is pooled; expected task.aggregator');
  else if (site_figures !== true) wrong('scores are figures of single sites; expected site_figures: true beside it');
  const { kind } = problemOf(data);
  if (kind !== 'binary')
    wrong(
      `only for two classes, listed in data_structure.categories; by these keys the problem is ${NAMES[kind] ?? kind}`,
    );
  return problems;
}

const NAMES: Readonly<Record<string, string>> = { regression: 'a number', multiclass: 'one of several classes' };
