/**
 * The rows of a site that models are evaluated on: their inputs, what is true of them, and the groups they are in.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import {
  cutDataset,
  type DataSource,
  greysOf,
  ImageLoader,
  type LoadedOutcomes,
  loadDataset,
  loadOutcomes,
  type Split,
  type Subset,
  subsetOf,
  withMasks,
} from '../../datasources/index.ts';
import { groupIndex, narrow, type SiteDataOptions, type SiteEvaluation } from '../../protocols/index.ts';
import type { EvaluationPolicy, EvaluationSettings, Subgroup } from '../../tasks/index.ts';

/** The rows to evaluate on. */
export interface EvaluatedRows {
  readonly part: Subset;
  /** Where it is more than `part.y`, in the order of `part`. */
  readonly outcomes?: Pick<LoadedOutcomes, 'values'>;
  readonly images?: ImageLoader;
  /** Values a row that a model gets. */
  readonly width: number;
  /** Shape `[subgroup columns][rows]`: index of the row's group, -1 for none. */
  readonly groups: readonly Int32Array[];
  readonly data: NonNullable<SiteEvaluation['data']>;
  /** Whether some feature is missing somewhere. */
  readonly hasMissing: boolean;
}

/** @throws KonsilError as `loadDataset`; DATA_EMPTY when the split has no rows. */
export async function readRows(
  algorithm: EvaluationSettings,
  all: DataSource,
  options: SiteDataOptions & { readonly policy: EvaluationPolicy; readonly signal: AbortSignal },
): Promise<EvaluatedRows> {
  const { dataStructure, split } = algorithm;
  const { signal, decoders, onProblem, policy } = options;
  const source = narrow(all, { dataStructure });
  const dataset = await loadDataset(source, dataStructure, { signal });
  const { outcome } = dataStructure;
  const outcomes = outcome && (await loadOutcomes(source, { ...dataStructure, outcome }, dataset.keys, signal));
  const isWhole = (row: number): boolean => outcomes?.isComplete[row] ?? true;
  const { training, validation, test } = cutDataset(dataset, dataStructure.split);
  const cut = {
    training: training.filter(isWhole),
    validation: validation.filter(isWhole),
    test: test.filter(isWhole),
  };
  const chosen = chosenRows(cut, split, dataset.rows).filter(isWhole);
  if (chosen.length === 0)
    throw new KonsilError('DATA_EMPTY', `${source.label}: no ${split} rows to evaluate on`, { file: source.label });
  const { images } = dataStructure;
  const greys = greysOf(dataStructure);
  const loader =
    images && (await ImageLoader.open(dataset, images, { step: 'test', pool: decoders, onProblem, greys }));
  const part = subsetOf(outcomes ? withMasks(dataset, outcomes) : dataset, chosen);
  const keys = chosen.map((row) => dataset.keys[row]!);
  const guarded = (n: number): number | null => (n > 0 && n < policy.minimumRows ? null : n);
  const sizes = { train: cut.training.length, validation: cut.validation.length, test: cut.test.length };
  return {
    ...{ part, width: loader?.width ?? dataset.features.length },
    ...(outcomes && { outcomes: outcomesOf(outcomes, chosen) }),
    ...(loader && { images: loader }),
    groups: await readGroups(source, algorithm.subgroups, keys, signal),
    data: {
      ...(Object.values(sizes).every((size) => guarded(size) !== null) && { splits: sizes }),
      missingTarget: guarded(dataset.missingTarget + (outcomes?.isComplete.filter((whole) => !whole).length ?? 0)),
      missing: Object.fromEntries(Object.entries(dataset.missing).map(([column, n]) => [column, guarded(n)])),
    },
    hasMissing: part.x.some(Number.isNaN),
  };
}

function outcomesOf({ values, isComplete }: LoadedOutcomes, rows: Uint32Array): Pick<LoadedOutcomes, 'values'> {
  const width = values.length / isComplete.length;
  const chosen = new Float64Array(rows.length * width);
  rows.forEach((row, i) => chosen.set(values.subarray(row * width, (row + 1) * width), i * width));
  return { values: chosen };
}

function chosenRows(cut: Split, split: EvaluationSettings['split'], rows: number): Uint32Array {
  if (split === 'all') return Uint32Array.from({ length: rows }, (_, row) => row);
  return cut[split === 'train' ? 'training' : split];
}

/** Group of each row `keys` in each column. */
async function readGroups(
  source: DataSource,
  subgroups: readonly Subgroup[],
  keys: Uint32Array,
  signal: AbortSignal,
): Promise<Int32Array[]> {
  const groups = subgroups.map(() => new Int32Array(keys.length).fill(-1));
  if (subgroups.length === 0) return groups;
  const place = new Map(Array.from(keys, (key, i) => [key, i]));
  for await (const batch of source.yieldData(10_000, signal))
    for (const [at, key] of batch.keys.entries()) {
      const row = place.get(key);
      if (row === undefined) continue;
      for (const [c, subgroup] of subgroups.entries()) {
        const cell = batch.columns[subgroup.column]![at] ?? null;
        groups[c]![row] = groupIndex(subgroup, cell as string | number | boolean | null);
      }
    }
  return groups;
}
