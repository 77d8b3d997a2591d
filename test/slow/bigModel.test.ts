/** How often a large model file is in memory, in processes of its own. */
import { afterAll, describe, expect, it } from 'vitest';
import { BigModel } from '../support/bigModel.ts';

const model = new BigModel(100);
afterAll(() => model.remove());

describe('a model file of 100 MB', () => {
  it('is in memory once when it is open, and its weights once more as the vector of parameters', async () => {
    expect((await model.measure('open')).multiple).toBeLessThanOrEqual(2.2);
  });

  it('is exported with one more copy, which is the result', async () => {
    expect((await model.measure('export')).multiple).toBeLessThanOrEqual(3.2);
  });
});
