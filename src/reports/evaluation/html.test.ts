import { describe, expect, it } from 'vitest';
import { ABORTED, BINARY, hostile, MULTICLASS, RECORDS, REGRESSION } from '../../../test/support/evaluationRecords.ts';
import { textOf, unbalanced, unnamed, wrongIds } from '../../../test/support/pageChecks.ts';
import { type EvaluationResult, evaluationSummary, renderEvaluation } from './index.ts';

const PAGES = Object.entries(RECORDS).map(([name, record]) => [name, record, renderEvaluation(record)] as const);
const BINARY_PAGE = PAGES.find(([name]) => name === 'BINARY')![2];
const ATTACKED = renderEvaluation(hostile(BINARY) as EvaluationResult);

const headings = (page: string): string[] => [...page.matchAll(/<h2[^>]*>([^<]*)</g)].map(([, text]) => text!);

describe.each(PAGES)('the page of %s', (_name, _record, page) => {
  it('is balanced, names tables and drawings, and every reference has its id', () => {
    expect(unbalanced(page)).toEqual([]);
    expect(wrongIds(page)).toEqual([]);
    expect(unnamed(page)).toEqual([]);
  });

  it('has one h1 and no heading that skips a level', () => {
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    levels.forEach((level, i) => expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1));
  });

  it('refers to nothing outside and shows nothing that only a computer would say', () => {
    const shown = page.replace(/<script[^]*?<\/script>/, '').replace('http-equiv', '');
    expect(shown).not.toMatch(/http|src=|href=|url\(|@import|<link|<script/i);
    expect(shown).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(textOf(page)).not.toMatch(/\bnull\b/);
  });
});

describe('sections', () => {
  it('of two models for two classes', () => {
    expect(headings(BINARY_PAGE)).toEqual([
      ...['How good the models are', 'Hospital by hospital', 'Model by model', 'Thresholds and probabilities'],
      ...['Right and wrong calls', 'Subgroups', 'The rows', 'Who was asked', 'What left each hospital'],
      'How to check this page',
    ]);
  });

  it('leaves out what a kind of problem has not', () => {
    expect(headings(renderEvaluation(REGRESSION))).not.toContain('Right and wrong calls');
    expect(headings(renderEvaluation(MULTICLASS))).not.toContain('Thresholds and probabilities');
  });
});

describe('scores of single rows', () => {
  const page = (exact: NonNullable<EvaluationResult['findings'][number]['exact']>): string =>
    textOf(renderEvaluation({ ...BINARY, findings: BINARY.findings.map((model) => ({ ...model, exact })) }));
  const sites = BINARY.findings[0]!.sites.map(({ site }) => site);

  it('are said to make figures exact, or who gave them where they do not', () => {
    expect(page({ pooled: true, sites })).toContain(
      `These figures are exact: every hospital in the sum (${sites.join(', ')})`,
    );
    const some = page({ pooled: false, sites: sites.slice(0, 1) });
    expect(some).toContain(`Scores of single rows came from ${sites[0]}, none from ${sites.slice(1).join(', ')}.`);
    expect(textOf(BINARY_PAGE)).not.toMatch(/figures are exact|cores of single rows/);
  });
});

describe('a hostile record', () => {
  it('is shown as text', () => {
    const shown = ATTACKED.replace(/<script type="application\/json" id="record">[^]*?<\/script>/, '');
    expect(shown).not.toMatch(/<script|<img|onerror='/);
    expect(ATTACKED.match(/<\/?script/g)).toHaveLength(2);
    for (const unseen of ['\u202e', '\u001b', '\u0000']) expect(ATTACKED).not.toContain(unseen);
    expect(unbalanced(ATTACKED)).toEqual([]);
    expect(wrongIds(ATTACKED)).toEqual([]);
    expect(shown).toContain('&#60;script&#62;');
  });

  it('cannot steer a terminal or fill it', () => {
    const lines = evaluationSummary(hostile(BINARY) as EvaluationResult).split('\n');
    for (const unseen of ['\u202e', '\u001b', '\u0000']) expect(lines.join()).not.toContain(unseen);
    expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThan(200);
    expect(lines.length).toBeLessThan(40);
  });
});

describe('the verdict', () => {
  const text = textOf(BINARY_PAGE);

  it('gives the main metric with its interval, and says that hospitals differ', () => {
    expect(text).toMatch(
      /resnet-18 reaches a ROC AUC of 0\.\d{3} \(95 % interval 0\.\d{3} to 0\.\d{3}\) on 2,464 records/,
    );
    expect(text).toContain('Hospitals differ by more than chance with resnet-18');
    expect(text).toContain('Withheld: the own figures of Kantonsspital Chur (fewer than 20 rows)');
    expect(text).toContain('5 of 7 answered');
  });

  it('does not take a lack of proof for a proof', () => {
    const [first] = BINARY.findings;
    const alike = { ...first!, metaAnalyses: first!.metaAnalyses.map((meta) => ({ ...meta, qPValue: 0.4, i2: 0.1 })) };
    const calm = textOf(renderEvaluation({ ...BINARY, models: BINARY.models.slice(0, 1), findings: [alike] }));
    expect(calm).toContain(
      'show no difference beyond chance (p = 0.40; 10 % of the variation is between them), which with few of them is no proof',
    );
  });

  it('of a run that ended early names the reason and no figure', () => {
    const early = textOf(renderEvaluation(ABORTED));
    expect(early).toContain('stopped before anything was found');
    expect(early).toContain('COHORT_TOO_SMALL: 2 pods left');
    expect(early).toContain('There is no figure to judge by.');
  });

  it('of sites that answer for themselves gives the mean over them', () => {
    expect(textOf(renderEvaluation(REGRESSION))).toMatch(
      /Root Mean Squared Error of 3\.\d+ .* on average over hospitals; lower is better/,
    );
  });
});

describe('hospital by hospital', () => {
  const page = BINARY_PAGE;
  const forest = /<svg[^>]*forest-0-0[^]*?<\/svg>/.exec(page)![0];

  it('keeps the order of the cohort in drawing and table', () => {
    const names = BINARY.findings[0]!.sites.map(({ site }) => site);
    for (const part of [forest, page.slice(page.indexOf('ROC AUC hospital by hospital'))]) {
      const places = names.map((name) => part.indexOf(`>${name}<`));
      expect(places.every((place) => place > 0)).toBe(true);
      expect([...places].sort((a, b) => a - b)).toEqual(places);
    }
  });

  it('draws a square a hospital that tells, a diamond, a prediction interval, and says who is withheld', () => {
    expect(/<g class="dot site"[^]*?<\/g>/.exec(forest)![0].match(/<path/g)).toHaveLength(4);
    expect(forest.match(/class="dot mean"/g)).toHaveLength(1);
    expect(forest).toContain('whisker prediction');
    expect(forest).toContain('withheld: fewer than 20 rows');
    expect(forest).toMatch(/I² \d+ %, τ² 0\.\d+, Q \d+\.\d on 3 degrees of freedom, p/);
  });

  it('gives the mean without each hospital', () => {
    const row = /<th scope="row">Hospital Clínic Barcelona<\/th>[^]*?<\/tr>/.exec(
      page.slice(page.indexOf('Mean without it')),
    )![0];
    const left = BINARY.findings[0]!.metaAnalyses[0]!.leaveOneOut.find(
      ({ site }) => site === 'Hospital Clínic Barcelona',
    )!;
    expect(textOf(row)).toContain(left.mean.value!.toFixed(3));
  });

  it('says withheld wherever a figure is, never zero', () => {
    expect(page.match(/class="withheld"/g)!.length).toBeGreaterThan(10);
    const chur = [...page.matchAll(/<tr[^>]*><th scope="row">Kantonsspital Chur<\/th>[^]*?<\/tr>/g)].map(([row]) =>
      textOf(row),
    );
    expect(chur.length).toBeGreaterThan(5);
    const [, , ...own] = chur;
    for (const row of own.filter((text) => text.includes('withheld'))) expect(row).not.toMatch(/\b0(\.0+)?\b/);
  });
});

describe('curves', () => {
  it('are drawn for all and for each hospital that tells, with numbers in words', () => {
    const page = BINARY_PAGE;
    for (const name of ['roc', 'precisionRecall', 'calibration', 'decision'])
      expect(page.match(new RegExp(`<svg[^>]*"${name}-0`, 'g'))).toHaveLength(5);
    expect(page).toMatch(
      /<desc id="roc-0-desc">Sensitivity by one minus specificity: 0\.05\d*: 0\.\d+ \(0\.\d+ to 0\.\d+\)/,
    );
  });
});

it('gives the same bytes for the same record', () => {
  expect(BINARY_PAGE).toBe(renderEvaluation(structuredClone(BINARY)));
});
