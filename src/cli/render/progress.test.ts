import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../coordinator/index.ts';
import { ProgressView } from './progress.ts';

const round = (n: number): RunEvent => ({
  ...{ type: 'round', round: n, survivors: ['a', 'b', 'c'], dropped: [], attempts: 1, trainingRows: 300 },
  ...{ trainingLoss: 0.5, validationLoss: null, validationRows: 0, validationAccuracy: null, clipped: 0 },
  ...{ seconds: 1.25, vectorBytes: 100 },
});
const phase = (name: string, awaiting: string[], completed = 0): RunEvent => ({
  ...{ type: 'phase', purpose: 'update', completed, attempt: 0, phase: name, awaiting },
});
const RUN: readonly RunEvent[] = [
  { type: 'started', run: 'r1', rounds: 2, mode: 'secure' },
  { type: 'member', pod: 'a', state: 'active', reason: '' },
  { type: 'member', pod: 'b', state: 'active', reason: '' },
  { type: 'member', pod: 'd', state: 'rejected', reason: 'NO_ACCESS' },
  { type: 'thresholds', pods: 3, neighbours: 2, threshold: 2, minimum: 3, colluding: 1 },
  phase('training', ['a', 'b']),
  { type: 'progress', pod: 'a', done: 1, total: 3 },
  { type: 'dropped', pod: 'b', phase: 'training', reason: 'lost' },
  { type: 'retry', purpose: 'update', reason: 'b is gone', spent: false },
  round(1),
  phase('shares', ['a'], 1),
  round(2),
  { type: 'finished', status: 'complete', reason: 'all rounds done' },
];

it('says what was clipped, and leaves the scales of a round to its record', () => {
  const { view, text } = terminal(false);
  view.show({ type: 'scale', completed: 0, least: 0.25, most: 2 });
  view.show({ ...round(1), clipped: 12 } as RunEvent);
  expect(text()).toMatch(/^round 1.*, 12 values clipped\n$/);
});

/** A stream that keeps what is written and the screen a terminal would show. */
function terminal(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let now = 0;
  const view = new ProgressView({
    stream: { write: (text: string) => written.push(text), isTTY, columns },
    traffic: () => 12_345,
    now: () => now,
  });
  const tick = (ms: number): void => {
    now += ms;
  };
  return { view, tick, text: () => written.join(''), screen: () => screenOf(written.join('')) };
}

const ESCAPE = String.fromCharCode(27);
/** Cursor up some lines, erase from there: all the view uses. */
const UP = new RegExp(`(${ESCAPE}\\[\\d+A${ESCAPE}\\[0J)`);

function screenOf(text: string): string[] {
  const rows: string[] = [];
  for (const part of text.split(UP)) {
    if (part.startsWith(ESCAPE)) rows.splice(rows.length - Number.parseInt(part.slice(2), 10));
    else rows.push(...part.split('\n').slice(0, -1));
  }
  return rows;
}

const LASTING = [
  'run r1: 2 rounds, secure aggregation',
  'a: active',
  'b: active',
  'd: rejected, NO_ACCESS',
  'secure sums of 3 pods: each shares its secrets with all others, 2 rebuild one, 1 may collude with the coordinator',
  'b dropped out in training: lost',
  'update repeated: b is gone',
  'round 1/2: 3 pods, 300 rows, training loss 0.5000, validation loss none, 1.25 s',
  'round 2/2: 3 pods, 300 rows, training loss 0.5000, validation loss none, 1.25 s',
  'run complete',
];

describe('progress', () => {
  it('is one plain line a fact where there is no terminal', () => {
    const { view, text } = terminal(false);
    for (const event of RUN) view.show(event);
    expect(text().split('\n').slice(0, -1)).toEqual(LASTING);
    expect(Array.from(text()).filter((char) => char < ' ' && char !== '\n')).toEqual([]);
  });

  it('leaves the same lines on a terminal, and no board when the run is over', () => {
    const { view, screen } = terminal(true);
    for (const event of RUN) view.show(event);
    expect(screen()).toEqual(LASTING);
  });

  it('keeps a board of two lines below them while the run goes on', () => {
    const { view, screen, tick } = terminal(true);
    for (const event of RUN.slice(0, 7)) view.show(event);
    const before = screen();
    expect(before.slice(0, 5)).toEqual(LASTING.slice(0, 5));
    expect(before.slice(5)).toEqual([
      `${'░'.repeat(24)} round 1/2 · training`,
      'pods 2/3 · waiting for a 33 %, b · 12.3 kB',
    ]);
    tick(3_500);
    for (const event of RUN.slice(7, 11)) view.show(event);
    expect(screen().slice(-2)).toEqual([
      `${'█'.repeat(12)}${'░'.repeat(12)} round 2/2 · shares · about 4 s left`,
      'pods 2/3 · waiting for a · 12.3 kB',
    ]);
  });

  it('never draws a board line wider than the terminal, which would wrap and break the redrawing', () => {
    const { view, screen } = terminal(true, 40);
    const names = Array.from({ length: 30 }, (_, i) => `hospital-with-a-long-name-${i}`);
    view.show({ type: 'started', run: 'r1', rounds: 2, mode: 'plain' });
    view.show(phase('training', names));
    for (const line of screen().slice(-2)) expect(line.length).toBeLessThan(40);
  });

  it('estimates the time left from the rounds so far', () => {
    const { view, tick } = terminal(false);
    view.show({ type: 'started', run: 'r1', rounds: 5, mode: 'plain' });
    expect(view.etaSeconds()).toBeNull();
    tick(60_000); // waiting for pods is not part of the pace
    view.show(phase('training', []));
    tick(4_000);
    view.show(round(1));
    expect(view.etaSeconds()).toBe(16);
    tick(2_000);
    view.show(round(2));
    expect(view.etaSeconds()).toBe(9);
  });

  it('says why a run was aborted', () => {
    const { view, text } = terminal(false);
    view.show({ type: 'finished', status: 'aborted', reason: 'cancelled' });
    expect(text()).toBe('run aborted: cancelled\n');
  });
});
