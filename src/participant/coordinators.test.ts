import { expect, it } from 'vitest';
import type { Clock } from '../transport/index.ts';
import { CoordinatorWatch } from './coordinators.ts';

/** A clock that goes on when it is told to. */
function handClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: (ms) => {
      now += ms;
      for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.callback();
    },
  };
}

function watched() {
  const clock = handClock();
  const gone: string[] = [];
  return { clock, gone, watch: new CoordinatorWatch(clock, (reason) => gone.push(reason)) };
}

it('gives a coordinator up that was restarted and does not speak of the run, however present it is', () => {
  const { clock, gone, watch } = watched();
  watch.presence(false, 600);
  clock.pass(500);
  watch.restarted(600);
  expect(watch.presence(true, 600)).toBe(false);
  expect(watch.isOrphan).toBe(true);
  expect(gone).toEqual([]);
  clock.pass(100); // since it was first missed
  expect(gone).toEqual(['the coordinator was away for too long']);
});

it('keeps one that speaks of the run in time, and counts from the start when it goes again', () => {
  const { clock, gone, watch } = watched();
  watch.restarted(600);
  clock.pass(599);
  watch.heard();
  expect([watch.isOrphan, watch.isGone]).toEqual([false, false]);
  clock.pass(10_000);
  expect(gone).toEqual([]);
  watch.restarted(600);
  clock.pass(599);
  expect(gone).toEqual([]);
  clock.pass(1);
  expect(gone).toEqual(['the coordinator restarted and did not go on with the run']);
});

it('forgives an absence, and says when somebody is back who has to be asked', () => {
  const { clock, gone, watch } = watched();
  expect(watch.presence(true, 600)).toBe(false); // it was never away
  watch.presence(false, 600);
  expect(watch.isGone).toBe(true);
  clock.pass(300);
  expect(watch.presence(true, 600)).toBe(true);
  clock.pass(10_000);
  expect(gone).toEqual([]);
  watch.presence(false, 600);
  watch.close(); // the run is over
  clock.pass(10_000);
  expect(gone).toEqual([]);
});
