/**
 * Pod files of simulated sites.
 * @module
 */
import { join } from 'node:path';
import { DATASET, MODELLER } from './scenario/scenario.ts';

/** Admits every task, and shows what a site finds. */
const OPEN_POLICY = {
  ...{ require_secure_aggregation: false, minimum_cohort: 1, share_site_metrics: true, minimum_test_rows: 1 },
};

export interface PodFileOptions {
  readonly name: string;
  /** Address of the broker. */
  readonly broker: string;
  /** Where keys, state and data lie. */
  readonly folder: string;
  /** @default admits every task */
  readonly policy?: object | undefined;
}

/** A pod file, as JSON, which is YAML. */
export function podYaml({ name, broker, folder, policy = OPEN_POLICY }: PodFileOptions): string {
  return JSON.stringify({
    ...{ name, broker: { url: broker }, approved_modellers: [MODELLER], device: 'cpu', threads: 1, policy },
    datasources: [
      { name: DATASET, datasource: 'CSVSource', datasource_args: { path: join(folder, 'data', `${name}.csv`) } },
    ],
    identity: join(folder, 'keys', name),
    state: join(folder, 'state', name),
  });
}
