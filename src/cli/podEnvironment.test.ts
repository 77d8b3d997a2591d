import { expect, it } from 'vitest';
import { parsePodConfig } from '../tasks/index.ts';
import { withEnvironment } from './podEnvironment.ts';

const pod = (limits = '') =>
  parsePodConfig(
    `name: site-a
broker: { url: mqtt://127.0.0.1 }
datasources: [{ name: d, datasource: CSVSource, datasource_args: { path: ./d.csv } }]
${limits}`,
    '/p/pod.yaml',
  );

it('is asked where the file says nothing, by either name', () => {
  const environment = {
    BITFOUNT_TASK_BATCH_SIZE: '5',
    KONSIL_TASK_BATCH_SIZE: '7',
    BITFOUNT_TEST_RUN_NUMBER_OF_FILES: '3',
  };
  expect(withEnvironment(pod(), environment).limits.inference).toMatchObject({
    batchSize: 7,
    testRunFiles: 3,
    mostFailures: 5,
  });
  const limits = 'limits: { inference: { batch_size: 2, maximum_consecutive_failures: unset } }';
  const { inference } = withEnvironment(pod(limits), environment).limits;
  expect(inference).toMatchObject({ batchSize: 2, testRunFiles: 3 });
  expect(inference).not.toHaveProperty('mostFailures');
});

it('may not say what is no number', () => {
  expect(() => withEnvironment(pod(), { KONSIL_TASK_BATCH_SIZE: '0' })).toThrow(/KONSIL_TASK_BATCH_SIZE: expected/);
});
