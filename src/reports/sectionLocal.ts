/**
 * What has to be said of a model that one site trained by itself.
 * @module
 */
import { type Content, html } from './markup.ts';
import type { RunResult } from './result.ts';

/** That this was no federation, and what follows from it. */
export function renderLocalNote({ cohort }: RunResult): Content {
  const [site] = cohort;
  return html`<p class="note"><strong>A local run of one site, not a federated one.</strong> The model was trained on the dataset
<b>${site?.dataset ?? ''}</b> of ${site?.name ?? 'one site'} on this machine, as a dry run of the task.</p>
<p>Nothing was sent and no other site took part. Features are standardised with this site’s own mean and scale. A
federation of several sites gives another model, with other numbers; these say nothing about how the model does at
another site.</p>`;
}
