import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtualClock.ts';

/** Enough turns for any jump that is going to happen. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 30; i++) await turn();
};

describe('a virtual clock', () => {
  it('fires timers in order of time, then of being set, and jumps between them', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const at = (name: string) => (): void => void fired.push(`${name} ${clock.now()}`);
    clock.after(86_400_000, at('day'));
    clock.after(5, at('first'));
    clock.after(5, at('second'));
    clock.after(1, () => {
      at('early')();
      clock.after(1, at('nested'));
    });
    await settle();
    expect(fired).toEqual(['early 1', 'nested 2', 'first 5', 'second 5', 'day 86400000']);
  });

  it('does not fire what was cancelled, even by a timer of the same moment', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const cancels = [
      clock.after(1, () => void fired.push('never')),
      clock.after(2, () => {
        fired.push('canceller');
        cancels[2]!();
      }),
      clock.after(2, () => void fired.push('cancelled')),
    ];
    cancels[0]!();
    await settle();
    expect(fired).toEqual(['canceller']);
    expect(clock.now()).toBe(2);
  });

  it('stands still while something computes, and however often that says it is done', async () => {
    const clock = new VirtualClock();
    let hasFired = false;
    clock.after(1, () => {
      hasFired = true;
    });
    const [one, other] = [clock.hold(), clock.hold()];
    await settle();
    one();
    one();
    await settle();
    expect(hasFired).toBe(false);
    other();
    await settle();
    expect(hasFired).toBe(true);
  });

  it('lets go when the computation fails', async () => {
    const clock = new VirtualClock();
    await expect(clock.during(() => Promise.reject(new Error('diverged')))).rejects.toThrow('diverged');
    let hasFired = false;
    clock.after(1, () => {
      hasFired = true;
    });
    await settle();
    expect(hasFired).toBe(true);
  });

  it('waits for what the event loop still has to do', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(1_000, () => void seen.push('deadline'));
    // the answer is on its way: a microtask, and a turn of the loop behind it
    void Promise.resolve().then(() => setImmediate(() => seen.push('answer')));
    await settle();
    expect(seen).toEqual(['answer', 'deadline']);
  });

  it('fires nothing once it is stopped', async () => {
    const clock = new VirtualClock();
    clock.after(1, () => expect.unreachable());
    clock.stop();
    await settle();
    expect(clock.now()).toBe(0);
  });

  it('fires a thousand timers of random times in order', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    for (let i = 0; i < 1_000; i++) clock.after((i * 7_919) % 509, () => void times.push(clock.now()));
    for (let i = 0; i < 100; i++) await settle();
    expect(times).toHaveLength(1_000);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});
