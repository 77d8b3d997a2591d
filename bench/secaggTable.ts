/**
 * The tables that bench/secagg.ts prints: every figure beside what limits it, and the targets with what was reached.
 * @module
 */
import type { BulkReport } from './secaggBulk.ts';
import type { CellReport } from './secaggCell.ts';
import type { EngineReport } from './secaggEngine.ts';
import { NO_TIME, plus, type Times } from './secaggMeasure.ts';
import type { PrimitivesReport } from './secaggPrimitives.ts';
import type { StreamReport } from './secaggStream.ts';

export const number = (value: number, digits = 3): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(digits)));
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
const head = (cells: readonly string[]): string => line(cells) + line(cells.map(() => '---'));
export const totalOf = (bill: object): Times => Object.values(bill as Record<string, Times>).reduce(plus, NO_TIME);
/** All of a coordinator's work on vectors; wall time as it is when vectors overlap. */
export function vectorsTotal({ overlapped, ...steps }: NonNullable<BulkReport['server']>): Times {
  return { cpu: totalOf(steps).cpu, wall: overlapped.wall + steps.unmask.wall + steps.decode.wall };
}
const ratio = (value: number, base: number): string => (base > 0 ? `${number(value / base, 2)} ×` : '–');

/** What a mask cannot do without: its key stream, and a sum that stays in cache. */
export function limitOf({ cases, openssl }: EngineReport): { node: number; openssl: number | null } {
  const sum = cases['sum in cache']!.cpu;
  return { node: cases['AES-256-CTR, Node']!.cpu + sum, openssl: openssl === null ? null : openssl + sum };
}

export function engineTable(report: EngineReport): string {
  const { cases, openssl, bytes, canTransfer } = report;
  const limit = limitOf(report);
  const copy = cases['memory copy']!.cpu;
  const outputs = canTransfer ? 'given back at once' : 'left to the garbage collector';
  const rows = Object.entries(cases).map(([name, { cpu, wall }]) => {
    const masks = Number(/^(\d+) masks/.exec(name)?.[1] ?? 1);
    const each = cpu / masks;
    const isMask = name.includes('mask');
    const beside = [isMask ? ratio(each, limit.node) : '–', isMask && limit.openssl ? ratio(each, limit.openssl) : '–'];
    return line([name, number(cpu), number(wall), number((bytes * masks * 1e-6) / cpu), ratio(each, copy), ...beside]);
  });
  const raw =
    openssl === null
      ? []
      : [
          line([
            'AES-256-CTR, `openssl speed`',
            number(openssl),
            '–',
            number((bytes * 1e-6) / openssl),
            ratio(openssl, copy),
            '–',
            '–',
          ]),
        ];
  return `${number(bytes / 1e6)} MB of vector; ciphers' outputs ${outputs}. Milliseconds; ratios a mask, of CPU time.\n\n${head(['case', 'CPU', 'wall', 'GB/s', 'to copy', 'to AES (Node) + sum', 'to AES (openssl) + sum'])}${rows.join('')}${raw.join('')}`;
}

export function streamTable(reports: readonly StreamReport[]): string {
  const rows = reports.map(({ words, masks, threads, times, peakMiB, startMiB, uploaded }) =>
    line([
      ...[number(words / 1e6), String(masks), threads === 0 ? 'none' : String(threads), number(times.cpu / 1000)],
      ...[
        number(times.wall / 1000),
        number((times.cpu * 1e6) / words / (masks + 1)),
        number(startMiB),
        number(peakMiB),
      ],
      (uploaded / words).toFixed(2),
    ]),
  );
  return `${head(['million parameters', 'masks', 'threads beside', 'CPU s', 'wall s', 'ns a parameter and mask', 'MiB before', 'MiB peak', 'bytes a parameter'])}${rows.join('')}`;
}

function bulkRow({ n, dropouts, k, t, lost, client, server, controlBytes }: CellReport, bulk: BulkReport): string {
  const { copy, aes, length, masks } = bulk;
  const control = totalOf(client).cpu;
  const work = totalOf(bulk.client).cpu;
  const share = (times: Times): string => number(times.cpu);
  const vectors = bulk.server;
  const all = vectors && vectorsTotal(vectors);
  const serverCells =
    vectors && all
      ? [
          number(totalOf(server).cpu),
          ...[vectors.hash, plus(vectors.unpack, vectors.add), vectors.unmask].map(share),
          number(all.cpu + totalOf(server).cpu),
          number(all.wall + totalOf(server).wall),
          ratio(all.cpu, copy.cpu * (n - lost)),
          ratio(vectors.unmask.cpu, aes.cpu * bulk.serverMasks),
        ]
      : [number(totalOf(server).cpu), `skipped: ${bulk.skipped ?? ''}`, '–', '–', '–', '–', '–', '–'];
  return line([
    ...[String(n), `${k}, ${t}`, `${Math.round(dropouts * 100)} %`, number(length / 1000)],
    ...[
      number(control),
      share(bulk.client.quantise),
      share(bulk.client.mask),
      share(plus(bulk.client.pack, bulk.client.hash)),
    ],
    ...[number(control + work), ratio(work, copy.cpu), ratio(bulk.client.mask.cpu, aes.cpu * masks)],
    ...serverCells,
    ...[((bulk.wireBytes + controlBytes) / length).toFixed(2), number(bulk.peakMiB)],
  ]);
}

export function cellTable(reports: readonly (CellReport | SkippedCell)[]): string {
  const columns = [
    'n',
    'k, t',
    'lost',
    '1000 parameters',
    'client: messages',
    'quantise',
    'mask',
    'pack, hash',
    'client',
    'bulk to copy',
    'mask to AES',
  ];
  const serverColumns = [
    'server: messages',
    'hash',
    'add',
    'unmask',
    'server',
    'server wall',
    'bulk to copies',
    'unmask to AES',
  ];
  const rows = reports.flatMap((report) =>
    'skipped' in report
      ? [
          line([
            String(report.n),
            '–',
            `${Math.round(report.dropouts * 100)} %`,
            `skipped: ${report.skipped}`,
            ...Array.from({ length: 17 }, () => '–'),
          ]),
        ]
      : report.bulk.map((bulk) => bulkRow(report, bulk)),
  );
  return head([...columns, ...serverColumns, 'bytes a parameter', 'MiB peak']) + rows.join('');
}

export function phaseTable(reports: readonly (CellReport | SkippedCell)[]): string {
  const measured = reports.filter((report): report is CellReport => !('skipped' in report));
  const phases = ['advertise', 'share', 'upload', 'sign', 'release'] as const;
  const rows = measured.map(({ n, k, dropouts, client, server, controlBytes }) =>
    line([
      ...[String(n), String(k), `${Math.round(dropouts * 100)} %`],
      ...phases.map((phase) => number(client[phase].cpu)),
      ...phases.map((phase) => number(server[phase].cpu)),
      number(controlBytes / 1000),
    ]),
  );
  return (
    head([
      'n',
      'k',
      'lost',
      ...phases.map((phase) => `client: ${phase}`),
      ...phases.map((phase) => `server: ${phase}`),
      'kB a client',
    ]) + rows.join('')
  );
}

export function primitivesTable(report: PrimitivesReport): string {
  const cell = (value: number | undefined): string => (value === undefined ? '–' : number(value));
  const rows = Object.entries(report).map(([name, { node, libsodium, noble }]) =>
    line([name, cell(node), cell(libsodium), cell(noble)]),
  );
  return head(['operation', 'used: node:crypto and our own', 'libsodium', 'noble']) + rows.join('');
}

/** A cohort that was not measured. */
export interface SkippedCell {
  readonly n: number;
  readonly dropouts: number;
  readonly graph: 'auto' | 'complete';
  readonly skipped: string;
}

export interface Target {
  readonly what: string;
  readonly limit: number;
  readonly unit: string;
  /** Undefined when its cell was not run. */
  readonly measured: number | undefined;
}

export function targetTable(targets: readonly Target[]): string {
  const rows = targets.map(({ what, limit, unit, measured }) => {
    const reached = measured === undefined ? 'not run' : `${number(measured)} ${unit}`;
    return line([what, `${limit} ${unit}`, reached, measured === undefined ? '–' : measured <= limit ? 'yes' : 'NO']);
  });
  return head(['target', 'at most', 'measured', 'met']) + rows.join('');
}
