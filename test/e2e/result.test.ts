/** The record of a run says what its cohort withstood, as the task asked for it. @module */
import { afterEach, expect, it } from 'vitest';
import { Federation, shortTask } from '../../sim/federation.ts';
import { resultOf } from '../../src/cli/result.ts';
import { renderReport } from '../../src/reports/index.ts';

let federation: Federation | undefined;
afterEach(() => federation?.close());

it('shows thresholds of the colluding pods that the task names, not of the default', async () => {
  federation = await Federation.open({
    task: (yaml) => shortTask(yaml).replace('  aggregator:', '  aggregator:\n    colluding: 0.4'),
  });
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  const announced = federation.events.find((event) => event.type === 'thresholds');
  const result = resultOf(federation.task, outcome, null);
  expect(result.secure).toMatchObject({ threshold: 4, colluding: 2 });
  expect(announced).toMatchObject({ threshold: 4, colluding: 2 });
  expect(renderReport(result)).toContain('no more than 2 of the hospitals in a round of all 4 conspire');
});
