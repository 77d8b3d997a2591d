/**
 * The run's report as one HTML file that needs nothing else: styles and drawings are inside, nothing is fetched.
 * @module
 */
import { type Content, html } from './markup.ts';
import { renderPage } from './page.ts';
import type { RunResult } from './result.ts';
import { renderLocalNote } from './sectionLocal.ts';
import { renderSettings } from './sectionSettings.ts';
import { renderDropOuts, renderProtection, renderWhatLeft } from './sectionsExchange.ts';
import { renderHospitals, renderQuality, renderTraining } from './sectionsModel.ts';
import { renderVerdict } from './verdict.ts';

const SECTIONS: readonly (readonly [id: string, title: string, render: (result: RunResult) => Content])[] = [
  ['quality', 'How good the model is', renderQuality],
  ['hospitals', 'Hospital by hospital', renderHospitals],
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
  ['training', 'How training went', renderTraining],
  ['settings', 'Settings and reproducibility', renderSettings],
];

/** A self-contained page in plain words, for people who decide whether to use the model. All text is escaped. */
export function renderReport(result: RunResult): string {
  const sections = result.mode === 'local' ? LOCAL_SECTIONS : SECTIONS;
  return renderPage({
    title: `${result.title} – ${result.mode === 'local' ? 'local training report' : 'federated learning report'}`,
    header: renderVerdict(result),
    sections: sections.map(([id, title, render]) => [id, title, render(result)] as const),
    footer: html`<p>Made by Konsil ${result.konsil} from run <code>${result.run}</code>.</p>`,
  });
}
