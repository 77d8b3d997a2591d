/**
 * Sections of the simulation report.
 * @module
 */
import {
  type Content,
  duration,
  html,
  NOTHING,
  shownMetric,
  significant,
  size,
  whole,
} from '../../src/reports/index.ts';
import type { SimulationResult, VariantResult } from '../result.ts';
import { type Level, lineChart } from './lines.ts';
import { faultTimeline } from './timeline.ts';

/** Rows of a table of single sites; more are summed up. */
const MOST_SITES = 60;
/** Lines of a table of faults. */
const MOST_FAULTS = 100;

/** A row for each check, a column for each variant; then what was found where that says more than that it held. */
export function renderChecks({ variants: runs, privacy }: SimulationResult): Content {
  const variants = [...runs, ...(privacy ? [{ name: 'privacy', checks: privacy.checks }] : [])];
  const names = [...new Set(variants.flatMap(({ checks }) => checks.map(({ name }) => name)))];
  const found = variants.flatMap((variant) =>
    variant.checks
      .filter(({ passed, detail }) => !passed || detail !== 'holds')
      .map((check) => ({ variant: variant.name, ...check })),
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">Check</th>${variants.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${names.map(
    (name) =>
      html`<tr><th scope="row">${name}</th>${variants.map(({ checks }) => {
        const check = checks.find((one) => one.name === name);
        return check
          ? html`<td${!check.passed && html` class="failed"`}>${check.passed ? '✓' : '✕ failed'}</td>`
          : html`<td>${NOTHING}</td>`;
      })}</tr>\n`,
  )}</tbody></table></div>
<h3>What was found</h3>
<div class="scroll"><table><tbody>${found.map(
    ({ variant, name, passed, detail }) =>
      html`<tr${!passed && html` class="failed"`}><th scope="row">${variant}</th><td>${name}</td><td class="muted">${detail}</td></tr>\n`,
  )}</tbody></table></div>`;
}

/** Curves by variant, with what the same rows give without a federation. */
export function renderConvergence({ variants, baselines }: SimulationResult): Content {
  const curves = (value: (round: VariantResult['rounds'][number]) => { x: number; y: number | null }) =>
    variants.map(({ name, rounds }) => ({ name, values: rounds.map(value) }));
  const loss = lineChart({
    ...{ id: 'training-loss', title: 'Training loss by round', label: 'Training loss (lower is better)' },
    curves: curves(({ round, trainingLoss }) => ({ x: round, y: trainingLoss })),
  });
  const hasAccuracy = variants.some(({ metrics }) => metrics['Accuracy']);
  const quality = lineChart({
    ...{ id: 'quality', title: 'Quality on validation rows by round' },
    label: hasAccuracy ? 'Validation accuracy (higher is better)' : 'Validation loss (lower is better)',
    // measured on the model a round starts from: one round fewer has gone into it
    curves: curves(({ round, validationAccuracy, validationLoss }) => ({
      x: round - 1,
      y: hasAccuracy ? validationAccuracy : validationLoss,
    })),
    levels: hasAccuracy ? levelsOf(baselines) : [],
  });
  if (!loss && !quality) return html`<p>No round was completed, so there is nothing to plot.</p>`;
  return html`${loss && html`<figure>${loss}<figcaption>Mean over the training rows of the sites in a round, taken while it runs.</figcaption></figure>`}
${quality && html`<figure>${quality}<figcaption>On rows that are not trained on, before each round.${hasAccuracy && baselines && ' Dashed levels: accuracy on the test rows of all sites, of a model trained on all rows in one place and of sites alone (their median).'}</figcaption></figure>`}
${renderMetrics(variants, baselines)}`;
}

function levelsOf(baselines: SimulationResult['baselines']): Level[] {
  if (!baselines) return [];
  const alone = baselines.alone.flatMap(({ metrics }) => metrics['Accuracy'] ?? []).sort((a, b) => a - b);
  const pooled = baselines.pooled['Accuracy'];
  return [
    ...(typeof pooled === 'number' ? [{ name: 'pooled', value: pooled }] : []),
    ...(alone.length > 0 ? [{ name: 'alone', value: alone[alone.length >> 1]! }] : []),
  ];
}

function renderMetrics(variants: SimulationResult['variants'], baselines: SimulationResult['baselines']): Content {
  const names = [...new Set(variants.flatMap(({ metrics }) => Object.keys(metrics)))];
  if (names.length === 0) return null;
  return html`<div class="scroll"><table><caption>The final models on the test rows of all sites.</caption>
<thead><tr><th scope="col">Variant</th>${names.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${variants.map(
    (variant) =>
      html`<tr><th scope="row">${variant.name}</th>${names.map((name) => html`<td class="number">${shownMetric(name, variant.metrics[name]?.value)}</td>`)}</tr>\n`,
  )}${baselines && html`<tr><th scope="row">All rows in one place</th>${names.map((name) => html`<td class="number">${shownMetric(name, baselines.pooled[name])}</td>`)}</tr>`}</tbody></table></div>`;
}

/** The main metric at each site, by variant. */
export function renderSites({ variants, metric, baselines }: SimulationResult): Content {
  const names = variants[0]?.pods.map(({ name }) => name) ?? [];
  const alone = new Map(baselines?.alone.map(({ name, metrics }) => [name, metrics[metric]]));
  const podOf = (variant: VariantResult, name: string): VariantResult['pods'][number] | undefined =>
    variant.pods.find((pod) => pod.name === name);
  if (names.length === 0) return html`<p>No run had a site.</p>`;
  return html`<div class="scroll"><table><caption>${metric} of the final model on each site’s own test rows${alone.size > 0 && '; the last column: trained by the site alone, on the test rows of all sites'}.</caption>
<thead><tr><th scope="col">Site</th><th scope="col" class="number">Rows</th>${variants.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}${alone.size > 0 && html`<th scope="col" class="number">Alone</th>`}</tr></thead>
<tbody>${names.slice(0, MOST_SITES).map(
    (
      name,
    ) => html`<tr><th scope="row">${name}</th><td class="number">${whole(podOf(variants[0]!, name)?.rows ?? 0)}</td>
${variants.map((variant) => {
  const pod = podOf(variant, name);
  const stayed = pod?.state === 'finished' || pod?.state === 'active';
  return html`<td class="number">${shownMetric(metric, pod?.metrics?.[metric])}${pod && !stayed && html`<span class="hint">${pod.state}</span>`}</td>`;
})}${alone.size > 0 && html`<td class="number">${shownMetric(metric, alone.get(name))}</td>`}</tr>\n`,
  )}</tbody></table></div>${names.length > MOST_SITES && html`<p class="muted">${names.length - MOST_SITES} more sites are in result.json.</p>`}`;
}

/** A drawing and a table for each variant that had faults. */
export function renderFaults({ variants }: SimulationResult): Content {
  const faulty = variants.filter(({ faults }) => faults.length > 0);
  if (faulty.length === 0) return html`<p>Nothing: the scenario plans no faults.</p>`;
  return faulty.map(({ name, faults, seconds, rounds }, i) => {
    const drawing = faultTimeline(`faults-${i}`, faults, seconds);
    const begun = faults.filter(({ what }) => what !== 'ends');
    return html`<h3>${name}</h3>
${drawing && html`<figure>${drawing}<figcaption>Red: for good.</figcaption></figure>`}
<div class="scroll"><table><thead><tr><th scope="col">Round</th><th scope="col">Phase</th><th scope="col">Who</th><th scope="col">Fault</th><th scope="col">At</th><th scope="col">Sites in that round</th></tr></thead>
<tbody>${begun.slice(0, MOST_FAULTS).map(({ round, phase, target, fault, seconds, what }) => {
      const hit = rounds.find((one) => one.round === round);
      return html`<tr><td>${String(round)}</td><td>${phase}</td><th scope="row">${target}</th><td>${fault}</td><td>${what === 'missed' ? 'did not happen' : `${significant(seconds)} s`}</td><td>${hit ? whole(hit.survivors.length) : NOTHING}</td></tr>\n`;
    })}</tbody></table></div>`;
  });
}

/** Where time and bytes went. */
export function renderTime({ variants, transport }: SimulationResult): Content {
  const phases = [...new Set(variants.flatMap((variant) => variant.phases.map(({ phase }) => phase)))];
  const isMemory = transport === 'memory';
  return html`<div class="scroll"><table><caption>${isMemory ? 'Simulated time by phase, all rounds together; in brackets what it took on this machine.' : 'Time by phase, all rounds together.'}</caption>
<thead><tr><th scope="col">Phase</th>${variants.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${phases.map(
    (phase) =>
      html`<tr><th scope="row">${phase}</th>${variants.map((variant) => {
        const time = variant.phases.find((one) => one.phase === phase);
        return html`<td class="number">${time ? `${duration(time.seconds)}${isMemory ? ` (${duration(time.wallSeconds)})` : ''}` : NOTHING}</td>`;
      })}</tr>\n`,
  )}</tbody></table></div>
<div class="scroll"><table><caption>Bytes over the broker, envelopes included.</caption>
<thead><tr><th scope="col">Variant</th><th scope="col" class="number">Sent by sites</th><th scope="col" class="number">Received by sites</th><th scope="col" class="number">Sent by a site</th></tr></thead>
<tbody>${variants.map(({ name, pods }) => {
    const sent = pods.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    const received = pods.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    return html`<tr><th scope="row">${name}</th><td class="number">${size(sent)}</td><td class="number">${size(received)}</td><td class="number">${size(sent / Math.max(1, pods.length))}</td></tr>\n`;
  })}</tbody></table></div>`;
}

/** What makes a second run the same one. */
export function renderRepeat({ scenario, seed, transport, variants }: SimulationResult): Content {
  return html`<p>${
    transport === 'memory'
      ? 'The same scenario with the same seed gives the same parameters bit for bit on the CPU of one machine, however busy it is, as long as nothing is drawn from the system’s randomness: noise, stochastic rounding, rotations and the choice of sparse blocks are.'
      : 'Processes run on the time of this machine: another run of the same scenario may take another course.'
  }</p>
<dl><dt>Scenario</dt><dd>${scenario}</dd><dt>Seed</dt><dd>${seed}</dd>${variants.map(
    ({ name, parameters, parametersSha256 }) =>
      html`<dt>${name}</dt><dd>${whole(parameters)} parameters, SHA-256 <code>${parametersSha256 ?? NOTHING}</code></dd>`,
  )}</dl>`;
}
