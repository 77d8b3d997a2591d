/**
 * What a run does once its pods are admitted: statistics, rounds, evaluation. Each step looks at the run's state for what is
 * done already, so a run that was interrupted is the same program started again.
 * @module
 */
import { largestClip, type Strategy } from '../aggregation/index.ts';
import { bytesOf, isKonsilError, KonsilError, throwIfCancelled } from '../base/index.ts';
import { problemOf, standardiser } from '../datasources/index.ts';
import { pooledEvaluation, pooledMetrics, statisticsLayout } from '../metrics/index.ts';
import { exactSums, perFeature, roundFacts, updateBound, updateParameters, wholeMean } from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import { type LocalTask, roundsOf } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import type { BlobRef, Purpose, SecureParameters } from '../wire/index.ts';
import type { Aggregator } from './aggregate.ts';
import type { Aggregation, AggregationRequest } from './aggregation.ts';
import type { AgreedTask } from './agreedTask.ts';
import { agreeOnUpdate } from './agreedUpdate.ts';
import type { RunEvent } from './events.ts';
import type { OpenSum } from './journal/index.ts';
import { describeAbsent, type Members } from './members.ts';
import { ResultStatements } from './resultStatements.ts';
import type { RunControl } from './runControl.ts';
import type { RunState } from './runState.ts';
import { plausibleMetrics } from './siteMetrics.ts';
import { validationOf } from './trainedModel.ts';

/** Rounds in a row, or tries at one sum, that may be lost before the run pauses or ends. */
const MAX_LOST = 3;
/** How long to wait for pods to come back when too few are left. */
const COME_BACK_MS = 20_000;

/** What rounds work with. */
export interface RoundsOptions {
  readonly runId: string;
  readonly task: LocalTask;
  readonly agreed: AgreedTask;
  readonly modelId: string;
  readonly members: Members;
  readonly blobs: Blobs;
  readonly aggregator: Aggregator;
  readonly strategy: Strategy;
  readonly state: RunState;
  /** The sum that another process has left. */
  readonly open: OpenSum | null;
  readonly clock: Clock;
  readonly minimum: number;
  readonly control: RunControl;
  /** What to do when the run cannot go on for now: wait for somebody to help, or end. */
  readonly onLoss: 'pause' | 'abort';
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
  /** Writes the present model as files called `stem`. */
  readonly saveModel: (stem: string) => void;
  /** The run pauses (with a reason) or goes on; resolves when it may go on. */
  readonly pause: () => Promise<void>;
  /** @throws KonsilError when something could not be recorded. */
  readonly check: () => void;
}

/** The rounds of one run. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #state: RunState;
  #open: OpenSum | null;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#open = options.open;
  }

  /** Does what is left to do. */
  async run(): Promise<void> {
    const { task, agreed } = this.#options;
    const state = this.#state;
    await this.#statistics();
    const rounds = roundsOf(task);
    while (state.completed < rounds && (agreed.privacy?.isAffordable() ?? true)) {
      const isDone = await this.#tryRound(state.completed);
      state.lost = isDone ? 0 : state.lost + 1;
      state.update = null;
      // a round that is spent is over too: pods never add to the same update again
      state.completed++;
      state.save();
      if (state.lost < MAX_LOST) continue;
      await this.#pauseOrThrow(
        new KonsilError('RUN_ABORTED', `${state.lost} rounds in a row were lost while they were unmasked`),
      );
      state.lost = 0;
    }
    if (!state.result) await this.#evaluate();
  }

  // ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Count, sum and squares over all sites. */
  async #statistics(): Promise<void> {
    const { task, agreed } = this.#options;
    const state = this.#state;
    if (state.known) return;
    const secure = task.aggregator.secure ? exactSums(task.pods.length) : null;
    const { sum, survivors } = await this.#sum('statistics', null, secure);
    if (agreed.resolved.task.dataStructure.standardise)
      state.standardiser = standardiser({
        count: perFeature(agreed.facts, 'count').map((name) => sum.counts[name]!),
        sum: perFeature(agreed.facts, 'sum').map((name) => sum.extras[name]!),
        sumSquares: perFeature(agreed.facts, 'squares').map((name) => sum.extras[name]!),
      });
    if (sum.totalWeight < 1) throw new KonsilError('DATA_EMPTY', 'the sites have no training rows');
    state.known = { rows: sum.totalWeight, absent: task.pods.length - survivors.length };
    state.save();
  }

  /** Sums until it succeeds, letting pods come back in between. */
  async #sum(purpose: Purpose, parameters: BlobRef | null, secure: SecureParameters | null): Promise<Aggregation> {
    const { aggregator, check, pause } = this.#options;
    for (let lost = 1; ; lost++) {
      check();
      await pause();
      try {
        const open = this.#takeOpen(purpose);
        const request = this.#request(purpose, parameters, open ? open.secure : secure, open);
        return await (open ? aggregator.run(request, open) : aggregator.run(request));
      } catch (error) {
        if (!isKonsilError(error, 'AGG_TOO_FEW_SURVIVORS') && !isKonsilError(error, 'COHORT_TOO_SMALL')) throw error;
        if (lost >= MAX_LOST) {
          await this.#pauseOrThrow(error);
          lost = 0;
        }
        await this.#waitForPods();
      }
    }
  }

  /** The sum that another process has left, if it is the one wanted now. */
  #takeOpen(purpose: Purpose): OpenSum | undefined {
    const open = this.#open;
    if (open?.purpose !== purpose || open.completed !== this.#state.completed) return undefined;
    this.#open = null;
    return open;
  }

  #request(
    purpose: Purpose,
    parameters: BlobRef | null,
    secure: SecureParameters | null,
    open: OpenSum | undefined,
  ): AggregationRequest {
    const { agreed } = this.#options;
    const { completed, standardiser: scale } = this.#state;
    return {
      ...{ purpose, completed, round: open?.round ?? this.#state.nextRound++ },
      ...(parameters && { parameters }),
      ...(scale && parameters && { standardiser: { mean: bytesOf(scale.mean), scale: bytesOf(scale.scale) } }),
      ...(secure && { secure }),
      ...(agreed.privacy && purpose === 'update' && { privacy: agreed.privacy.round }),
    };
  }

  /** Lets the run wait for somebody to help, or ends it with `error`. */
  async #pauseOrThrow(error: KonsilError): Promise<void> {
    const { onLoss, control, pause } = this.#options;
    if (onLoss === 'abort') throw error;
    control.pause(`${error.code}: ${error.message}`);
    await pause();
  }

  /** Invites pods again and waits a while for enough of them; when they do not come, the run pauses or ends. */
  async #waitForPods(): Promise<void> {
    const { members, minimum, clock, signal } = this.#options;
    for (;;) {
      members.readmit();
      if (members.active().length >= minimum) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stop();
          cancel();
          resolve();
        };
        const check = (): void => {
          members.readmit();
          if (members.active().length >= minimum) done();
        };
        const cancel = clock.after(COME_BACK_MS, done);
        const stop = members.listen({ onMessage: check, onLost: () => undefined });
        signal.addEventListener('abort', done, { once: true });
        if (signal.aborted) done(); // by who heard that pods are invited again
      });
      throwIfCancelled(signal);
      const { length } = members.active();
      if (length >= minimum) return;
      await this.#pauseOrThrow(
        new KonsilError(
          'COHORT_TOO_SMALL',
          `only ${length} pods are left, ${minimum} are needed: ${describeAbsent(members.all())}`,
        ),
      );
    }
  }

  #offerParameters(vector: Float32Array): { readonly ref: BlobRef; readonly done: () => void } {
    const { blobs, members } = this.#options;
    const ref = blobs.offer(
      bytesOf(vector).slice(),
      members.all().map(({ peer }) => peer.public.id),
    );
    return { ref, done: () => blobs.withdraw(ref) };
  }

  // ── rounds ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The public parameters of the coming update; null in the open. */
  async #agreeOnUpdate(ref: BlobRef): Promise<SecureParameters | null> {
    const { task, agreed, emit } = this.#options;
    const state = this.#state;
    if (!task.aggregator.secure) return null;
    if (state.update?.completed === state.completed) return state.update.secure;
    const secure = await agreeOnUpdate({
      ...{ task, facts: agreed.facts, completed: state.completed, emit },
      secure: updateParameters(task, state.known!),
      sumRanges: (ranges) => this.#sum('range', ref, ranges),
    });
    // its random choices have not left yet; from here on they are these
    state.update = { completed: state.completed, secure };
    return secure;
  }

  /** One update round. False when it was spent without a sum: it is over, the parameters stay as they were. */
  async #tryRound(completed: number): Promise<boolean> {
    const { clock, task, members, agreed, strategy, check, emit, saveModel } = this.#options;
    const state = this.#state;
    members.readmit();
    const started = clock.now();
    const blob = this.#offerParameters(strategy.given(state.parameters));
    try {
      const secure = await this.#agreeOnUpdate(blob.ref);
      const result = await this.#sum('update', blob.ref, secure);
      check();
      const { sum } = result;
      const pods = result.survivors.length;
      const { privacy, facts } = agreed;
      const cost = privacy && { epsilon: privacy.charge(), clipNorm: privacy.round.clipNorm };
      const validation = validationOf(sum, facts);
      const summary: RoundResult = {
        round: completed + 1,
        survivors: result.survivors,
        dropped: result.dropped,
        ...(result.late && { late: result.late }),
        attempts: result.attempts,
        // under differential privacy every pod weighs 1, and how many rows came is not told
        trainingRows: privacy ? state.known!.rows : sum.totalWeight,
        trainingLoss: sum.extras['trainingLoss']! / sum.totalWeight,
        ...validation,
        clipped: sum.clipped,
        ...(sum.counts['shortened'] !== undefined && { shortened: sum.counts['shortened'] }),
        seconds: (clock.now() - started) / 1_000,
        vectorBytes: result.vectorBytes,
        ...(cost && { privacy: cost }),
      };
      this.#keepBest(validation.validationLoss);
      const mean = wholeMean(privacy ? privacy.read(sum.mean, pods) : sum.mean, facts, secure);
      state.parameters = strategy.step(state.parameters, mean, roundFacts(sum, facts, state.known!.rows));
      if (!state.parameters.every(Number.isFinite))
        throw new KonsilError('TRAINING_DIVERGED', `round ${completed + 1}: the averaged parameters are not finite`);
      if (privacy) {
        [state.clip, state.bound] = [privacy.round.clipNorm, privacy.resolution];
      } else if (secure) {
        state.clip = largestClip(secure);
        state.blocks = secure.blocks ?? null;
        state.bound = updateBound(sum, facts, secure, pods);
      }
      state.rounds.push(summary);
      emit({ type: 'round', ...summary });
      if (task.algorithm.checkpointEveryRound) saveModel(`checkpoints/round-${String(completed + 1).padStart(4, '0')}`);
      if (task.algorithm.modellerCheckpointing) saveModel('checkpoints/last');
      return true;
    } catch (error) {
      if (!isKonsilError(error, 'AGG_ROUND_SPENT')) throw error;
      agreed.privacy?.charge(); // shares are out: its sum may have been opened by somebody
      return false;
    } finally {
      blob.done();
    }
  }

  async #evaluate(): Promise<void> {
    const { task, agreed, runId, modelId, members, emit } = this.#options;
    const { facts } = agreed;
    const state = this.#state;
    const secure = task.aggregator.secure ? exactSums(task.pods.length) : null;
    const blob = this.#offerParameters(state.parameters);
    const statements = new ResultStatements({ run: runId, modelId, parametersId: blob.ref.id });
    const sites = new Map(state.sites.map((site) => [site.name, site]));
    const stop = members.listen({
      onMessage: (member, context, message) => {
        statements.take(member, message);
        if (message.type !== 'EVALUATION_RESULTS' || context.phase !== 'evaluation' || member.state !== 'active')
          return;
        const metrics = plausibleMetrics(message, facts.kind);
        if (metrics) sites.set(member.name, { name: member.name, rows: message.rows, metrics });
        else
          emit({
            ...{ type: 'dropped', pod: member.name, phase: 'site metrics' },
            reason: 'its own metrics are none that a site can have, and are not shown',
          });
      },
      onLost: () => undefined,
    });
    try {
      const { sum } = await this.#sum('evaluation', blob.ref, secure);
      const counts = Uint32Array.from(statisticsLayout(facts.kind, facts.classes).counts, (name) => sum.counts[name]!);
      const statistics = { counts, sums: sum.extras };
      state.pooled = pooledMetrics(facts.kind, statistics, facts.classes);
      state.evaluated = pooledEvaluation(problemOf(agreed.resolved.task.dataStructure), statistics);
      this.#keepBest(validationOf(sum, facts).validationLoss);
      state.sites = [...sites.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      state.result = statements.result();
      state.save();
    } finally {
      stop();
      blob.done();
    }
  }

  #keepBest(loss: number | null): void {
    const { bestLoss } = this.#state;
    if (loss === null || !(bestLoss === null || loss < bestLoss)) return;
    this.#state.bestLoss = loss;
    this.#options.saveModel('checkpoints/best');
  }
}
