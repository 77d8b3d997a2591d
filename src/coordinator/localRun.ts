/**
 * A task on one site's data, on this machine alone: the modeller's dry run. It does what a pod would do in a federation
 * of one, round by round, with the same parts; nothing is sent anywhere.
 * @module
 */
import { KonsilError, throwIfCancelled } from '../base/index.ts';
import { type DataSource, problemOf } from '../datasources/index.ts';
import { pooledEvaluation, pooledMetrics, statisticsLayout } from '../metrics/index.ts';
import {
  checkModelFits,
  loadSiteData,
  PodWork,
  roundFacts,
  type SumFacts,
  serverStrategy,
  sumFacts,
  trainerOptions,
  wholeMean,
} from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import { type LocalTask, roundsOf, toWire } from '../tasks/index.ts';
import { type DeviceChoice, type OpenProgram, readModelFile, Trainer } from '../training/index.ts';
import { type ResolvedTask, resolveTask, startParameters } from './initialModel.ts';
import { RunFolder } from './runFolder.ts';
import type { RunOutcome } from './runOutcome.ts';
import { asKonsilError, newRunId, type Standardiser, trainedModelFiles, validationOf } from './trainedModel.ts';

/** What a local run tells the outside. */
export type LocalEvent =
  | {
      readonly type: 'started';
      readonly run: string;
      readonly rounds: number;
      readonly rows: number;
      readonly trains: Pick<OpenProgram, 'engine' | 'device' | 'fallbacks'>;
    }
  | { readonly type: 'warning'; readonly text: string }
  | {
      readonly type: 'progress';
      readonly round: number;
      readonly done: number;
      readonly total: number;
      readonly loss: number;
    }
  | ({ readonly type: 'round' } & RoundResult)
  | { readonly type: 'finished'; readonly status: 'complete' | 'aborted'; readonly reason: string };

export interface LocalRunOptions {
  readonly task: LocalTask;
  /** Open; the caller closes it. */
  readonly source: DataSource;
  /** Names of the site and its dataset, for the report. */
  readonly site: string;
  readonly dataset: string;
  /** Folder for the results. @default a new one below the task's `runs` */
  readonly out?: string;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: LocalEvent) => void;
}

/** Everything that can be wrong with task, data and model has been found. */
interface Prepared {
  readonly resolved: ResolvedTask;
  readonly facts: SumFacts;
  readonly trainer: Trainer;
  readonly work: PodWork;
  readonly rows: number;
  readonly warnings: readonly string[];
}

async function prepare({ task, source, site, device, threads, signal, onEvent }: LocalRunOptions): Promise<Prepared> {
  const { modelFile } = task.local;
  const attached = modelFile === undefined ? undefined : await readModelFile(modelFile);
  const resolved = resolveTask(task, source.schema, site, attached);
  const data = await loadSiteData(source, resolved.task, {
    signal,
    onProblem: (text) => onEvent?.({ type: 'warning', text }),
  });
  const rows = data.train.rows;
  if (rows === 0) throw new KonsilError('DATA_EMPTY', `${source.label}: no rows are left to train on`);
  const options = trainerOptions(resolved.task, resolved.model, resolved.source);
  const trainer = await Trainer.create({ ...options, device, threads }, signal);
  try {
    const { program } = trainer;
    checkModelFits(program, resolved.task, data.width);
    const facts = sumFacts(resolved.task, program.layout, data.features.length);
    const work = new PodWork({ data, trainer, task: resolved.task, facts });
    return { resolved, facts, trainer, work, rows, warnings: data.warnings };
  } catch (error) {
    await trainer.close();
    throw error;
  }
}

/** A local run in progress; use {@link runLocally}. */
class LocalRun {
  readonly #options: LocalRunOptions;
  readonly #prepared: Prepared;
  readonly #runId = newRunId();
  readonly #folder: RunFolder;
  readonly #startedAt = new Date();
  readonly #started = performance.now();
  readonly #rounds: RoundResult[] = [];
  #parameters: Float32Array | null = null;
  #standardiser: Standardiser | null = null;
  #pooled: RunOutcome['pooled'] = null;
  #evaluated: RunOutcome['evaluated'] = null;
  #sites: RunOutcome['sites'] = [];

  constructor(options: LocalRunOptions, prepared: Prepared) {
    this.#options = options;
    this.#prepared = prepared;
    const { out, task } = options;
    this.#folder = out === undefined ? new RunFolder(task.local.runs, this.#runId) : new RunFolder(out, '');
  }

  async run(): Promise<RunOutcome> {
    let error: KonsilError | undefined;
    try {
      await this.#train();
    } catch (cause) {
      error = asKonsilError(cause);
    }
    let modelFile: string | null = null;
    try {
      // what was reached is measured and kept, however the training ended
      if (this.#rounds.length > 0) {
        await this.#evaluate();
        modelFile = this.#save('model');
      }
    } catch (cause) {
      error ??= asKonsilError(cause);
    }
    const reason = error ? `${error.code}: ${error.message}` : 'all rounds done';
    this.#emit({ type: 'finished', status: error ? 'aborted' : 'complete', reason });
    return this.#outcome(reason, error, modelFile);
  }

  async #train(): Promise<void> {
    const { task, signal } = this.#options;
    const { resolved, trainer, work, facts, rows, warnings } = this.#prepared;
    this.#folder.write('task.json', `${JSON.stringify(toWire(resolved.task), null, 2)}\n`);
    const rounds = roundsOf(task);
    const { engine, device, fallbacks } = trainer.program;
    this.#emit({ type: 'started', run: this.#runId, rounds, rows, trains: { engine, device, fallbacks } });
    for (const text of warnings) this.#emit({ type: 'warning', text });
    if (resolved.task.dataStructure.standardise) {
      work.standardiseAlone();
      this.#standardiser = work.scaling;
    }
    const strategy = serverStrategy(resolved.task, facts);
    let parameters = await startParameters(trainer.program, task, resolved.task, Trainer.create, signal);
    for (let completed = 0; completed < rounds; completed++) {
      throwIfCancelled(signal);
      const started = performance.now();
      const input = await work.update(strategy.given(parameters), completed, {
        ...(signal && { signal }),
        onProgress: (done, total, loss) => this.#emit({ type: 'progress', round: completed + 1, done, total, loss }),
      });
      work.settle(); // a sum of one
      const { update, counts, extras } = input;
      const sum = { mean: Float64Array.from(update!), totalWeight: rows, counts, extras, clipped: 0 };
      parameters = strategy.step(parameters, wholeMean(sum.mean, facts, null), roundFacts(sum, facts, rows));
      this.#parameters = work.personal(parameters);
      const round: RoundResult = {
        ...{ round: completed + 1, survivors: [this.#options.site], dropped: [], attempts: 1, trainingRows: rows },
        ...{ trainingLoss: extras['trainingLoss']! / rows, ...validationOf({ counts, extras }, facts) },
        ...{ clipped: 0, vectorBytes: 0, seconds: (performance.now() - started) / 1_000 },
      };
      this.#rounds.push(round);
      this.#emit({ type: 'round', ...round });
      if (task.algorithm.checkpointEveryRound)
        this.#save(`checkpoints/round-${String(completed + 1).padStart(4, '0')}`);
    }
  }

  async #evaluate(): Promise<void> {
    const { work, facts } = this.#prepared;
    const { input, rows, metrics } = await work.evaluation(this.#parameters!);
    if (rows === 0) return;
    const counts = Uint32Array.from(statisticsLayout(facts.kind, facts.classes).counts, (name) => input.counts[name]!);
    const statistics = { counts, sums: input.extras };
    this.#pooled = pooledMetrics(facts.kind, statistics, facts.classes);
    this.#evaluated = pooledEvaluation(problemOf(this.#prepared.resolved.task.dataStructure), statistics);
    this.#sites = [{ name: this.#options.site, rows, metrics }];
  }

  #save(stem: string): string {
    const { resolved, trainer } = this.#prepared;
    const files = trainedModelFiles(stem, this.#runId, resolved, {
      ...{ layout: trainer.program.layout, parameters: this.#parameters!, standardiser: this.#standardiser },
    });
    return files.map(({ name, content }) => this.#folder.write(name, content)).at(-1)!;
  }

  #emit(event: LocalEvent): void {
    if (event.type !== 'progress') this.#folder.append('events.jsonl', { at: new Date().toISOString(), ...event });
    this.#options.onEvent?.(event);
  }

  #outcome(reason: string, error: KonsilError | undefined, modelFile: string | null): RunOutcome {
    const { site, dataset, threads } = this.#options;
    const { resolved, facts, trainer } = this.#prepared;
    return {
      ...{ run: this.#runId, folder: this.#folder.path, reason, modelFile, startedAt: this.#startedAt },
      ...(error ? { error } : {}),
      status: error ? 'aborted' : 'complete',
      result: null,
      seconds: (performance.now() - this.#started) / 1_000,
      ...{ resolved, facts, standardiser: this.#standardiser, parameters: this.#parameters },
      ...{
        rounds: this.#rounds,
        pooled: this.#pooled,
        evaluated: this.#evaluated,
        sites: this.#sites,
        secure: null,
        members: [],
      },
      trafficOf: () => ({ sentBytes: 0, receivedBytes: 0 }),
      local: { site, dataset, device: trainer.program.device, threads },
    };
  }
}

/**
 * Trains `task` on one dataset on this machine. What happens while it trains is in the outcome: look at `status`, `error`.
 *
 * @throws KonsilError CONFIG_INVALID, DATA_*, MODEL_*, DEVICE_UNAVAILABLE, FILE_* or CANCELLED before training began.
 */
export async function runLocally(options: LocalRunOptions): Promise<RunOutcome> {
  const prepared = await prepare(options);
  try {
    return await new LocalRun(options, prepared).run();
  } finally {
    await prepared.trainer.close();
  }
}
