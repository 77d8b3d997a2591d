import { expect, it } from 'vitest';
import { VirtualClock } from '../../sim/virtualClock.ts';
import { LinkTime } from './linkTime.ts';

/** Resolves when so much time has passed in the world. */
const pass = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise<void>((resolve) => void clock.after(ms, resolve));

it('stands still while the link is down, and gives waits a while when it is back', async () => {
  const clock = new VirtualClock();
  const time = new LinkTime(clock);
  const fired: [string, number][] = [];
  const note = (name: string) => (): void => void fired.push([name, clock.now()]);
  time.after(10_000, note('short'));
  time.after(60_000, note('long'));
  const cancel = time.after(5_000, note('cancelled'));
  await pass(clock, 1_000);
  time.setUp(false);
  time.setUp(false);
  cancel();
  time.after(2_000, note('begun meanwhile'));
  await pass(clock, 3_600_000);
  expect([fired, time.now()]).toEqual([[], 1_000]);
  time.setUp(true);
  time.setUp(true);
  await pass(clock, 200_000);
  const back = 3_601_000;
  expect(fired).toEqual([
    ['begun meanwhile', back + 2_000],
    ['short', back + 10_000],
    ['long', back + 59_000],
  ]);
  expect(time.now()).toBe(201_000);
});

it('lets a wait that was nearly over go on for as long as others need to come back', async () => {
  const clock = new VirtualClock();
  const time = new LinkTime(clock);
  let firedAt = 0;
  time.after(60_000, () => {
    firedAt = clock.now();
  });
  await pass(clock, 59_999);
  time.setUp(false);
  await pass(clock, 1);
  time.setUp(true);
  await pass(clock, 100_000);
  expect(firedAt).toBe(75_000);
});
