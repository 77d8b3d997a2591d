/**
 * What the environment of a pod says about how models are run, where the pod's file says nothing.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { PodConfig } from '../tasks/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Names of a variable, ours first. */
const VARIABLES = {
  batchSize: ['KONSIL_TASK_BATCH_SIZE', 'BITFOUNT_TASK_BATCH_SIZE'],
  testRunFiles: ['KONSIL_TEST_RUN_NUMBER_OF_FILES', 'BITFOUNT_TEST_RUN_NUMBER_OF_FILES'],
} as const;

/** `config` with what `environment` adds. @throws KonsilError CONFIG_INVALID for a variable that is no whole number of 1 or more. */
export function withEnvironment(config: PodConfig, environment: Environment): PodConfig {
  const found = Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([key, names]): [string, number][] => {
      const name = names.find((one) => (environment[one] ?? '') !== '');
      if (name === undefined) return [];
      const value = Number(environment[name]);
      if (Number.isSafeInteger(value) && value >= 1 && value <= 100_000) return [[key, value]];
      throw new KonsilError('CONFIG_INVALID', `${name}: expected a whole number in [1, 100000]`);
    }),
  );
  return { ...config, limits: { ...config.limits, inference: { ...found, ...config.limits.inference } } };
}
