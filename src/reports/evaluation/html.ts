/**
 * The report of an evaluation as one HTML file with the record in it.
 * @module
 */
import { type Content, html, Markup } from '../markup.ts';
import { renderPage } from '../page.ts';
import { recordElement } from './read.ts';
import type { EvaluationResult } from './record.ts';
import { hasCurves, renderCurves } from './sectionCurves.ts';
import { renderHospitals } from './sectionHospitals.ts';
import { renderConfusion, renderMetrics, renderModels } from './sectionMetrics.ts';
import { renderSubgroups } from './sectionSubgroups.ts';
import { renderAsked, renderData, renderIntegrity, renderLeft } from './sectionsRun.ts';
import { EVALUATION_STYLE } from './style.ts';
import { renderVerdict } from './verdict.ts';

type Section = readonly [id: string, title: string, render: (result: EvaluationResult) => Content];

/** Kinds whose calls can be counted. */
const COUNTED = new Set(['binary', 'multiclass']);

/** A kind of problem or a number of models that has no use for a section leaves it out. */
function sectionsOf(result: EvaluationResult): readonly Section[] {
  const { problem, models } = result;
  return [
    ['metrics', models.length === 1 ? 'How good the model is' : 'How good the models are', renderMetrics],
    ['hospitals', 'Hospital by hospital', renderHospitals],
    ...(models.length > 1 ? [['models', 'Model by model', renderModels] as const] : []),
    ...(problem.kind === 'binary' || hasCurves(result)
      ? [['curves', 'Thresholds and probabilities', renderCurves] as const]
      : []),
    ...(COUNTED.has(problem.kind) ? [['confusion', 'Right and wrong calls', renderConfusion] as const] : []),
    ['subgroups', 'Subgroups', renderSubgroups],
    ['data', 'The rows', renderData],
    ['asked', 'Who was asked', renderAsked],
    ['left', 'What left each hospital', renderLeft],
    ['integrity', 'How to check this page', renderIntegrity],
  ];
}

/** A self-contained page; the same record gives the same bytes. All text is escaped, nothing is fetched. */
export function renderEvaluation(result: EvaluationResult): string {
  return renderPage({
    title: `${result.title} – evaluation report`,
    header: renderVerdict(result),
    sections: sectionsOf(result).map(([id, title, render]) => [id, title, render(result)] as const),
    footer: html`<p>Made by Konsil ${result.konsil} from run <code>${result.run}</code>.</p>
${new Markup(recordElement(result))}`,
    style: EVALUATION_STYLE,
  });
}
