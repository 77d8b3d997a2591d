/**
 * Trainers that the pods of one process share: a thousand pods train the same model, and none of them all the time.
 *
 * Equal calls give equal bits whichever thread answers them, so sharing changes nothing but memory and time.
 * @module
 */
import { availableParallelism } from 'node:os';
import { seededRng, throwIfCancelled, toHex } from '../../src/base/index.ts';
import { sha256 } from '../../src/crypto/index.ts';
import {
  type ModelTrainer,
  type OpenPredictor,
  type OpenTrainer,
  Predictor,
  type PredictorOptions,
  type TrainCall,
  Trainer,
  type TrainerOptions,
  type TrainResult,
} from '../../src/training/index.ts';

/** Is told of work during which simulated time stands still. */
export interface WorkClock {
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** Called with what a pod trained; what it gives takes the result's place. */
export type OnTrained = (start: Float32Array, trained: Float32Array, rows: number) => Float32Array;

interface Shared<T> {
  readonly engines: readonly T[];
  readonly busy: number[];
}

/** What identifies an open model; its name and the machine do not. */
function keyOf({
  model,
  source: _label,
  device: _device,
  threads: _threads,
  ...rest
}: TrainerOptions | PredictorOptions): string {
  return JSON.stringify([model instanceof Uint8Array ? toHex(sha256(model)) : model.file, rest]);
}

/** Largest change of a parameter in a pseudo-update. */
const PSEUDO_STEP = 1e-2;

/** Opens each model once, on a few threads. Many worlds may use the same ones. */
export class TrainerThreads {
  readonly #count: number;
  readonly #trainers = new Map<string, Promise<Shared<Trainer>>>();
  readonly #predictors = new Map<string, Promise<Shared<Predictor>>>();

  constructor(count = availableParallelism()) {
    this.#count = count;
  }

  /** @param options - Device and threads are those of a simulation. */
  open(options: TrainerOptions): Promise<Shared<Trainer>> {
    const count = this.#count;
    return openOnce(this.#trainers, keyOf(options), count, () => Trainer.create({ ...options, ...MACHINE }));
  }

  /** One thread a model: whoever evaluates does so a few times. */
  openPredictor(options: PredictorOptions): Promise<Shared<Predictor>> {
    return openOnce(this.#predictors, keyOf(options), 1, () => Predictor.create({ ...options, ...MACHINE }));
  }

  async close(): Promise<void> {
    const opened: Promise<Shared<Trainer | Predictor>>[] = [...this.#trainers.values(), ...this.#predictors.values()];
    const shared = await Promise.all(opened.map((opening) => opening.catch(() => null)));
    await Promise.all(shared.flatMap((one) => one?.engines.map((engine) => engine.close()) ?? []));
  }
}

const MACHINE = { device: 'cpu', threads: 1 } as const;

function openOnce<T>(
  known: Map<string, Promise<Shared<T>>>,
  key: string,
  count: number,
  create: () => Promise<T>,
): Promise<Shared<T>> {
  const all = async (): Promise<Shared<T>> => {
    const engines = await Promise.all(Array.from({ length: count }, create));
    return { engines, busy: engines.map(() => 0) };
  };
  const opening = known.get(key) ?? all();
  known.set(key, opening);
  return opening;
}

/** The trainers of one world: while they compute, its time stands still. */
export class SharedTrainers {
  readonly #clock: WorkClock;
  readonly #isSynthetic: boolean;
  readonly #threads: TrainerThreads;

  constructor(clock: WorkClock, threads: TrainerThreads, isSynthetic = false) {
    this.#clock = clock;
    this.#threads = threads;
    this.#isSynthetic = isSynthetic;
  }

  /** As `Trainer.create`, for one party. @param site - Its name: pseudo-updates differ by it. */
  opener(site: string, onTrained: OnTrained = (_start, trained) => trained): OpenTrainer {
    return async (options, signal) => {
      const shared = await this.#clock.during(() => this.#threads.open(options));
      throwIfCancelled(signal);
      const { program } = shared.engines[0]!;
      const use = <T>(work: (trainer: Trainer) => Promise<T>): Promise<T> => this.#use(shared, work);
      const handle: ModelTrainer = {
        program,
        train: async (call) => {
          const result = this.#isSynthetic ? pseudoUpdate(site, call) : await use((trainer) => trainer.train(call));
          return { ...result, parameters: onTrained(call.parameters, result.parameters, call.rows) };
        },
        predict: (request, signal) => use((trainer) => trainer.predict(request, signal)),
        loss: (request, signal) => use((trainer) => trainer.loss(request, signal)),
        close: async () => undefined, // others use it still
      };
      return handle;
    };
  }

  /** As `Predictor.create`. */
  readonly openPredictor: OpenPredictor = async (options, signal) => {
    const shared = await this.#clock.during(() => this.#threads.openPredictor(options));
    throwIfCancelled(signal);
    return {
      model: shared.engines[0]!.model,
      predict: (request, cancel) => this.#use(shared, (predictor) => predictor.predict(request, cancel)),
      close: async () => undefined, // others use it still
    };
  };

  /** Gives `work` to the thread that has least to do. */
  #use<E, T>({ engines, busy }: Shared<E>, work: (engine: E) => Promise<T>): Promise<T> {
    const least = busy.indexOf(Math.min(...busy));
    busy[least]!++;
    return this.#clock.during(() => work(engines[least]!).finally(() => busy[least]!--));
  }
}

/** A change that depends on the site, the call's seed and nothing else; no row is looked at. */
function pseudoUpdate(site: string, { parameters, seed, rows }: TrainCall): TrainResult {
  const rng = seededRng(seed, `pseudo-update ${site}`);
  const trained = parameters.map((value) => value + PSEUDO_STEP * (2 * rng() - 1));
  return { parameters: trained, meanLoss: 1, rateSum: 0, steps: 0, samples: rows, waitedMs: 0 };
}
