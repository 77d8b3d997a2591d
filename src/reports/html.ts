/**
 * The run's report as one HTML file that needs nothing else: styles and drawings are inside, nothing is fetched.
 * @module
 */
import { type Content, html, Markup } from './markup.ts';
import type { RunResult } from './result.ts';
import { renderLocalNote } from './sectionLocal.ts';
import { renderSettings } from './sectionSettings.ts';
import { renderDropOuts, renderProtection, renderWhatLeft } from './sectionsExchange.ts';
import { renderHospitals, renderQuality, renderTraining } from './sectionsModel.ts';
import { STYLE } from './style.ts';
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
  // should markup ever slip through, the policy still lets nothing run and nothing load
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${result.title} – ${result.mode === 'local' ? 'local training report' : 'federated learning report'}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${renderVerdict(result)}
<main>
${(result.mode === 'local' ? LOCAL_SECTIONS : SECTIONS).map(
  ([id, title, render]) => html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2><div>
${render(result)}
</div></section>
`,
)}</main>
<footer><p>Made by Konsil ${result.konsil} from run <code>${result.run}</code>.</p></footer>
</body>
</html>
`.toString();
}
