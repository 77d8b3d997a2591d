/**
 * The estimate of a round's bytes against what a federation really sends.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { allowPlain, Federation, plainTask, shortTask } from '../../sim/federation.ts';
import { roundBytes } from '../protocols/index.ts';

let federation: Federation;
afterEach(() => federation.close());

describe('a round moves about as many bytes as is estimated', () => {
  const wide = (yaml: string): string => yaml.replace('[16]', '[512, 256]');
  const sixteen = (yaml: string): string => yaml.replace('secure: true', 'secure: true\n    bits: 16');
  it.each([
    ['secure', shortTask, 31 * 16 + 17, {}],
    ['secure', (yaml: string) => wide(shortTask(yaml)), 31 * 512 + 513 * 256 + 257, {}],
    ['16 bits', (yaml: string) => sixteen(shortTask(yaml)), 31 * 16 + 17, { bits: 16, stretches: 4 }],
    [
      'sparse',
      (yaml: string) => wide(shortTask(yaml)).replace('secure: true', 'secure: true\n    bits: 16\n    sparse: 0.1'),
      31 * 512 + 513 * 256 + 257,
      { bits: 16, stretches: 6, sparse: 0.1 },
    ],
    ['plain', (yaml: string) => wide(plainTask(yaml)), 31 * 512 + 513 * 256 + 257, null],
  ])('%s', async (mode, task, parameters, masked) => {
    federation = await Federation.open({ task, ...(mode === 'plain' && { pod: allowPlain }) });
    const totals: number[] = [];
    federation.onEvent = ({ type }) => {
      const sizes = federation.broker.log.map(({ payload }) => payload.length);
      if (type === 'round') totals.push(sizes.reduce((a, b) => a + b, 0));
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.facts!.parameters).toBe(parameters);
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
    const { update, sent, received } = roundBytes(parameters, 4, masked);
    // up to a block of 16-bit parameters fewer when the last one, which is shorter, is among the chosen
    const { vectorBytes } = outcome.rounds[1]!;
    expect(vectorBytes).toBeLessThanOrEqual(update);
    expect(vectorBytes).toBeGreaterThan(mode === 'sparse' ? update - 2 * 64 : update - 1);
    const measured = (totals[2]! - totals[0]!) / 2 / 4;
    expect((sent + received) / measured).toBeGreaterThan(0.9);
    expect((sent + received) / measured).toBeLessThan(1.1);
  });
});
