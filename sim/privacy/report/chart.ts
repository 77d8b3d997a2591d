/**
 * Attacks as points with their intervals on one axis, beside the line of chance.
 * @module
 */
import { html, linear, type Markup, significant } from '../../../src/reports/index.ts';
import { isControl, WHO } from '../checks.ts';
import type { AttackResult } from '../result.ts';

const WIDTH = 760;
const PLOT = { left: 250, right: 620, top: 16 } as const;
const ROW = 30;

/** One kind of attack, a row for each pair of eyes. */
export function attackChart(id: string, title: string, attacks: readonly AttackResult[]): Markup {
  const { chance, measure } = attacks[0]!;
  const ticks = chance === 0 ? [-0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const x = linear([ticks[0]!, 1], [PLOT.left, PLOT.right]);
  const bottom = PLOT.top + attacks.length * ROW + 4;
  const inside = (value: number): number => x(Math.min(1, Math.max(ticks[0]!, value)));
  return html`<svg viewBox="0 0 ${WIDTH} ${bottom + 50}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${attacks.map(({ sight, estimate }) => `${WHO[sight]}: ${significant(estimate.value, 3)}, from ${significant(estimate.low, 3)} to ${significant(estimate.high, 3)}.`).join(' ')}</desc>
${ticks.map(
  (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${PLOT.top - 8}" y2="${bottom}"/>
<text class="tick" x="${x(tick)}" y="${bottom + 17}" text-anchor="middle">${significant(tick)}</text>`,
)}
<line class="axis" x1="${PLOT.left}" x2="${PLOT.right}" y1="${bottom}" y2="${bottom}"/>
<line class="reference" x1="${x(chance)}" x2="${x(chance)}" y1="${PLOT.top - 8}" y2="${bottom}"/>
<text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${bottom + 40}" text-anchor="middle">${measure} (dashed: knowing nothing)</text>
${attacks.map(({ sight, estimate }, i) => {
  const y = PLOT.top + (i + 0.5) * ROW;
  const [low, high] = [inside(estimate.low), inside(estimate.high)];
  return html`<text class="row" x="${PLOT.left - 14}" y="${y + 4.5}" text-anchor="end">${WHO[sight]}</text>
<path class="whisker" d="M${low} ${y - 5}v10M${low} ${y}H${high}M${high} ${y - 5}v10"/>
<circle class="dot ${isControl(sight) ? 'alone' : 'federated'}" cx="${inside(estimate.value)}" cy="${y}" r="6"><title>${WHO[sight]}: ${significant(estimate.value, 3)}</title></circle>
<text class="value" x="${PLOT.right + 16}" y="${y + 4.5}">${significant(estimate.value, 3)}</text>`;
})}
</svg>`;
}
