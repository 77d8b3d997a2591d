/**
 * Where a run is: everything its coordinator would have to know again after a restart, apart from the sum that is under way.
 * @module
 */
import type { Strategy } from '../aggregation/index.ts';
import { bytesOf, float32Of } from '../base/index.ts';
import type { GroupEvaluation, Metrics, PooledMetric } from '../metrics/index.ts';
import type { KnownWeights } from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import type { BlobRef, SecureParameters } from '../wire/index.ts';
import type { LearnedDeadlines } from './deadlines.ts';
import type { RunJournal, SumBegin } from './journal/index.ts';
import type { FinalResult } from './resultStatements.ts';
import type { RunPrivacy } from './runPrivacy.ts';
import type { Standardiser } from './trainedModel.ts';

/** What a site let out about its own test rows. */
export interface SiteMetrics {
  readonly name: string;
  readonly rows: number;
  readonly metrics: Metrics;
}

/** What is known of a run; plain values, so that it can be written down as it is. */
interface Facts {
  /** Update rounds that are over, those included that were spent without a sum. */
  completed: number;
  /** Rounds in a row that were spent without a sum. */
  lost: number;
  /** Protocol round of the next sum; never used twice. */
  nextRound: number;
  /** How often another process has taken the run up. */
  interruptions: number;
  /** Training rows, once they are known. */
  known: KnownWeights | null;
  /** Public parameters of the next update, once they are agreed on. */
  update: { readonly completed: number; readonly secure: SecureParameters } | null;
  /** Largest clip, blocks and error bound of the last update. */
  clip: number | null;
  blocks: Uint8Array | null;
  bound: number;
  /** Null stands for none yet. */
  bestLoss: number | null;
  rounds: RoundResult[];
  sites: SiteMetrics[];
  pooled: Readonly<Record<string, PooledMetric>> | null;
  /** All figures of the same sum; null as well in a journal from before there were any. */
  evaluated: GroupEvaluation | null;
  /** The final parameters and who has signed for them. */
  result: FinalResult | null;
}

/** As it is written down: vectors by their names. */
interface Written extends Facts {
  readonly parameters: BlobRef;
  readonly standardiser: { readonly mean: Uint8Array; readonly scale: Uint8Array } | null;
  /** What the server's strategy remembers, float64, by its names. */
  readonly strategy: Readonly<Record<string, BlobRef>>;
  readonly privacy: ReturnType<RunPrivacy['snapshot']> | null;
  readonly deadlines: ReturnType<LearnedDeadlines['snapshot']>;
}

/** Parts of a run that keep state of their own. */
export interface StatefulParts {
  readonly deadlines: LearnedDeadlines;
  readonly privacy: RunPrivacy | undefined;
  readonly strategy: Strategy;
}

/** The state of one run. Change it, then {@link save} it. */
export class RunState implements Facts {
  completed = 0;
  lost = 0;
  nextRound = 0;
  interruptions = 0;
  known: KnownWeights | null = null;
  update: Facts['update'] = null;
  clip: number | null = null;
  blocks: Uint8Array | null = null;
  bound = 0;
  bestLoss: number | null = null;
  rounds: RoundResult[] = [];
  sites: SiteMetrics[] = [];
  pooled: Facts['pooled'] = null;
  evaluated: GroupEvaluation | null = null;
  result: FinalResult | null = null;
  /** The global model. */
  parameters: Float32Array;
  standardiser: Standardiser | null = null;
  readonly #journal: RunJournal | null;
  readonly #parts: StatefulParts;

  /** @param journal - Null for a run that nobody will go on with. */
  constructor(parameters: Float32Array, journal: RunJournal | null, parts: StatefulParts) {
    this.parameters = parameters;
    this.#journal = journal;
    this.#parts = parts;
  }

  /** The state as it was last saved; also gives the parts theirs. Undefined when nothing was saved. */
  static restore(journal: RunJournal, parts: StatefulParts): RunState | undefined {
    const written = journal.state() as Written | null;
    if (!written) return undefined;
    const { parameters, standardiser, strategy, privacy, deadlines, ...facts } = written;
    const state = new RunState(float32Of(journal.vectors.get(parameters.id)).slice(), journal, parts);
    Object.assign(state, facts);
    if (standardiser) state.standardiser = { mean: float32Of(standardiser.mean), scale: float32Of(standardiser.scale) };
    if (privacy) parts.privacy?.restore(privacy);
    parts.deadlines.restore(deadlines);
    const remembered = Object.entries(strategy).map(([name, { id }]) => [name, float64Of(journal.vectors.get(id))]);
    parts.strategy.restore(Object.fromEntries(remembered) as Record<string, Float64Array>);
    return state;
  }

  /** Writes the state down: what it says is decided. The sum that led to it is over. */
  save(): void {
    if (!this.#journal) return;
    const written = this.#write();
    this.#journal.checkpoint(written, [written.parameters.id, ...Object.values(written.strategy).map(({ id }) => id)]);
  }

  /** Begins a sum, whose round is used from now on. */
  beginSum(entry: SumBegin): void {
    if (this.#journal) this.#journal.beginSum(this.#write(), entry);
  }

  #write(): Written {
    const { completed, lost, nextRound, interruptions, known, update, clip, blocks, bound, bestLoss, standardiser } =
      this;
    const { rounds, sites, pooled, evaluated, result, parameters } = this;
    const { privacy, deadlines, strategy } = this.#parts;
    const { vectors } = this.#journal!;
    return {
      ...{
        completed,
        lost,
        nextRound,
        interruptions,
        known,
        update,
        clip,
        blocks,
        bound,
        bestLoss,
        rounds,
        sites,
        pooled,
        evaluated,
        result,
      },
      parameters: vectors.put(bytesOf(parameters)),
      strategy: Object.fromEntries(
        Object.entries(strategy.state()).map(([name, vector]) => [name, vectors.put(bytesOf(vector))]),
      ),
      standardiser: standardiser && { mean: bytesOf(standardiser.mean), scale: bytesOf(standardiser.scale) },
      privacy: privacy?.snapshot() ?? null,
      deadlines: deadlines.snapshot(),
    };
  }
}

/** @param bytes - A file's, whose buffer may begin anywhere. */
const float64Of = (bytes: Uint8Array): Float64Array => new Float64Array(bytes.slice().buffer);
