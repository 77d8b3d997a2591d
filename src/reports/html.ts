/**
 * A run's report as one self-contained HTML page: nothing is loaded from anywhere.
 * @module
 */
import { convergencePlot } from './chart.ts';
import { escapeHtml } from './format.ts';
import type { RunResult } from './result.ts';
import {
  dropoutSection,
  pooledTable,
  protectionSection,
  settingsSection,
  siteSection,
  tiles,
  trafficSection,
  verdict,
} from './sections.ts';
import { STYLE } from './style.ts';

/** The page. All text of `result` is escaped; names may be hostile. */
export function renderReport(result: RunResult): string {
  const section = (title: string, body: string): string => `<section><h2>${title}</h2>\n${body}\n</section>`;
  const title = escapeHtml(result.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: federated training report</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Federated training report: ${title}</h1>
<p class="verdict ${result.status}">${verdict(result)}</p>
<p class="sub">Finished ${result.rounds.length} ${result.rounds.length === 1 ? 'round' : 'rounds'}, ${result.mode === 'secure' ? 'with secure aggregation' : 'without secure aggregation'}.</p>
${tiles(result)}
${section('How training went', convergencePlot(result.rounds) || '<p>No round was completed.</p>')}
${section('How good the model is', pooledTable(result))}
${section('At each hospital', siteSection(result))}
${section('What left each hospital', trafficSection(result))}
${section('Who dropped out', dropoutSection(result))}
${section('How it was protected', protectionSection(result))}
${section('To repeat or audit this run', settingsSection(result))}
<footer>Written by Konsil ${escapeHtml(result.konsil)}. This page loads nothing from anywhere.</footer>
</main>
</body>
</html>
`;
}
