/**
 * The section of curves: all hospitals together, then each against all.
 * @module
 */
import type { GroupEvaluation } from '../../metrics/groupEvaluation.ts';
import { type Content, html } from '../markup.ts';
import { listOf } from '../numbers.ts';
import { CURVES, type CurveName, drawCurve, lineOf, rangeOf } from './curves.ts';
import { shownFigures } from './facts.ts';
import { byModel } from './layout.ts';
import type { EvaluationResult, Findings } from './record.ts';

/** Hospitals that are drawn one by one. */
const MOST_SITES = 12;
const NAMES = Object.keys(CURVES) as CurveName[];

export function renderCurves(result: EvaluationResult): Content {
  return byModel(result, curvesOfModel);
}

/** @param index - Of the model, for ids of drawings. */
export function curvesOfModel(model: Findings, index: number): Content {
  const kinds = NAMES.map((name) => curveFigures(name, model, index));
  return kinds.every((kind) => kind === null)
    ? html`<p>No curves are known: they need probabilities of two classes.</p>`
    : html`${kinds}`;
}

const prevalenceOf = ({ classRows, rows }: GroupEvaluation): number | null =>
  classRows?.length === 2 && rows > 0 ? classRows[1]! / rows : null;

function curveFigures(name: CurveName, model: Findings, index: number): Content {
  const lineIn = (group: GroupEvaluation | null) => group && lineOf(name, group.curves, prevalenceOf(group));
  const pooled = lineIn(shownFigures(model.pooled));
  const sites = model.sites.flatMap(({ site, found }) => {
    const line = lineIn(shownFigures(found));
    return line ? [{ site, line }] : [];
  });
  if (pooled === null && sites.length === 0) return null;
  const silent = model.sites.map(({ site }) => site).filter((site) => !sites.some((one) => one.site === site));
  const range = rangeOf(name, [...(pooled ? [pooled] : []), ...sites.map(({ line }) => line)]);
  const id = `${name}-${index}`;
  const { title, caption } = CURVES[name];
  return html`<figure class="curves"><figcaption><b>${title}.</b> ${caption}${pooled && ' Large: all hospitals.'}${
    sites.length > 0 && pooled && ' Small: each hospital, with all hospitals in grey behind.'
  }${name !== 'calibration' && ' Shaded: pointwise 95 % band.'}${silent.length > 0 && ` Withheld: ${listOf(silent)}.`}${
    sites.length > MOST_SITES && ` The first ${MOST_SITES} of ${sites.length} hospitals; all are in curves.csv.`
  }</figcaption>
<div class="panels${pooled && ' paired'}">${pooled && html`<div class="panel">${drawCurve({ id, name, who: 'all hospitals', line: pooled, range })}</div>`}
<div class="small">${sites
    .slice(0, MOST_SITES)
    .map(
      ({ site, line }, i) =>
        html`<div><p class="panel-name">${site}</p>${drawCurve({ id: `${id}-${i}`, name, who: site, line, behind: pooled, isSmall: true, range })}</div>`,
    )}</div></div></figure>`;
}
