/**
 * Models under evaluation at a site: what they say to its rows, how good that is, under the site's rules.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import {
  cutDataset,
  type DataSource,
  ImageLoader,
  loadDataset,
  type Split,
  type Subset,
  subsetOf,
} from '../../datasources/index.ts';
import {
  evaluateGroup,
  type GroupEvaluation,
  groupStatistics,
  guardGroup,
  type SiteStatistics,
  type Withheld,
} from '../../metrics/index.ts';
import {
  evaluatedGroups,
  evaluationInput,
  evaluationProblem,
  groupIndex,
  narrow,
  predictRows,
  probabilitiesOf,
  type SiteDataOptions,
  type SiteEvaluation,
  type StepSum,
} from '../../protocols/index.ts';
import type { EvaluationPolicy, EvaluationSettings, Subgroup } from '../../tasks/index.ts';
import type { DeviceChoice, OpenPredictor } from '../../training/index.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';

/** What the site's rules and machine say. */
export interface EvaluationOptions extends SiteDataOptions {
  readonly policy: EvaluationPolicy;
  /** Whether the site keeps its figures, and whether the modeller may have them, as the task says. */
  readonly keeps: boolean;
  readonly tells: boolean;
  /** Whether sums are masked; others are this site's own figures. */
  readonly isSecure: boolean;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly openPredictor: OpenPredictor;
  readonly signal: AbortSignal;
}

/** The rows to evaluate on. */
interface EvaluatedRows {
  readonly part: Subset;
  readonly images?: ImageLoader;
  /** Values a row that a model gets. */
  readonly width: number;
  /** Shape `[subgroup columns][rows]`: index of the row's group, -1 for none. */
  readonly groups: readonly Int32Array[];
  readonly data: NonNullable<SiteEvaluation['data']>;
  /** Whether some feature is missing somewhere. */
  readonly hasMissing: boolean;
}

const LEFT_THERE: Withheld = { withheld: 'the task leaves the figures at the sites' };
const SUMS_ONLY: Withheld = { withheld: 'the task asks for sums over sites only' };
const POOLED_ONLY: Withheld = { withheld: 'this site gives its figures only in sums over sites' };

export class EvaluationAnalysis implements SiteAnalysis {
  readonly evaluates: NonNullable<SiteAnalysis['evaluates']>;
  readonly #algorithm: EvaluationSettings;
  readonly #rows: EvaluatedRows;
  readonly #options: EvaluationOptions;

  private constructor(algorithm: EvaluationSettings, rows: EvaluatedRows, options: EvaluationOptions) {
    this.#algorithm = algorithm;
    this.#rows = rows;
    this.#options = options;
    this.evaluates = {
      maxBytes: options.policy.maximumModelMb * 1e6,
      evaluate: (step, model, signal) => this.#evaluate(step, model, signal),
    };
  }

  /** @throws KonsilError as `loadDataset`; DATA_EMPTY when the split has no rows. */
  static async open(
    algorithm: EvaluationSettings,
    source: DataSource,
    options: EvaluationOptions,
  ): Promise<EvaluationAnalysis> {
    return new EvaluationAnalysis(algorithm, await readRows(algorithm, source, options), options);
  }

  async #evaluate(
    step: number,
    model: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ input: StepSum; answer: string; own?: string }> {
    const algorithm = this.#algorithm;
    const { policy, isSecure, keeps, tells } = this.#options;
    const gives = algorithm.siteFigures && policy.results === 'site' && tells;
    const problem = evaluationProblem(algorithm);
    const { predictions, targets, columns } = await this.#predict(step, model, signal);
    const width = problem.kind === 'multiclass' ? problem.classes.length : 1;
    const isLarge = (rows: readonly number[]): boolean =>
      rows.length >= policy.minimumRows &&
      // of sums under masks nobody sees a class of this site
      (!(gives || !isSecure) ||
        problem.classes.every((_, c) => countIn(rows, (row) => targets[row] === c) >= policy.minimumClassRows));
    const all = targets.map((_, row) => row);
    const rowsOf = (rows: readonly number[]): readonly [predictions: Float64Array, targets: number[]] => {
      const p = new Float64Array(rows.length * width);
      rows.forEach((row, i) => p.set(predictions.subarray(row * width, (row + 1) * width), i * width));
      return [p, rows.map((row) => targets[row]!)];
    };
    const every = [all, ...columns.flat()];
    const groups = [all, ...columns.flatMap((column) => shownTogether(column, all, isLarge))];
    const [sums, found]: [(SiteStatistics | null)[], (GroupEvaluation | Withheld)[]] = [[], []];
    const kept: unknown[] = [];
    for (const [g, rows] of groups.entries()) {
      signal.throwIfAborted();
      const [p, y] = rowsOf(rows ?? []);
      const own = rows === null ? this.#withheld() : this.#ownFigures(problem, p, y);
      found.push(own);
      // at the site nothing is kept from it
      if (keeps) kept.push({ ...evaluatedGroups(algorithm)[g], found: evaluateGroup(problem, ...rowsOf(every[g]!)) });
      // in the open a sum is this site's own; beside the figures of others it is what their sum leaves
      const isKept = y.length < policy.minimumRows || (isWithheld(own) && (!isSecure || gives));
      sums.push(isKept ? null : groupStatistics(problem, p, y));
    }
    const { results, minimumRows, minimumClassRows } = policy;
    const answer: SiteEvaluation = {
      ...{ format: 'konsil-site-evaluation-v1', policy: { results, minimumRows, minimumClassRows } },
      ...(gives && { data: this.#rows.data }),
      groups: found,
    };
    const own =
      keeps &&
      JSON.stringify({ format: 'konsil-own-evaluation-v1', model: algorithm.models[step], groups: kept }, null, 2);
    return { input: evaluationInput(algorithm, sums), answer: JSON.stringify(answer), ...(own && { own }) };
  }

  /** Of a group that is not shown, whatever the rule of its column. */
  #withheld(): Withheld {
    if (!this.#options.tells) return LEFT_THERE;
    if (!this.#algorithm.siteFigures) return SUMS_ONLY;
    return this.#options.policy.results === 'site' ? { withheld: tooFew(this.#options.policy) } : POOLED_ONLY;
  }

  /** The figures of a group as they may leave by themselves. */
  #ownFigures(
    problem: ReturnType<typeof evaluationProblem>,
    predictions: ArrayLike<number>,
    targets: readonly number[],
  ): GroupEvaluation | Withheld {
    const { policy } = this.#options;
    const { siteFigures } = this.#algorithm;
    if (!this.#options.tells || !siteFigures || policy.results !== 'site' || targets.length < policy.minimumRows)
      return this.#withheld();
    return guardGroup(evaluateGroup(problem, predictions, targets), policy);
  }

  /** What the model says to the rows that can be read, as probabilities or values. */
  async #predict(
    step: number,
    model: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ predictions: Float64Array; targets: number[]; columns: number[][][] }> {
    const { batchSize, output, outputs, models, subgroups } = this.#algorithm;
    const { part, images, width, groups, hasMissing } = this.#rows;
    const { device, threads, openPredictor } = this.#options;
    const source = models[step]!.label;
    const options = { model, source, batchSize, width, device, threads, ...(output !== undefined && { output }) };
    const predictor = await openPredictor(options, signal);
    try {
      const said = await predictRows(
        (x, rows) => predictor.predict({ x, rows }, signal),
        { ...(images && { images }) },
        part,
        'test',
      );
      const { scale, output: port } = predictor.model;
      const problem = evaluationProblem(this.#algorithm);
      const given = outputs === undefined ? scale : outputs === 'logits' ? 'raw' : 'probabilities';
      const name = `${source}: output "${port.name}"`;
      const predictions = probabilitiesOf(problem, said.outputs, said.part.rows, given, name, hasMissing);
      return {
        ...{ predictions, targets: Array.from(said.part.y) },
        columns: subgroups.map((subgroup, c) =>
          Array.from({ length: groupsIn(subgroup) }, (_, g) =>
            [...said.kept.keys()].filter((i) => groups[c]![said.kept[i]!] === g),
          ),
        ),
      };
    } finally {
      await predictor.close();
    }
  }

  async close(): Promise<void> {}
}

const countIn = (rows: readonly number[], holds: (row: number) => boolean): number =>
  rows.reduce((sum, row) => sum + Number(holds(row)), 0);

/**
 * The groups of a column that may be shown, null for the others: what all rows have beyond the shown groups is large enough as
 * well, or it could be had by subtraction.
 */
function shownTogether(
  groups: readonly (readonly number[])[],
  all: readonly number[],
  isLarge: (rows: readonly number[]) => boolean,
): (readonly number[] | null)[] {
  const shown = groups.map((rows) => (isLarge(rows) ? rows : null));
  for (;;) {
    const among = new Set(shown.flatMap((rows) => rows ?? []));
    const rest = all.filter((row) => !among.has(row));
    if (rest.length === 0 || isLarge(rest) || among.size === 0) return shown;
    const sizes = shown.map((rows) => rows?.length ?? Number.POSITIVE_INFINITY);
    shown[sizes.indexOf(Math.min(...sizes))] = null;
  }
}

const isWithheld = (found: GroupEvaluation | Withheld): found is Withheld => 'withheld' in found;

const groupsIn = (subgroup: Subgroup): number =>
  'values' in subgroup ? subgroup.values.length : subgroup.edges.length + 1;

const tooFew = ({ minimumRows }: EvaluationPolicy): string =>
  `fewer than the ${minimumRows} rows that this site asks for`;

async function readRows(
  algorithm: EvaluationSettings,
  all: DataSource,
  options: EvaluationOptions,
): Promise<EvaluatedRows> {
  const { dataStructure, split } = algorithm;
  const { signal, decoders, onProblem, policy } = options;
  const source = narrow(all, { dataStructure });
  const dataset = await loadDataset(source, dataStructure, { signal });
  const cut = cutDataset(dataset, dataStructure.split);
  const chosen = chosenRows(cut, split, dataset.rows);
  if (chosen.length === 0)
    throw new KonsilError('DATA_EMPTY', `${source.label}: no ${split} rows to evaluate on`, { file: source.label });
  const { images } = dataStructure;
  const loader = images && (await ImageLoader.open(dataset, images, { pool: decoders, onProblem }));
  const part = subsetOf(dataset, chosen);
  const keys = chosen.map((row) => dataset.keys[row]!);
  const guarded = (n: number): number | null => (n > 0 && n < policy.minimumRows ? null : n);
  const sizes = { train: cut.training.length, validation: cut.validation.length, test: cut.test.length };
  return {
    ...{ part, width: loader?.width ?? dataset.features.length },
    ...(loader && { images: loader }),
    groups: await readGroups(source, algorithm.subgroups, keys, signal),
    data: {
      ...(Object.values(sizes).every((size) => guarded(size) !== null) && { splits: sizes }),
      missingTarget: guarded(dataset.missingTarget),
      missing: Object.fromEntries(Object.entries(dataset.missing).map(([column, n]) => [column, guarded(n)])),
    },
    hasMissing: part.x.some(Number.isNaN),
  };
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
