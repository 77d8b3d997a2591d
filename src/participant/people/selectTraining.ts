/**
 * A training task on the rows of a selection (`data_structure.rows_from_intersection`): whether the site lets it, and the rows.
 * @module
 */
import { type DataSource, type DatasourceConfig, type OpenDataset, SelectedSource } from '../../datasources/index.ts';
import type { PodConfig, Task } from '../../tasks/index.ts';
import { Refusal } from '../refusal.ts';
import { Selections, selectedRows } from './selections.ts';
import { readSiteKeys } from './siteKeys.ts';

export interface SelectTrainingOptions {
  readonly config: PodConfig;
  readonly dataset: DatasourceConfig;
  readonly openDataset: OpenDataset;
  /** Peer id of whoever asks. */
  readonly modeller: string;
  readonly signal: AbortSignal;
  readonly nowMs: number;
  /** For the site's operator alone. */
  readonly onProblem: (problem: string) => void;
}

/**
 * The rows of `source` that the task trains on; `source` itself when it names no selection.
 * @throws Refusal with one and the same reason whether there is no such selection, it is over, or it may not be used: the
 *   difference would tell something about people.
 */
export async function selectForTraining(
  source: DataSource,
  task: Task,
  options: SelectTrainingOptions,
): Promise<DataSource> {
  const { rowsFrom: name } = task.dataStructure;
  if (name === undefined) return source;
  const { config, dataset, openDataset, modeller, signal, nowMs, onProblem } = options;
  const rules = config.policy.intersection;
  if (!rules?.kinds.includes('row_filter'))
    throw new Refusal(
      'UNAUTHORISED',
      'this site trains on no rows of an intersection; its operator allows it with policy.intersection.kinds: [row_filter]',
    );
  // in the open the weight of an update is the number of rows
  if (!task.aggregator.secure)
    throw new Refusal(
      'UNAUTHORISED',
      'this site trains on rows of an intersection only with secure aggregation (task.aggregator.secure: true)',
    );
  // a server gives rows in whatever order it likes: they are told apart by their numbers here
  if (dataset.datasource === 'InterMineSource')
    throw new Refusal(
      'INCOMPATIBLE_DATASOURCE',
      `dataset "${dataset.name}" is an ${dataset.datasource}; rows of an intersection are those of files`,
    );
  const unusable = (why: string): Refusal => {
    onProblem(`a task asks for the rows of selection "${name}": ${why}`);
    return new Refusal(
      'NO_DATA',
      `this site has no rows for the intersection "${name}" that it would train on: it does not have it, no longer, or not with enough people`,
    );
  };
  const selection = new Selections(config.state).find({ modeller, dataset: dataset.name, name });
  if (!selection) throw unusable('there is none of this modeller');
  if (selection.expiresMs <= nowMs) throw unusable('it is over (policy.intersection.row_filter.keep_days)');
  if (selection.atLeast === null) throw unusable('it has too few people, too many, or those of an earlier one');
  const { columns, rule } = selection;
  const { keys, rows } = await readSiteKeys({ dataset, openDataset, columns, rule, signal });
  // read anew in between, rows could have other numbers
  if (rows !== source.rowCount) throw unusable('the dataset changed while it was read');
  const selected = selectedRows(selection, keys);
  if (selected.people < selection.atLeast) throw unusable('fewer of its people are left here than are needed');
  return new SelectedSource(source, selected.rows);
}
