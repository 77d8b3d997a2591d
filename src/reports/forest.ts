/**
 * One metric at every site as a dot plot: the federated model, the site alone, all data pooled.
 * @module
 */
import { escapeHtml, metricText } from './format.ts';

/** One row of dots; nulls are left out. */
export interface ForestRow {
  readonly label: string;
  readonly federated: number | null;
  readonly alone: number | null;
}

const WIDTH = 760;
const [LEFT, RIGHT, ROW, TOP] = [150, 40, 34, 14];

/** @param pooled - Value of the model trained on all rows; drawn as a line across. */
export function forestPlot(metric: string, rows: readonly ForestRow[], pooled: number | null): string {
  const values = [...rows.flatMap(({ federated, alone }) => [federated, alone]), pooled].filter((v) => v !== null);
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = Math.max(0.01, (high - low) * 0.15);
  const from = low >= 0 && low - pad < 0 ? 0 : low - pad;
  const to = high <= 1 ? Math.min(1, high + pad) : high + pad;
  const span = to - from || 1;
  const x = (value: number): string => (LEFT + ((WIDTH - LEFT - RIGHT) * (value - from)) / span).toFixed(1);
  const height = TOP + ROW * rows.length + 34;
  const bottom = TOP + ROW * rows.length;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => from + share * span);
  const body = rows.map(({ label, federated, alone }, i) => {
    const y = TOP + ROW * (i + 0.5);
    const dots = [
      alone === null
        ? ''
        : `<rect class="alone" x="${Number(x(alone)) - 5}" y="${y - 5}" width="10" height="10"><title>alone ${metricText(alone)}</title></rect>`,
      federated === null
        ? ''
        : `<circle class="federated" cx="${x(federated)}" cy="${y}" r="6"><title>federated ${metricText(federated)}</title></circle>`,
    ];
    return `<text class="label" x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${escapeHtml(label.slice(0, 22))}</text><line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>${dots.join('')}`;
  });
  const named = escapeHtml(metric);
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="forest-title forest-desc">
<title id="forest-title">${named} by hospital</title>
<desc id="forest-desc">${rows.map((row) => `${escapeHtml(row.label)}: federated ${metricText(row.federated)}, alone ${metricText(row.alone)}`).join('; ')}.</desc>
${ticks.map((t) => `<text class="tick" x="${x(t)}" y="${bottom + 18}" text-anchor="middle">${metricText(t)}</text>`).join('')}
${pooled === null ? '' : `<line class="pooled" x1="${x(pooled)}" x2="${x(pooled)}" y1="${TOP - 8}" y2="${bottom}"/>`}
${body.join('\n')}
</svg>
<p class="legend"><span class="key federated"></span>federated model (circle) <span class="key alone"></span>that hospital alone (square)${pooled === null ? '' : ' <span class="key pooled"></span>all data pooled (line)'}</p>`;
}
