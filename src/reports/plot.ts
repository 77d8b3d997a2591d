/**
 * Drawings: Observable Plot makes them, the page's style sheet colours them by the class names of their parts.
 * @module
 */
import * as Plot from '@observablehq/plot';
import { html, type Markup } from './markup.ts';
import { significant } from './numbers.ts';
import { SvgDocument, type SvgNode } from './svgDocument.ts';

/** A drawing with a name and a text that says what can be seen. */
export interface Drawing extends Plot.PlotOptions {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** The numbers in words: for those who cannot see the drawing. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
}

/** The drawing as an SVG element whose size follows the page; the same options give the same text. */
export function draw({ id, title, description, width, height, ...options }: Drawing): Markup {
  const svg = Plot.plot({
    r: { type: 'identity' },
    ...options,
    ...{ width, height, document: new SvgDocument() as never },
  }) as unknown as SvgNode;
  return html`<svg viewBox="0 0 ${width} ${height}" text-anchor="middle" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>
${svg.inner()}
</svg>`;
}

/** Numbers at ticks, as everywhere in a report. */
const tickText = (tick: number): string => significant(tick);

interface Axis {
  readonly ticks?: readonly number[] | number;
  readonly label?: string;
  readonly format?: (tick: number) => string;
}

/** The horizontal axis with its label in the middle below. */
export function axisX({ ticks = 5, label, format = tickText }: Axis): Plot.Markish[] {
  return [
    Plot.axisX({
      ...{ ticks: ticks as number, tickFormat: format, tickSize: 5, tickPadding: 5, className: 'ticks' },
      ...{ label: label ?? null, labelAnchor: 'center', labelArrow: 'none', labelOffset: 38 },
    }),
    Plot.frame({ anchor: 'bottom', className: 'axis' }),
  ];
}

/** The vertical axis with its label at the top left, and lines across at its ticks. */
export function axisY({ ticks = 5, label, format = tickText }: Axis): Plot.Markish[] {
  return [
    Plot.gridY({ ticks: ticks as number, className: 'grid' }),
    Plot.axisY({
      ...{ ticks: ticks as number, tickFormat: format, tickSize: 0, tickPadding: 8, className: 'ticks' },
      ...{ label: label ?? null, labelAnchor: 'top', labelArrow: 'none', labelOffset: 40 },
    }),
  ];
}
