import { describe, expect, it } from 'vitest';
import { answerLines } from './answer.ts';

describe('answerLines', () => {
  const summary = {
    ...{ pods: 3, rows: 40, columns: [], target: { name: 'y', count: 40, missing: 0, mean: 1, standardDeviation: 2 } },
    vocabularies: [
      {
        ...{ name: 'smoking', collisions: 1, tooRare: 2, otherRows: 5 },
        values: [
          { value: 'never', count: 30 },
          { value: '\u001b[2Jgone\n', count: 12 },
        ],
      },
    ],
  };

  it('shows values of sites without what would steer a terminal', () => {
    const text = answerLines({ answer: { kind: 'statistics', summary }, results: new Map() }).join('\n');
    expect(text).toContain('smoking, all rows: 2 values, 5 rows with others (2 too rare, 1 cannot be told apart)');
    expect(text).toContain('  never: 30\n');
    expect(text).toContain('gone : 12');
    expect(text).not.toContain('\u001b');
  });
});
