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
  return byModel(result, (model, index) => curvesOfModel(model, index));
}

/**
 * @param index - Of the model, for ids of drawings.
 * @param all - Whose rows are together.
 */
export function curvesOfModel(model: Findings, index: number, all = 'all hospitals'): Content {
  const kinds = NAMES.flatMap((name) => [curveFigures(name, model, index, all), classFigures(name, model, index, all)]);
  return kinds.every((kind) => kind === null)
    ? html`<p>No curves are known: they need probabilities of classes, of enough rows.</p>`
    : html`${kinds}`;
}

const prevalenceOf = ({ classRows, rows }: GroupEvaluation): number | null =>
  classRows?.length === 2 && rows > 0 ? classRows[1]! / rows : null;

function curveFigures(name: CurveName, model: Findings, index: number, all: string): Content {
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
  return html`<figure class="curves"><figcaption><b>${title}.</b> ${caption}${sites.length > 0 && pooled && ` Large: ${all}.`}${
    sites.length > 0 && pooled && ` Small: each hospital, with ${all} in grey behind.`
  }${name !== 'calibration' && ' Shaded: pointwise 95 % band.'}${silent.length > 0 && ` Withheld: ${listOf(silent)}.`}${
    sites.length > MOST_SITES && ` The first ${MOST_SITES} of ${sites.length} hospitals; all are in curves.csv.`
  }</figcaption>
<div class="panels${pooled && ' paired'}">${pooled && html`<div class="panel">${drawCurve({ id, name, who: all, line: pooled, range })}</div>`}
<div class="small">${sites
    .slice(0, MOST_SITES)
    .map(
      ({ site, line }, i) =>
        html`<div><p class="panel-name">${site}</p>${drawCurve({ id: `${id}-${i}`, name, who: site, line, behind: pooled, isSmall: true, range })}</div>`,
    )}</div></div></figure>`;
}

/** Classes of a drawing. */
const MOST_CLASSES = 12;

/** Each class against the rest: of all hospitals, or where these are not in one sum, of each hospital. */
function classFigures(name: CurveName, model: Findings, index: number, all: string): Content {
  const pooled = shownFigures(model.pooled);
  const groups = pooled
    ? [{ who: all, group: pooled }]
    : model.sites.flatMap(({ site, found }) => {
        const group = shownFigures(found);
        return group ? [{ who: site, group }] : [];
      });
  const panels = groups.slice(0, MOST_SITES).flatMap(({ who, group }) => {
    const names = Object.keys(group.classCurves ?? {});
    return names.slice(0, MOST_CLASSES).flatMap((label) => {
      const prevalence = prevalenceOfClass(group, Object.keys(group.perClass ?? {}).indexOf(label));
      const line = lineOf(name, group.classCurves![label], prevalence);
      return line ? [{ who: groups.length > 1 ? `${label}, ${who}` : label, line }] : [];
    });
  });
  if (panels.length === 0) return null;
  const range = rangeOf(
    name,
    panels.map(({ line }) => line),
  );
  const { title, caption } = CURVES[name];
  const id = `class-${name}-${index}`;
  return html`<figure class="curves"><figcaption><b>${title}, class by class.</b> Each class against the rest, ${pooled ? `rows of ${all}` : 'hospital by hospital'}. ${caption}${
    model.sites.length > 0 &&
    html`
Those of ${pooled ? 'each hospital' : 'classes and hospitals that are not drawn'} are in curves.csv.`
  }</figcaption>
<div class="small">${panels.map(
    ({ who, line }, i) =>
      html`<div><p class="panel-name">${who}</p>${drawCurve({ id: `${id}-${i}`, name, who, line, isSmall: true, range })}</div>`,
  )}</div></figure>`;
}

const prevalenceOfClass = ({ classRows, rows }: GroupEvaluation, at: number): number | null =>
  classRows?.[at] !== undefined && rows > 0 ? classRows[at] / rows : null;

/** Whether there is any curve to draw. */
export function hasCurves({ findings }: EvaluationResult): boolean {
  const isDrawn = ({ pooled, sites }: Findings): boolean =>
    [pooled, ...sites.map(({ found }) => found)].some((found) => {
      const group = shownFigures(found);
      return [group?.curves ?? {}, ...Object.values(group?.classCurves ?? {})].some(
        (curves) => Object.keys(curves).length > 0,
      );
    });
  return findings.some(isDrawn);
}
