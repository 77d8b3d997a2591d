/**
 * Parts of sections that several of them have: one block a model, and the heat map of models and hospitals.
 * @module
 */
import * as Plot from '@observablehq/plot';
import type { GroupEvaluation, Withheld } from '../../metrics/groupEvaluation.ts';
import { type Content, html, type Markup, shorten } from '../markup.ts';
import { lowerIsBetter } from '../metric.ts';
import { draw } from '../plot.ts';
import { shownFigures } from './facts.ts';
import { shown } from './figures.ts';
import type { EvaluationResult, ModelFindings } from './record.ts';

/** `render` of each model, under its name where there are several. */
export function byModel(
  { findings }: EvaluationResult,
  render: (model: ModelFindings, index: number) => Content,
): Content {
  if (findings.length === 0) return html`<p>The evaluation ended before there was anything to show.</p>`;
  return findings.map((model, i) =>
    findings.length === 1 ? render(model, i) : html`<h3>${model.model}</h3>\n${render(model, i)}`,
  );
}

interface Column {
  readonly name: string;
  readonly of: (model: ModelFindings) => GroupEvaluation | Withheld | null | undefined;
}

const ROW = 34;
const LEFT = 200;
/** The deepest shade that text can still be read on. */
const DEEPEST = 0.42;

/** Heat map: a row a hospital, a column a model; the better, the deeper. Null without two values. */
export function heatMap({ findings }: EvaluationResult, metric: string, columns: readonly Column[]): Markup | null {
  const cells = columns.flatMap(({ name, of }, row) =>
    findings.map((model, column) => {
      const estimate = shownFigures(of(model))?.metrics[metric];
      const value = estimate?.value ?? null;
      return {
        row,
        column,
        name,
        model: model.model,
        value,
        text: value === null ? 'withheld' : shown(metric, estimate!).value,
      };
    }),
  );
  const values = cells.flatMap(({ value }) => value ?? []);
  if (values.length < 2) return null;
  const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const depth = ({ value }: (typeof cells)[number]): number => {
    if (value === null) return 0;
    const place = most === least ? 0.5 : (value - least) / (most - least);
    return DEEPEST * (0.1 + 0.9 * (lowerIsBetter(metric) ? 1 - place : place));
  };
  const [known, hidden] = [cells.filter(({ value }) => value !== null), cells.filter(({ value }) => value === null)];
  const box = {
    x1: (d: { column: number }) => d.column,
    x2: (d: { column: number }) => d.column + 1,
    y1: (d: { row: number }) => d.row,
    y2: (d: { row: number }) => d.row + 1,
    inset: 2,
  };
  const centre = { x: (d: { column: number }) => d.column + 0.5, y: (d: { row: number }) => d.row + 0.5 };
  return html`<figure>${draw({
    ...{ id: 'heat', title: `${metric} by model and hospital`, width: 760, height: 34 + ROW * columns.length },
    description: `${cells.map(({ name, model, text }) => `${name}, ${model}: ${text}`).join('. ')}.`,
    ...{ marginLeft: LEFT, marginRight: 0, marginTop: 34, marginBottom: 0 },
    x: { domain: [0, findings.length], axis: null },
    y: { domain: [columns.length, 0], axis: null },
    marks: [
      Plot.rect(known, { ...box, fillOpacity: depth, className: 'heat' }),
      Plot.rect(hidden, { ...box, className: 'heat hidden' }),
      Plot.text(known, { ...centre, text: 'text' }),
      Plot.text(hidden, { ...centre, text: 'text', className: 'instead' }),
      Plot.text(columns, {
        ...{ frameAnchor: 'left', textAnchor: 'end', dx: -14, className: 'row' },
        ...{ y: (_: Column, i: number) => i + 0.5, text: ({ name }: Column) => shorten(name, 25) },
      }),
      Plot.text(findings, {
        ...{ frameAnchor: 'top', lineAnchor: 'bottom', dy: -10, className: 'label' },
        ...{ x: (_: ModelFindings, i: number) => i + 0.5, text: ({ model }: ModelFindings) => shorten(model, 20) },
      }),
    ],
  } as Parameters<
    typeof draw
  >[0])}<figcaption>The deeper, the better; the scale runs from the least to the best value in the drawing.</figcaption></figure>`;
}
