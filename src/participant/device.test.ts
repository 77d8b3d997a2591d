/**
 * Where a pod trains: what its configuration asks for, what it tells its operator, and what nobody else hears.
 * @module
 */
import { afterEach, expect, it } from 'vitest';
import { allowPlain, Federation, reasons, soloTask } from '../../sim/federation.ts';
import type { DeviceChoice } from '../training/index.ts';

let federation: Federation;
afterEach(() => federation.close());

const open = async (device: DeviceChoice): Promise<void> => {
  federation = await Federation.open({
    ...{ task: soloTask, pods: ['hospital-a'], ownEngines: true },
    pod: (name, config) => ({ ...allowPlain(name, config), device, threads: 2 }),
  });
};

/** The first device that cannot be on this system. */
const ABSENT = process.platform === 'win32' ? 'coreml' : 'dml';

it('a pod takes the next device of its list when one cannot be used, and says why', async () => {
  await open([ABSENT, 'cuda', 'cpu']);
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  const { trains } = federation.noticesOf('hospital-a', 'accepted')[0]!;
  expect(trains).toMatchObject({ engine: 'onnx', device: 'cpu' });
  expect(trains!.fallbacks.map(({ device }) => device)).toEqual([ABSENT, 'cuda']);
  for (const { reason } of trains!.fallbacks) expect(reason.length).toBeGreaterThan(10);
});

it('a pod without a device that works refuses, and tells the reason to its operator only', async () => {
  await open([ABSENT]);
  const outcome = await federation.run();
  expect(outcome.status).toBe('aborted');
  const told = 'rejected: TASK_SETUP_ERROR: none of the devices this site trains on can be used';
  expect(reasons(outcome)['hospital-a']).toBe(told);
  expect(federation.noticesOf('hospital-a', 'rejected')[0]!.reason).toMatch(
    new RegExp(`^none of the devices can be used: ${ABSENT}: .* exists on`),
  );
});
