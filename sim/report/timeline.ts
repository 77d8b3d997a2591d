/**
 * When which fault befell whom, as bars over simulated time.
 * @module
 */
import { html, linear, type Markup, niceTicks, shorten, significant } from '../../src/reports/index.ts';
import type { FaultEntry } from '../faults/driver.ts';

/** A fault from beginning to end. */
interface Bar {
  readonly target: string;
  readonly fault: string;
  readonly from: number;
  /** Null is for good. */
  readonly to: number | null;
}

const WIDTH = 760;
const PLOT = { left: 130, right: 740, top: 10 } as const;
const ROW = 22;
/** Rows drawn; a table has them all. */
const MOST_ROWS = 40;

/** The drawing, or null when nothing happened. @param seconds - How long the run took, of the same clock. */
export function faultTimeline(id: string, entries: readonly FaultEntry[], seconds: number): Markup | null {
  const bars = barsOf(entries);
  if (bars.length === 0) return null;
  const targets = [...new Set(bars.map(({ target }) => target))].sort().slice(0, MOST_ROWS);
  const end = bars.reduce((most, { from, to }) => Math.max(most, from, to ?? 0), seconds);
  const ticks = niceTicks(0, end, 6);
  const x = linear([0, ticks.at(-1)!], [PLOT.left, PLOT.right]);
  const bottom = PLOT.top + targets.length * ROW + 4;
  return html`<svg viewBox="0 0 ${WIDTH} ${bottom + 46}" role="img" aria-labelledby="${id}-title">
<title id="${id}-title">Faults by party over simulated time</title>
${ticks.map(
  (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${PLOT.top}" y2="${bottom}"/>
<text class="tick" x="${x(tick)}" y="${bottom + 17}" text-anchor="middle">${significant(tick)}</text>`,
)}
<text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${bottom + 40}" text-anchor="middle">Seconds of the simulated clock</text>
${targets.map((target, i) => {
  const y = PLOT.top + i * ROW + ROW / 2;
  return html`<text class="row" x="${PLOT.left - 10}" y="${y + 4.5}" text-anchor="end">${shorten(target, 18)}</text>
${bars
  .filter((bar) => bar.target === target)
  .map(({ fault, from, to }) => {
    const width = Math.max(3, x(to ?? end) - x(from));
    const until = to === null ? 'for good' : `to ${significant(to)} s`;
    return html`<rect class="fault${to === null && ' final'}" x="${x(from)}" y="${y - 6}" width="${width}" height="12" rx="2"><title>${target}: ${fault} from ${significant(from)} s ${until}</title></rect>
<text class="fault" x="${Math.min(x(from) + width + 5, PLOT.right - 60)}" y="${y + 4}">${fault}</text>`;
  })}`;
})}
</svg>`;
}

function barsOf(entries: readonly FaultEntry[]): Bar[] {
  return entries.flatMap(({ what, target, fault, seconds }, i) => {
    if (what !== 'begins') return [];
    const end = entries
      .slice(i)
      .find((later) => later.what === 'ends' && later.target === target && later.fault === fault);
    return [{ target, fault, from: seconds, to: end?.seconds ?? null }];
  });
}
