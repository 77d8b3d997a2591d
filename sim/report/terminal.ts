/**
 * A simulation on a terminal: one line a variant that is redrawn while it runs, faults as they come, then the verdict.
 * @module
 */
import { size } from '../../src/reports/index.ts';
import type { SimulationEvent } from '../options.ts';
import { privacyLines } from '../privacy/report/lines.ts';
import type { SimulationResult, VariantResult } from '../result.ts';

interface ViewOptions {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** Draws simulation events. */
export class SimulationView {
  readonly #stream: ViewOptions['stream'];
  #variant = '';
  #rounds = 0;
  #line = '';

  constructor({ stream }: ViewOptions) {
    this.#stream = stream;
  }

  show(event: SimulationEvent): void {
    if (event.type === 'variant') {
      this.#variant = event.name;
      this.#rounds = event.rounds;
      this.#print(`${event.name}: ${event.pods} pods, ${event.rounds} rounds`);
    } else if (event.type === 'fault') {
      const { seconds, round, phase, target, fault, what, reason } = event.entry;
      const when = typeof round === 'number' ? `round ${round}` : round;
      this.#print(
        `  ${seconds.toFixed(1)} s  ${target} ${fault} ${what} (${when}, ${phase})${reason === undefined ? '' : `: ${reason}`}`,
      );
    } else if (event.type === 'run') this.#showRun(event.event);
    else if (event.type === 'privacy') this.#draw(`  privacy: ${event.done} of ${event.total} games`);
    else this.#print(variantLine(event.result));
  }

  #showRun(event: Extract<SimulationEvent, { type: 'run' }>['event']): void {
    if (event.type === 'phase') this.#draw(`  ${this.#variant}: round ${event.completed + 1}, ${event.phase}`);
    else if (event.type === 'round')
      this.#draw(
        `  ${this.#variant}: round ${event.round}/${this.#rounds}, ${event.survivors.length} pods, training loss ${number(event.trainingLoss)}`,
      );
    else if (event.type === 'retry')
      this.#print(`  ${event.purpose} ${event.spent ? 'lost' : 'repeated'}: ${event.reason}`);
  }

  /** A line that the next one replaces; nothing where lines cannot be replaced. */
  #draw(line: string): void {
    if (!this.#stream.isTTY || line === this.#line) return;
    this.#stream.write(`\r\u001b[2K${line}`);
    this.#line = line;
  }

  #print(line: string): void {
    this.#stream.write(`${this.#line === '' ? '' : '\r\u001b[2K'}${line}\n`);
    this.#line = '';
  }
}

const number = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(4);

function variantLine({ status, rounds, seconds, wallSeconds, pods, reason }: VariantResult): string {
  const sent = pods.reduce((sum, pod) => sum + pod.sentBytes + pod.receivedBytes, 0);
  const how = status === 'complete' ? 'complete' : `aborted, ${reason}`;
  return `  ${how}: ${rounds.length} rounds in ${seconds.toFixed(1)} simulated seconds (${wallSeconds.toFixed(1)} real), ${size(sent)}`;
}

/** The end of it: a table of variants, every check that failed, and one last line. */
export function verdictLines({ variants, metric, baselines, privacy, passed }: SimulationResult): string[] {
  const width = Math.max(12, ...variants.map(({ name }) => name.length));
  const lines = ['', `${'variant'.padEnd(width)}  rounds  lost  loss     ${metric}`];
  for (const { name, rounds, roundsLost, metrics } of variants)
    lines.push(
      `${name.padEnd(width)}  ${String(rounds.length).padStart(6)}  ${String(roundsLost).padStart(4)}  ${number(rounds.at(-1)?.trainingLoss).padEnd(7)}  ${number(metrics[metric]?.value)}`,
    );
  if (baselines) {
    const alone = baselines.alone.flatMap(({ metrics }) => metrics[metric] ?? []);
    lines.push(`${'all rows pooled'.padEnd(width + 25)}${number(baselines.pooled[metric])}`);
    if (alone.length > 0)
      lines.push(`${'a site alone'.padEnd(width + 25)}${number(Math.min(...alone))} to ${number(Math.max(...alone))}`);
  }
  if (privacy) lines.push(...privacyLines(privacy));
  lines.push('');
  const suites = [...variants, ...(privacy ? [{ name: 'privacy', checks: privacy.checks }] : [])];
  const checks = suites.flatMap((suite) => suite.checks.map((check) => ({ variant: suite.name, ...check })));
  for (const { variant, name, detail } of checks.filter((check) => !check.passed))
    lines.push(`✗ ${variant}: ${name}: ${detail}`);
  const held = checks.filter((check) => check.passed).length;
  lines.push(passed ? `✓ all ${held} checks passed` : `${held} of ${checks.length} checks passed`);
  return lines;
}
