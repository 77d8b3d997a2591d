/**
 * Runs a scenario: its data, its variants one after another, and what came of them.
 * @module
 */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KonsilError, throwIfCancelled } from '../src/base/index.ts';
import { openDataset } from '../src/datasources/index.ts';
import { MAIN_METRIC } from '../src/reports/index.ts';
import { compareBaselines } from './baselines.ts';
import { generate } from './data/generate.ts';
import { partition, type Site } from './data/partition.ts';
import type { Table } from './data/table.ts';
import { flipLabels } from './malicious/pods.ts';
import { runInMemory } from './memory/runInMemory.ts';
import type { PreparedVariant, SimulationOptions } from './options.ts';
import { type Played, play } from './play.ts';
import type { PrivacyTestResult } from './privacy/result.ts';
import { testPrivacy } from './privacy/run.ts';
import { RunTap } from './privacy/views/tap.ts';
import { ProcessWorld } from './processes/world.ts';
import type { Baselines, SimulationResult, VariantResult } from './result.ts';
import { type Scenario, taskOf, type Variant } from './scenario/scenario.ts';

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
      const own = flipLabels(sites, variant.malicious, scenario.seed);
      const prepared = prepare(scenario, variant, own, folder, table);
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
            sites: own,
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

function prepare(
  scenario: Scenario,
  variant: Variant,
  sites: readonly Site[],
  parent: string,
  { target, classes }: Table,
): PreparedVariant {
  const folder = join(parent, variant.name.replace(/[^\w-]+/g, '-'));
  mkdirSync(folder, { recursive: true });
  const names = sites.map(({ name }) => name);
  const composed = taskOf({ ...scenario, target, classes }, variant.task, names);
  if ('problems' in composed)
    throw new KonsilError(
      'CONFIG_INVALID',
      composed.problems
        .map(
          ({ path, message }) => `${scenario.file}: variant ${variant.name}: ${path.map(String).join('.')}: ${message}`,
        )
        .join('\n'),
    );
  const { task } = composed;
  return { scenario, variant, sites, folder, task: { ...task, local: { ...task.local, runs: join(folder, 'runs') } } };
}

/** Memory where the system has files in memory: pods flush every line of their journals, and a thousand wait for one disk. */
function scratchFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return process.env['TMPDIR'] ?? '/dev/shm';
  } catch {
    return tmpdir();
  }
}

async function tableOf({ data, seed }: Scenario): Promise<Table> {
  if (data.kind !== 'csv') return generate(data, seed);
  const source = await openDataset({ name: 'data', datasource: 'CSVSource', path: data.path });
  try {
    if (!source.columns.includes(data.target))
      throw new KonsilError('DATA_COLUMN_MISSING', `${data.path} has no column "${data.target}" (data.target)`);
    const keys = Array.from({ length: source.rowCount }, (_, i) => i);
    const { columns } = await source.getData(keys);
    return { rows: source.rowCount, columns, target: data.target, classes: (data.classes ?? []).map(String) };
  } finally {
    source.close();
  }
}
