/**
 * Federated averaging as a run's work: what each round start asks of this site, and what the site's own rules say to it.
 * @module
 */
import type { PodInput } from '../../aggregation/index.ts';
import { float32Of, KonsilError } from '../../base/index.ts';
import {
  checkSecure,
  confirmedBy,
  exactSums,
  givenLength,
  PodWork,
  rangeInput,
  signResult,
  sumSpec,
} from '../../protocols/index.ts';
import { roundsOf } from '../../tasks/index.ts';
import type { MessageOf, Purpose, SecureParameters } from '../../wire/index.ts';
import type { Round } from '../round.ts';
import { type Contribution, modelIdOf, type RunWork, type WorkSite } from '../runWork.ts';
import { PersonalModel } from './personalModel.ts';
import { chargeRound, checkTraining, maskedOffer, openInput, privacyOfRound } from './privacyOfRound.ts';
import type { TrainingSetup } from './setUp.ts';

/** Progress goes out at most this often. */
const PROGRESS_EVERY_MS = 500;

/** One pod's training in one run. */
export class TrainingWork implements RunWork {
  readonly rounds: number;
  readonly #setup: TrainingSetup;
  readonly #site: WorkSite;
  readonly #work: PodWork;
  /** Of a run some of whose parameters stay here. */
  readonly #personal: PersonalModel | undefined;
  /** How often it has trained, and how many of these were on the accounts when something of the last one went out. */
  #trainings = 0;
  #charged = 0;
  /** An update whose ranges were asked for, until it is asked for itself. */
  #trained: { readonly completed: number; readonly parametersId: string; readonly input: PodInput } | null = null;
  /** Id of the final parameters this pod was given and has signed for. */
  #evaluated: string | null = null;

  constructor(setup: TrainingSetup, site: WorkSite) {
    this.#setup = setup;
    this.#site = site;
    const { data, trainer, task, facts } = setup;
    this.rounds = roundsOf(task);
    this.#personal = facts.shared && new PersonalModel(site.state, site.key, site.runId);
    this.#work = new PodWork({ data, trainer, task, facts, ...(this.#personal && { store: this.#personal }) });
  }

  /** How many rows there are, and what of them is seen in metrics, is then nobody else's business. */
  get #isSelected(): boolean {
    return this.#setup.task.dataStructure.rowsFrom !== undefined;
  }

  async contribute(round: Round): Promise<Contribution> {
    const { message } = round;
    const { facts, task } = this.#setup;
    const { secure } = message;
    if (secure) checkSecure(secure, message.purpose, task);
    if (message.standardiser)
      this.#work.standardise(float32Of(message.standardiser.mean), float32Of(message.standardiser.scale));
    const privacy = privacyOfRound(this.#setup, message);
    const spec = sumSpec(message.purpose, facts, secure ?? exactSums(task.pods.length));
    const input = await this.#compute(round);
    if (secure && !privacy) this.#checkWeight(message.purpose, input, secure);
    return secure ? maskedOffer(input, spec, privacy) : { input: openInput(input, privacy), spec };
  }

  summed({ purpose, parameters }: MessageOf<'ROUND_START'>): string {
    return `${purpose} ${parameters?.id ?? ''}`;
  }

  charge(message: MessageOf<'ROUND_START'>): void {
    if (message.purpose !== 'update' && message.purpose !== 'range') return;
    const charges = chargeRound(this.#setup, message, this.#trainings !== this.#charged);
    this.#charged = this.#trainings;
    for (const charged of charges) this.#site.onEvent({ type: 'privacy', ...charged });
  }

  settle({ purpose }: MessageOf<'ROUND_START'>): void {
    if (purpose === 'update') this.#work.settle();
  }

  /** Have all sites been given one result? */
  complete({ result }: MessageOf<'TASK_COMPLETE'>): string {
    const parametersId = this.#evaluated;
    if (parametersId === null) return 'all rounds done';
    const { runId, request, onEvent } = this.#site;
    const { members } = this.#setup;
    const names = confirmedBy(
      { run: runId, modelId: modelIdOf(request), parametersId },
      result?.statements ?? [],
      members,
    );
    const agreed = result?.parameters === parametersId && 2 * names.length > members.size;
    onEvent({ type: 'result', parameters: parametersId, confirmedBy: names, agreed });
    const confirmed = `${names.length} of ${members.size} pods`;
    if (agreed) return `all rounds done; ${confirmed} confirm one result`;
    const other = result && result.parameters !== parametersId ? 'the coordinator announced another result; ' : '';
    return `all rounds done; ${other}only ${confirmed} confirm the result this pod was given`;
  }

  async close(): Promise<void> {
    await this.#setup.trainer.close().catch(() => undefined); // it ended by itself
  }

  /** @throws KonsilError COHORT_TOO_SMALL when the sum would be more of this site than its policy allows. */
  #checkWeight(purpose: Purpose, { weight }: PodInput, { maxWeight }: SecureParameters): void {
    const { maximumWeightShare: most = 1 } = this.#site.policy;
    if (purpose !== 'update' || weight <= most * maxWeight) return;
    throw new KonsilError(
      'COHORT_TOO_SMALL',
      `this site has more than ${most} of all training rows; its policy (maximum_weight_share) wants others to weigh more`,
    );
  }

  async #compute(round: Round): Promise<PodInput> {
    const { message, outbox } = round;
    if (message.purpose === 'statistics') return this.#work.statistics();
    if (message.purpose === 'range' || message.purpose === 'update') {
      const trained = await this.#train(round);
      if (message.purpose === 'update')
        return message.secure ? this.#work.split(trained, message.secure, message.completed) : trained;
      return rangeInput(trained.update!, this.#setup.facts, message.secure);
    }
    this.#trained = null;
    const parameters = await this.#pullParameters(round);
    this.#confirm(round, message.parameters!.id);
    this.#exportPersonal(parameters);
    const { policy, journal, key } = this.#site;
    const { input, rows, metrics } = await this.#work.evaluation(parameters);
    if (
      policy.shareSiteMetrics &&
      !this.#isSelected &&
      rows >= policy.minimumTestRows &&
      !journal.memoryOf(key).sharedMetrics
    ) {
      journal.append({ fact: 'metrics', run: key });
      outbox.say({ type: 'EVALUATION_RESULTS', rows, metrics: { ...metrics } });
    }
    return input;
  }

  /** Signs which parameters it was given as the final ones. */
  #confirm({ outbox }: Round, parametersId: string): void {
    const { runId, request, identity } = this.#site;
    const signature = signResult(identity.signing, { run: runId, modelId: modelIdOf(request), parametersId });
    this.#evaluated = parametersId;
    outbox.say({ type: 'RESULT_STATEMENT', parameters: parametersId, signature });
  }

  /** Leaves the site its own model. */
  #exportPersonal(parameters: Float32Array): void {
    const { model } = this.#setup;
    if (!this.#personal || !model) return;
    const file = this.#personal.export(this.#work.personal(parameters), model, this.#setup, this.#work.scaling);
    this.#site.onEvent({ type: 'personal', file });
  }

  /** The update that a round start asks for; computed once when its ranges were asked for before. */
  async #train(round: Round): Promise<PodInput> {
    const { message, context, signal } = round;
    const { completed, parameters } = message;
    if (completed >= this.rounds)
      throw new KonsilError('PROTOCOL_VIOLATION', `round ${completed + 1} was asked for; the task has ${this.rounds}`);
    const known = this.#trained;
    this.#trained = null;
    if (known?.completed === completed && known.parametersId === parameters?.id) return known.input;
    checkTraining(this.#setup, completed);
    const start = await this.#pullParameters(round);
    const { clock, send, onEvent } = this.#site;
    let told = 0;
    const onProgress = (done: number, total: number): void => {
      round.progress = { done, total };
      onEvent({ type: 'progress', done, total });
      if (clock.now() - told < PROGRESS_EVERY_MS) return;
      told = clock.now();
      // of a selection the total would tell how many rows there are
      const said = this.#isSelected ? { done: Math.floor((100 * done) / total), total: 100 } : { done, total };
      void send(context, { type: 'PROGRESS', ...said }, signal).catch(() => undefined);
    };
    this.#trainings++;
    const input = await this.#work.update(start, completed, { signal, onProgress });
    if (message.purpose === 'range') this.#trained = { completed, parametersId: parameters!.id, input };
    return input;
  }

  /** The parameters a round starts from, and after them what the task's strategy gives pods besides. */
  async #pullParameters({ message, context, signal }: Round): Promise<Float32Array> {
    const { blobs, coordinator } = this.#site;
    const length = 4 * givenLength(this.#setup.facts, message.purpose);
    if (!message.parameters)
      throw new KonsilError('PROTOCOL_VIOLATION', `round start for ${message.purpose} without parameters`);
    const options = { maxBytes: length, signal };
    const bytes = await blobs.pull(coordinator.public.id, message.parameters, context, options);
    if (bytes.length !== length)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `parameters of ${bytes.length} bytes, the model has ${length / 4} float32`,
      );
    const parameters = float32Of(bytes);
    if (!parameters.every(Number.isFinite))
      throw new KonsilError('PROTOCOL_VIOLATION', 'parameters contain a number that is not finite');
    return parameters;
  }
}
