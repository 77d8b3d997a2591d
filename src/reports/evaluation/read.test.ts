import { describe, expect, it } from 'vitest';
import { BINARY, hostile, RECORDS } from '../../../test/support/evaluationRecords.ts';
import { isKonsilError } from '../../base/index.ts';
import { type EvaluationResult, evaluationJsonSchema, readEvaluation, renderEvaluation } from './index.ts';

const BINARY_PAGE = renderEvaluation(BINARY);

const errorOf = (text: string): string => {
  try {
    readEvaluation(text, 'x.html');
  } catch (error) {
    if (isKonsilError(error, 'REPORT_INVALID')) return error.message;
    throw error;
  }
  return 'none';
};

const changed = (path: readonly (string | number)[], value: unknown): string => {
  const copy: unknown = structuredClone(BINARY);
  const last = path.at(-1)!;
  const parent = path.slice(0, -1).reduce((at, key) => (at as Record<string | number, unknown>)[key], copy);
  (parent as Record<string | number, unknown>)[last] = value;
  return JSON.stringify(copy);
};

describe('a record', () => {
  it.each(Object.entries(RECORDS))(
    '%s comes back from its JSON and from its page, which it makes again',
    (_name, record) => {
      expect(readEvaluation(JSON.stringify(record))).toEqual(record);
      const page = renderEvaluation(record);
      expect(readEvaluation(page)).toEqual(record);
      expect(renderEvaluation(readEvaluation(page))).toBe(page);
    },
  );

  it('comes back whole when its texts are hostile', () => {
    const record = hostile(BINARY) as EvaluationResult;
    expect(readEvaluation(renderEvaluation(record))).toEqual(record);
  });

  it('shows in its page when the page was altered', () => {
    const altered = BINARY_PAGE.replace('differ by more than chance', 'agree');
    expect(altered).not.toBe(BINARY_PAGE);
    expect(renderEvaluation(readEvaluation(altered))).not.toBe(altered);
  });
});

describe('what is no record', () => {
  it.each([
    ['', 'x.html: expected a record in JSON'],
    ['{', 'x.html: expected a record in JSON'],
    ['<p>hello</p>', 'x.html: expected a page with one record of an evaluation in it'],
    [
      renderEvaluation(BINARY).replaceAll('id="record">{', 'id="record">{{'),
      'x.html: expected a record in JSON inside the page',
    ],
    ['{}', 'x.html: format: '],
    [changed(['findings', 0, 'pooled', 'rows'], -1), 'x.html: findings[0].pooled'],
    [changed(['models', 1, 'name'], 'resnet-18'), 'x.html: models: names of models are unique'],
    [changed(['findings', 1, 'model'], 'other'), 'x.html: findings[1].model: is not that of models[1]'],
    [changed(['answers', 0, 'model'], 2), 'x.html: answers[0].model: is no index of models'],
    [changed(['cohort', 0, 'extra'], 1), 'x.html: cohort[0]: '],
  ])('is refused with its place: %#', (text, message) => {
    expect(errorOf(text)).toContain(message);
  });

  it('has curves whose arrays differ in length', () => {
    expect(errorOf(changed(['findings', 0, 'pooled', 'curves', 'roc', 'sensitivity'], [0, 1]))).toContain(
      'findings[0].pooled',
    );
  });
});

// after a change of the schema: npx vitest run src/reports/evaluation/read.test.ts -u
it('schema/ holds the present evaluation.schema.json', async () => {
  await expect(evaluationJsonSchema()).toMatchFileSnapshot('../../../schema/evaluation.schema.json');
});
