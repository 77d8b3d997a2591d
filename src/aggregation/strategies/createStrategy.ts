/**
 * From settings to a strategy: the one list of them.
 * @module
 */
import { Collected } from './collected.ts';
import { coordinateMedian } from './coordinateMedian.ts';
import { fedAdagrad } from './fedAdagrad.ts';
import { fedAdam } from './fedAdam.ts';
import { fedAvg } from './fedAvg.ts';
import { fedAvgM } from './fedAvgM.ts';
import { fedNova } from './fedNova.ts';
import { fedYogi } from './fedYogi.ts';
import { multiKrum } from './krum.ts';
import { scaffold } from './scaffold.ts';
import { serverOptimiser } from './serverOptimiser.ts';
import type { Aggregate, ModelSize, ServerHalf, Strategy, StrategySettings } from './strategy.ts';
import { trimmedMean } from './trimmedMean.ts';
import { WeightedMean } from './weightedMean.ts';

/** Those that look at single updates, which masks hide. */
export const ROBUST_STRATEGIES = ['CoordinateMedian', 'TrimmedMean', 'Krum', 'MultiKrum'] as const;

export interface StrategyOptions extends ModelSize {
  /** Weight of each pod instead of its sample count; robust strategies have none. */
  readonly weights?: ReadonlyMap<string, number> | undefined;
  /** Length of SCAFFOLD's control variate. @default `trained` */
  readonly controls?: number;
}

/** A strategy without history for a model of this size. */
export function createStrategy(settings: StrategySettings, options: StrategyOptions): Strategy {
  return {
    given: (parameters) => parameters,
    ...serverHalf(settings, options),
    name: settings.name,
    begin: beginOf(settings, options.weights),
  };
}

function serverHalf(settings: StrategySettings, { controls, ...size }: StrategyOptions): ServerHalf {
  const { name, serverLearningRate } = settings;
  switch (settings.name) {
    case 'FedNova':
      return fedNova({ serverLearningRate, trained: size.trained });
    case 'FedAvgM':
      return serverOptimiser(name, fedAvgM(settings), size);
    case 'FedAdam':
      return serverOptimiser(name, fedAdam(settings), size);
    case 'FedYogi':
      return serverOptimiser(name, fedYogi(settings), size);
    case 'FedAdagrad':
      return serverOptimiser(name, fedAdagrad(settings), size);
    case 'SCAFFOLD':
      return scaffold(settings, size, controls ?? size.trained);
    default: // FedProx differs at the pods only, robust strategies in what they step by
      return fedAvg({ name, serverLearningRate, trained: size.trained });
  }
}

/** How `settings` make one update of plain ones. */
export function beginOf(
  settings: StrategySettings,
  weights?: ReadonlyMap<string, number>,
): (length: number) => Aggregate {
  const collect = (combine: ConstructorParameters<typeof Collected>[1]) => (length: number) =>
    new Collected(length, combine);
  switch (settings.name) {
    case 'CoordinateMedian':
      return collect(coordinateMedian);
    case 'TrimmedMean':
      return collect((updates) => trimmedMean(updates, settings.trim));
    case 'Krum':
      return collect((updates) => multiKrum(updates, { byzantine: settings.byzantine, selected: 1 }));
    case 'MultiKrum':
      return collect((updates) => multiKrum(updates, settings));
    default:
      return (length) => new WeightedMean(length, weights);
  }
}
