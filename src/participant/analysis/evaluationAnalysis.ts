/**
 * Models under evaluation at a site: what they say to its rows, how good that is, under the site's rules.
 * @module
 */
import { toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import type { DataSource } from '../../datasources/index.ts';
import { type GroupEvaluation, guardGroup, type SiteStatistics, type Withheld } from '../../metrics/index.ts';
import {
  evaluatedGroups,
  evaluationInput,
  MAX_SCORED_ROWS,
  type SiteDataOptions,
  type SiteEvaluation,
  type StepSum,
  writeExactScores,
} from '../../protocols/index.ts';
import type { EvaluationPolicy, EvaluationSettings, Subgroup } from '../../tasks/index.ts';
import type { DeviceChoice, OpenPredictor } from '../../training/index.ts';
import { type EvaluatedRows, readRows } from './evaluatedRows.ts';
import type { ScoredRows } from './scoredRows.ts';
import { scoreRows } from './scoreRows.ts';
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
  /** Scores of rows are about to leave. @throws KonsilError FILE_WRITE_FAILED */
  readonly recordScores: (model: string, rows: number) => void;
  readonly signal: AbortSignal;
}

const LEFT_THERE: Withheld = { withheld: 'the task leaves the figures at the sites' };
const SUMS_ONLY: Withheld = { withheld: 'the task asks for sums over sites only' };
const FIGURES_ONLY: Withheld = { withheld: 'this site gives no scores of single rows' };
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
  ): Promise<{ input: StepSum; answer: string; own?: string; scores?: string }> {
    const algorithm = this.#algorithm;
    const { policy, isSecure, keeps, tells } = this.#options;
    const gives = algorithm.siteFigures && policy.results === 'site' && tells;
    const { scored, columns } = await this.#predict(step, model, signal);
    const isLarge = (rows: readonly number[]): boolean =>
      rows.length >= policy.minimumRows &&
      // of sums under masks nobody sees a class of this site
      (!(gives || !isSecure) || scored.classRows(rows).every((count) => count >= policy.minimumClassRows));
    const all = Array.from({ length: scored.rows }, (_, row) => row);
    const every = [all, ...columns.flat()];
    const groups = [all, ...columns.flatMap((column) => shownTogether(column, all, isLarge))];
    const [sums, found]: [(SiteStatistics | null)[], (GroupEvaluation | Withheld)[]] = [[], []];
    const kept: unknown[] = [];
    for (const [g, rows] of groups.entries()) {
      signal.throwIfAborted();
      const own = rows === null ? this.#withheld() : this.#ownFigures(scored, rows);
      found.push(own);
      // at the site nothing is kept from it
      if (keeps) kept.push({ ...evaluatedGroups(algorithm)[g], found: scored.figures(every[g]!) });
      // in the open a sum is this site's own; beside the figures of others it is what their sum leaves
      const isSmall = rows === null || rows.length < policy.minimumRows;
      sums.push(isSmall || (isWithheld(own) && (!isSecure || gives)) ? null : scored.statistics(rows));
    }
    const { results, minimumRows, minimumClassRows } = policy;
    const exact = algorithm.exact ? this.#exactScores(scored, found[0]!) : undefined;
    if (exact && 'text' in exact) this.#options.recordScores(toHex(sha256(model)), scored.rows);
    const answer: SiteEvaluation = {
      ...{ format: 'konsil-site-evaluation-v1', policy: { results, minimumRows, minimumClassRows } },
      ...(gives && { data: this.#rows.data }),
      ...(exact && {
        scores: 'text' in exact ? { sha256: toHex(sha256(utf8(exact.text))), rows: scored.rows } : exact,
      }),
      groups: found,
    };
    const own =
      keeps &&
      JSON.stringify({ format: 'konsil-own-evaluation-v1', model: algorithm.models[step], groups: kept }, null, 2);
    return {
      ...{ input: evaluationInput(algorithm, sums), answer: JSON.stringify(answer) },
      ...(own && { own }),
      ...(exact && 'text' in exact && { scores: exact.text }),
    };
  }

  /** Score and label of each row, of a site whose rules give them away. @param own - Its figures of all rows as they leave. */
  #exactScores({ exact, rows }: ScoredRows, own: GroupEvaluation | Withheld): { readonly text: string } | Withheld {
    // whatever keeps the figures keeps the scores
    if (isWithheld(own)) return own;
    if (this.#options.policy.exactScores !== 'allow' || !exact) return FIGURES_ONLY;
    if (rows > MAX_SCORED_ROWS) return { withheld: `more rows than the ${MAX_SCORED_ROWS} whose scores are given` };
    return { text: writeExactScores(exact.scores, exact.labels) };
  }

  /** Of a group that is not shown, whatever the rule of its column. */
  #withheld(): Withheld {
    if (!this.#options.tells) return LEFT_THERE;
    if (!this.#algorithm.siteFigures) return SUMS_ONLY;
    return this.#options.policy.results === 'site' ? { withheld: tooFew(this.#options.policy) } : POOLED_ONLY;
  }

  /** The figures of a group as they may leave by themselves. */
  #ownFigures(scored: ScoredRows, rows: readonly number[]): GroupEvaluation | Withheld {
    const { policy } = this.#options;
    const { siteFigures } = this.#algorithm;
    if (!this.#options.tells || !siteFigures || policy.results !== 'site' || rows.length < policy.minimumRows)
      return this.#withheld();
    return guardGroup(scored.figures(rows), policy);
  }

  /** What the model says to the rows that can be read, against what is true of them. */
  async #predict(
    step: number,
    model: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ scored: ScoredRows; columns: number[][][] }> {
    const { batchSize, output, models, subgroups } = this.#algorithm;
    const { width, groups } = this.#rows;
    const { device, threads, openPredictor } = this.#options;
    const source = models[step]!.label;
    const options = { model, source, batchSize, width, device, threads, ...(output !== undefined && { output }) };
    const predictor = await openPredictor(options, signal);
    try {
      const { scored, kept } = await scoreRows(predictor, source, this.#algorithm, this.#rows, signal);
      return {
        scored,
        columns: subgroups.map((subgroup, c) =>
          Array.from({ length: groupsIn(subgroup) }, (_, g) =>
            [...kept.keys()].filter((i) => groups[c]![kept[i]!] === g),
          ),
        ),
      };
    } finally {
      await predictor.close();
    }
  }

  async close(): Promise<void> {}
}

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
