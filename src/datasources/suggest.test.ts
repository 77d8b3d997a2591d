import { describe, expect, it } from 'vitest';
import { didYouMean, findClosest } from './index.ts';

describe('findClosest', () => {
  it.each([
    ['lerning_rate', 'learning_rate'],
    ['Mean Radius', 'mean_radius'],
    ['aeg', 'age'],
    ['colour', undefined],
  ])('%s gives %s', (name, wanted) => {
    expect(findClosest(name, ['learning_rate', 'mean_radius', 'age'])).toBe(wanted);
  });

  it('becomes half a sentence, or nothing', () => {
    expect(didYouMean('aeg', ['age'])).toBe('; did you mean "age"?');
    expect(didYouMean('zzz', ['age'])).toBe('');
  });
});
