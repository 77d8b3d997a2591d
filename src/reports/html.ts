/**
 * The run's report as one HTML file that needs nothing else: styles and drawings are inside, nothing is fetched.
 * @module
 */
import { EVALUATION_STYLE } from './evaluation/style.ts';
import { type Content, html } from './markup.ts';
import { renderPage } from './page.ts';
import type { RunResult } from './result.ts';
import { renderCalls, renderClasses, renderThresholds } from './sectionEvaluated.ts';
import { renderLocalNote } from './sectionLocal.ts';
import { renderSettings } from './sectionSettings.ts';
import { renderDropOuts, renderProtection, renderWhatLeft } from './sectionsExchange.ts';
import { renderHospitals, renderQuality, renderTraining } from './sectionsModel.ts';
import { renderVerdict } from './verdict.ts';

const SECTIONS: readonly (readonly [id: string, title: string, render: (result: RunResult) => Content])[] = [
  ['quality', 'How good the model is', renderQuality],
  ['hospitals', 'Hospital by hospital', renderHospitals],
  ['classes', 'Class by class', renderClasses],
  ['curves', 'Thresholds and probabilities', renderThresholds],
  ['confusion', 'Right and wrong calls', renderCalls],
  ['training', 'How training went', renderTraining],
  ['left', 'What left each hospital', renderWhatLeft],
  ['dropped', 'Who dropped out', renderDropOuts],
  ['protection', 'How it was protected', renderProtection],
  ['settings', 'Settings and reproducibility', renderSettings],
];

/** Of a run without a federation. */
const LOCAL_SECTIONS: typeof SECTIONS = [
  ['local', 'What this report is not', renderLocalNote],
  ['quality', 'How good the model is', renderQuality],
  ['classes', 'Class by class', renderClasses],
  ['curves', 'Thresholds and probabilities', renderThresholds],
  ['confusion', 'Right and wrong calls', renderCalls],
  ['training', 'How training went', renderTraining],
  ['settings', 'Settings and reproducibility', renderSettings],
];

/** Curves and calls are of classes; results of earlier versions have neither. */
function isOf({ evaluated, problem }: RunResult, id: string): boolean {
  const { curves, classCurves = {}, perClass, confusion } = evaluated ?? {};
  switch (id) {
    case 'classes':
      return perClass !== undefined;
    case 'curves':
      return (curves !== undefined && problem.kind === 'binary') || Object.keys(classCurves).length > 0;
    case 'confusion':
      return confusion !== undefined;
    default:
      return true;
  }
}

/** A self-contained page in plain words, for people who decide whether to use the model. All text is escaped. */
export function renderReport(result: RunResult): string {
  const all = result.mode === 'local' ? LOCAL_SECTIONS : SECTIONS;
  const sections = all.filter(([id]) => isOf(result, id));
  return renderPage({
    title: `${result.title} – ${result.mode === 'local' ? 'local training report' : 'federated learning report'}`,
    header: renderVerdict(result),
    sections: sections.map(([id, title, render]) => [id, title, render(result)] as const),
    style: EVALUATION_STYLE,
    footer: html`<p>Made by Konsil ${result.konsil} from run <code>${result.run}</code>.</p>`,
  });
}
