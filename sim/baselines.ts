/**
 * What the same rows give in one place, and at each site alone.
 * @module
 */
import { compareWithAlternatives } from '../src/cli/comparison.ts';
import type { RunOutcome } from '../src/coordinator/index.ts';
import { parsePodConfig } from '../src/tasks/index.ts';
import { MemorySource } from './data/memorySource.ts';
import type { Site } from './data/partition.ts';
import { podYaml } from './podFiles.ts';
import type { Baselines } from './result.ts';

/** Trains the alternatives with the task of `outcome`; null when it never had a model. */
export async function compareBaselines(
  outcome: RunOutcome,
  sites: readonly Site[],
  signal?: AbortSignal,
): Promise<Baselines | null> {
  const pods = sites.map(({ name }) => parsePodConfig(podYaml({ name, broker: 'mqtt://memory', folder: '' }), name));
  const tables = new Map(pods.map(({ datasources }, i) => [datasources[0], sites[i]!.table]));
  const comparison = await compareWithAlternatives(
    outcome,
    pods,
    signal,
    async (config) => new MemorySource(config.name, tables.get(config)!),
  );
  if (!comparison) return null;
  const { pooledTraining, sitesAlone } = comparison;
  return {
    pooled: pooledTraining.metrics,
    alone: sitesAlone.map(({ name, allTest }) => ({ name, metrics: allTest })),
  };
}
