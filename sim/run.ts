/**
 * Runs a scenario: its data, its variants one after another, and what came of them.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KonsilError, throwIfCancelled } from '../src/base/index.ts';
import { MAIN_METRIC } from '../src/reports/index.ts';
import { compareBaselines } from './baselines.ts';
import { partition } from './data/partition.ts';
import { runInMemory } from './memory/runInMemory.ts';
import type { SimulationOptions } from './options.ts';
import { type Played, play } from './play.ts';
import { prepare, scratchFolder, tableOf } from './prepare.ts';
import type { PrivacyTestResult } from './privacy/result.ts';
import { testPrivacy } from './privacy/run.ts';
import { RunTap } from './privacy/views/tap.ts';
import { ProcessWorld } from './processes/world.ts';
import type { Baselines, SimulationResult, VariantResult } from './result.ts';
import type { Scenario } from './scenario/scenario.ts';

/**
 * Runs every variant. What happens in a run is in the result: look at `passed`.
 * @throws KonsilError CONFIG_INVALID, DATA_* or FILE_* before anything ran; CANCELLED.
 */
export async function runScenario(scenario: Scenario, options: SimulationOptions = {}): Promise<SimulationResult> {
  const { signal, onEvent = () => undefined } = options;
  const chosen = scenario.variants.filter(({ name }) => options.variants?.includes(name) ?? true);
  for (const name of options.variants ?? [])
    if (!chosen.some((variant) => variant.name === name))
      throw new KonsilError(
        'USAGE',
        `${scenario.file} has no variant "${name}"; it has ${scenario.variants.map((variant) => variant.name).join(', ')}`,
      );
  const table = await tableOf(scenario);
  const sites = partition(table, scenario.partition, scenario.pods, scenario.seed);
  const folder =
    options.folder === undefined ? mkdtempSync(join(scratchFolder(), 'konsil-sim-')) : resolve(options.folder);
  const results: VariantResult[] = [];
  let baselines: Baselines | null = null;
  let privacy: PrivacyTestResult | null = null;
  try {
    for (const variant of chosen) {
      throwIfCancelled(signal);
      const prepared = prepare(scenario, variant, sites, folder, table);
      onEvent({ type: 'variant', name: variant.name, pods: sites.length, rounds: scenario.rounds });
      const isAttacked = scenario.privacy !== undefined && privacy === null && prepared.task.aggregator.secure;
      const tap = isAttacked ? new RunTap() : undefined;
      const { result, outcome }: Played =
        scenario.transport === 'memory'
          ? await runInMemory(prepared, options, tap)
          : await play(prepared, await ProcessWorld.open(prepared, signal, options.program), options);
      if (scenario.baselines && scenario.training === 'real' && !baselines)
        baselines = await compareBaselines(outcome, sites, signal);
      results.push(result);
      onEvent({ type: 'verdict', result });
      if (tap && result.status === 'complete')
        privacy = await testPrivacy({
          ...{
            settings: scenario.privacy!,
            seed: scenario.seed,
            variant: variant.name,
            outcome,
            sites: prepared.sites,
            tap,
            signal,
          },
          onProgress: (done, total) => onEvent({ type: 'privacy', done, total }),
        });
    }
    if (scenario.privacy && !privacy)
      throw new KonsilError(
        'RUN_ABORTED',
        `${scenario.file}: privacy tests need a variant that is secure and completes`,
      );
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
  return {
    format: 'konsil-simulation-v1',
    ...{ scenario: scenario.name, seed: scenario.seed, transport: scenario.transport, training: scenario.training },
    metric: table.classes.length === 0 ? MAIN_METRIC.regression : 'Accuracy',
    ...{ baselines, variants: results, ...(privacy && { privacy }) },
    passed: results.every(({ passed }) => passed) && privacy?.passed !== false,
  };
}
