import { describe, expect, it } from 'vitest';
import type { LocalEvent } from '../../coordinator/index.ts';
import { LocalProgressView } from './localProgress.ts';

const round = (number: number): LocalEvent => ({
  ...{ type: 'round', round: number, survivors: ['here'], dropped: [], attempts: 1, trainingRows: 10, clipped: 0 },
  ...{ trainingLoss: 0.5, validationLoss: null, validationRows: 0, validationAccuracy: null, vectorBytes: 0 },
  seconds: 2,
});
const events: LocalEvent[] = [
  {
    ...{ type: 'started', run: 'r', rounds: 4, rows: 10 },
    trains: { engine: 'onnx', device: 'cpu', fallbacks: [{ device: 'cuda', reason: 'no driver' }] },
  },
  { type: 'warning', text: 'two rows were left out' },
  { type: 'progress', round: 1, done: 1, total: 2, loss: 0.7 },
  round(1),
  round(4),
  { type: 'finished', status: 'complete', reason: 'all rounds done' },
];

function shown(isTTY: boolean): string {
  let [text, now] = ['', 0];
  const stream = { isTTY, write: (part: string): void => void (text += part) };
  const view = new LocalProgressView({ stream, now: () => (now += 1_000), perRound: '1 epoch' });
  for (const event of events) view.show(event);
  return text;
}

describe('the progress of a local run', () => {
  it('is one plain line a fact, with the time that is left', () => {
    expect(shown(false).trimEnd().split('\n')).toEqual([
      'not on cuda: no driver',
      'run r: 4 rounds of 1 epoch on 10 rows, by onnxruntime on cpu',
      'warning: two rows were left out',
      'round 1/4: training loss 0.5000, validation loss none, 2.00 s, about 3 s left',
      'round 4/4: training loss 0.5000, validation loss none, 2.00 s',
      'training complete',
    ]);
  });

  it('redraws one line while a round trains, on a terminal', () => {
    expect(shown(true)).toContain('round 1/4: 50 %, loss 0.7000, about 7 s left\r\u001b[2Kround 1/4: training loss');
  });
});
