/**
 * What a pod does, for people: its notices as they come, its status, its ledger.
 * @module
 */
import { printable } from '../../base/index.ts';
import type { Audit, PodNotice, PodStatus, RunStatus } from '../../participant/index.ts';
import { humanBytes } from '../output.ts';

/** What trains, and what would have been faster but does not. */
function describeEngine({
  engine,
  device,
  fallbacks,
}: NonNullable<Extract<PodNotice, { type: 'accepted' }>['trains']>): string {
  const not = fallbacks.map((skipped) => `${skipped.device}: ${skipped.reason}`).join('; ');
  return `training by ${engine === 'tfjs' ? 'TensorFlow.js' : 'onnxruntime'} on ${device}${not && ` (${not})`}`;
}

const STATES = {
  running: 'takes part in runs',
  paused: 'paused; `konsil pod resume` takes it up again',
  draining: 'takes no more runs, and stops when those under way are over',
} as const;

/** One line, or null for what only machines want. */
export function noticeLine(notice: PodNotice): string | null {
  switch (notice.type) {
    case 'ready':
      return `ready with ${notice.datasets.join(', ')}; waiting for approved modellers`;
    case 'request':
      return `${notice.modeller} asks to run a task on ${notice.dataset}`;
    case 'accepted':
      return notice.trains
        ? `accepted run ${notice.run}: ${notice.rows} training rows, ${describeEngine(notice.trains)}`
        : `accepted run ${notice.run}, which trains nothing`;
    case 'rejected':
      return `rejected: ${notice.response}, ${notice.reason}`;
    case 'round':
      return `${notice.purpose} ${notice.round}`;
    case 'result':
      return notice.agreed
        ? null
        : `warning: only ${notice.confirmedBy.length} pods confirm the final parameters this pod was given`;
    case 'ended':
      return `run ${notice.run} ${notice.how}: ${notice.reason}`;
    case 'problem':
      return `warning: ${notice.reason}`;
    case 'broker':
      return notice.up ? 'connected to the broker' : 'lost the broker; reconnecting';
    case 'state':
      return STATES[notice.state];
    case 'refused':
      return `refused a message: ${notice.code}`;
    case 'personal':
      return `what the run leaves to this site is in ${notice.file}`;
    case 'privacy':
      return `privacy of ${notice.unit === 'site' ? 'the site' : 'each row'}: ε ${notice.epsilon.toFixed(2)} spent so far at δ ${notice.delta}`;
    case 'sum':
      return notice.what === 'released' ? null : `${notice.purpose} ${notice.round}: ${notice.what}`;
    case 'progress':
      return notice.rate !== undefined && notice.done === notice.total
        ? `models have been run on ${notice.total} rows, ${notice.rate.toFixed(1)} a second`
        : null;
    default:
      return null;
  }
}

/** Lines about a running pod. */
export function statusLines(status: PodStatus): string[] {
  const { pod, state, uptimeSeconds, connected, traffic, runs, queue, budgets, ledgerHead } = status;
  return [
    `${pod}: ${STATES[state]}`,
    `  up for       ${humanTime(uptimeSeconds)}, ${connected ? 'connected to the broker' : 'without the broker; reconnecting'}`,
    `  traffic      ${humanBytes(traffic.sentBytes)} sent, ${humanBytes(traffic.receivedBytes)} received`,
    ...(runs.length === 0 ? ['  runs         none'] : runs.flatMap(runLines)),
    ...queue.map(
      ({ run, modeller, dataset }, i) =>
        `  waiting ${i + 1}    ${printable(run)} of ${printable(modeller)} on ${printable(dataset)}`,
    ),
    ...budgets.map(
      ({ dataset, modeller, unit, epsilon, limit, delta }) =>
        `  privacy      ${dataset}, ${modeller === undefined ? (unit === 'site' ? 'the site' : 'each row') : `queries of ${printable(modeller)}`}: ε ${epsilon.toFixed(2)} spent${limit === null ? '' : ` of ${limit}`} at δ ${delta}`,
    ),
    `  ledger head  ${ledgerHead}`,
  ];
}

const PHASES = {
  waiting: 'waiting for the coordinator',
  working: 'local work',
  ready: 'ready, waiting for the other pods',
  summing: 'secure sum',
  done: 'done, waiting for the other pods',
} as const satisfies Record<RunStatus['phase'], string>;

const PURPOSES = {
  statistics: 'statistics',
  range: 'training',
  update: 'training',
  evaluation: 'evaluation',
  analysis: 'a question',
} as const;

function runLines(status: RunStatus): string[] {
  const { run, modeller, dataset, state, phase, purpose, completed, rounds, progress, etaSeconds, sentBytes } = status;
  const at = [
    ...(purpose === null ? [] : [PURPOSES[purpose]]),
    `${completed} of ${rounds} rounds over`,
    PHASES[phase] + (progress ? ` ${Math.floor((100 * progress.done) / progress.total)} %` : ''),
    ...(etaSeconds === null ? [] : [`about ${humanTime(etaSeconds)} left`]),
    `${humanBytes(sentBytes)} sent in ${humanTime(status.seconds)}`,
  ];
  return [
    `  run          ${printable(run)} of ${printable(modeller)} on ${printable(dataset)}: ${state === 'away' ? 'its coordinator is away' : state}`,
    ...(state === 'starting' ? [] : [`               ${at.join(', ')}`]),
  ];
}

/** Lines about a ledger. */
export function auditLines({ file, lines, unchained, head, isCut, runs }: Audit): string[] {
  const rows = runs.map(({ run, modeller, dataset, rounds, sums, sentBytes, privacy, end }) => [
    ...[run, modeller, dataset ?? '-', String(rounds), String(sums), humanBytes(sentBytes)],
    privacy.map(({ unit, epsilon }) => `${epsilon.toFixed(2)} ${unit === 'site' ? '(site)' : '(row)'}`).join(' ') ||
      '-',
    end ?? 'not ended',
  ]);
  return [
    ...table([['run', 'modeller', 'dataset', 'rounds', 'sums', 'bytes out', 'ε', 'end'], ...rows]),
    '',
    `${printable(file)}: ${lines} lines, each follows from those before it`,
    ...(unchained > 0
      ? [`the first ${unchained} were written before ledgers had a chain, and are as they were when it began`]
      : []),
    ...(isCut ? ['after them comes an unfinished one, which the pod is writing, or cuts off when it starts'] : []),
    `head ${head}`,
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map((row) => row.map(printable));
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)));
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function humanTime(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}
