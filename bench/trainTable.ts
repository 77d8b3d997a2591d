/**
 * The table that bench/train.ts prints, with each target and whether it is met.
 * @module
 */
import { MAX_COMPILE_MS, MAX_JS_US, MAX_MEMORY_RATIO, RATIO_TARGETS, TINY_STEP_MS } from './trainCases.ts';
import type { Row } from './trainProtocol.ts';

function number(value: number | undefined, digits = 3): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(digits)));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

/** A target, what was reached, and whether that is enough. */
interface Verdict {
  readonly what: string;
  readonly met: boolean;
}

function verdict(what: string, value: number, limit: number, unit = ''): Verdict {
  return { what: `${what} ${number(value, 4)}${unit} ≤ ${limit}${unit}`, met: value <= limit };
}

/**
 * Whether a side has waited for cores. With one thread its CPU time is right all the same; with more, threads that wait
 * for each other spin, and CPU time says nothing.
 */
function isDisturbed({ threads, load, konsil, torch }: Row): boolean {
  const waited = [konsil, torch].some((side) => side !== undefined && side.cpuMs < BUSY_SHARE * side.wallMs);
  return threads > 1 && (waited || load > MAX_LOAD);
}

function verdictsOf(row: Row): Verdict[] {
  const { model, konsil, torch } = row;
  if (konsil === undefined) return [];
  const found: Verdict[] = [];
  const limit = RATIO_TARGETS[model];
  if (torch !== undefined && limit !== undefined && !isDisturbed(row))
    found.push(verdict('time', konsil.cpuMs / torch.cpuMs, limit));
  if (konsil.cpuMs < TINY_STEP_MS && !isDisturbed(row))
    found.push(verdict('JS', konsil.jsUs ?? Number.NaN, MAX_JS_US, ' us'));
  if (model !== 'resnet18') return found;
  found.push(verdict('compile', konsil.compileMs ?? Number.NaN, MAX_COMPILE_MS, ' ms'));
  if (torch !== undefined) found.push(verdict('memory', konsil.peakMb / torch.peakMb, MAX_MEMORY_RATIO));
  return found;
}

const HEAD = [
  'model',
  'batch',
  'threads',
  'parameters',
  'ms/step',
  'CPU ms/step',
  'PyTorch ms/step',
  'PyTorch CPU',
  'CPU ratio',
  'JS us/step',
  'compile ms',
  'session ms',
  'peak MB',
  'PyTorch MB',
  'targets',
];

/** At least one thread is always computing, unless it has to wait for a core. */
const BUSY_SHARE = 0.8;

/** The sides take turns, so that they alone never fill more than all cores; the average lags behind. */
const MAX_LOAD = 1.25;

/** Markdown. */
export function renderTable(rows: readonly Row[]): string {
  const measured = rows.filter(({ konsil }) => konsil !== undefined);
  let text = measured.length === 0 ? '' : line(HEAD) + line(HEAD.map(() => '---'));
  for (const row of measured) {
    const { model, batch, threads, torch } = row;
    const konsil = row.konsil!;
    const verdicts = verdictsOf(row).map(({ what, met }) => `${what}: ${met ? 'met' : '**missed**'}`);
    if (isDisturbed(row)) verdicts.unshift('time not judged: other processes took the cores');
    text += line([
      ...[model, String(batch), String(threads), String(konsil.parameters)],
      ...[konsil.wallMs, konsil.cpuMs, torch?.wallMs, torch?.cpuMs].map((value) => number(value)),
      number(torch && konsil.cpuMs / torch.cpuMs),
      ...[konsil.jsUs, konsil.compileMs, konsil.sessionMs, konsil.peakMb, torch?.peakMb].map((v) => number(v, 2)),
      verdicts.join('; ') || '–',
    ]);
  }
  const failed = rows.filter(({ error }) => error !== undefined);
  if (failed.length > 0) text += '\nNot measured, or not comparable:\n\n';
  for (const { model, batch, threads, error } of failed)
    text += `- ${model}, batch ${batch}, threads ${threads}: ${error!.replaceAll('\n', ' ')}\n`;
  const all = rows.flatMap(verdictsOf);
  return `${text}\n${all.filter(({ met }) => met).length} of ${all.length} targets met.\n`;
}
