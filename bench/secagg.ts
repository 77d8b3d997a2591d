/**
 * Speed of secure aggregation beside what limits it: `npm run bench:secagg -- [--json FILE] [--quick] [--flower DIR]`.
 *
 * (a) Masks and sums of one long vector beside raw AES-CTR and a memory copy; a client that streams 300 million parameters.
 * (b) Whole attempts for cohorts of 5 to 1000 pods, vectors of 10 thousand to 10 million parameters and up to 30 % of the
 * pods lost between sharing and upload. All messages of all parties are real. For vectors longer than the shortest, 3
 * clients do their bulk work and the rest is taken to be like them; the coordinator does all of its own.
 *
 * Figures are CPU time, of all threads, unless they say wall. `--flower DIR` also runs Flower's SecAgg+ from a checkout.
 * Other options: `--parts primitives,engine,stream,cells`, `--n 5,10`, `--dropouts 0,0.2`, `--lengths 10000,1000000`, `--limit 60`
 * (seconds of key stream a coordinator may spend on one vector length, by estimate).
 * @module
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { thresholdsFor } from '../src/aggregation/index.ts';
import { messageOf } from '../src/base/index.ts';
import type { CellReport } from './secaggCell.ts';
import type { EngineReport } from './secaggEngine.ts';
import { runFlower } from './secaggFlower.ts';
import { runPart } from './secaggMeasure.ts';
import type { PrimitivesReport } from './secaggPrimitives.ts';
import type { StreamReport } from './secaggStream.ts';
import {
  cellTable,
  engineTable,
  limitOf,
  phaseTable,
  primitivesTable,
  type SkippedCell,
  streamTable,
  type Target,
  targetTable,
  totalOf,
  vectorsTotal,
} from './secaggTable.ts';

const { values: flags } = parseArgs({
  options: {
    ...{ json: { type: 'string' }, flower: { type: 'string' }, quick: { type: 'boolean', default: false } },
    ...{
      parts: { type: 'string', default: 'primitives,engine,stream,cells' },
      n: { type: 'string' },
      dropouts: { type: 'string' },
    },
    ...{ lengths: { type: 'string' }, limit: { type: 'string', default: '60' } },
  },
});
const parts = new Set(flags.parts.split(','));
const listOf = (given: string | undefined, quick: string, full: string): number[] =>
  (given ?? (flags.quick ? quick : full)).split(',').map(Number);
const cohorts = listOf(flags.n, '5,10,100', '5,10,50,100,1000');
const dropouts = listOf(flags.dropouts, '0,0.2', '0,0.1,0.2,0.3');
const lengths = listOf(flags.lengths, '10000,100000,1000000', '10000,100000,1000000,10000000');

/** Makes `ArrayBuffer.prototype.transfer` available in Node 20, which later versions have without it. */
const TRANSFER_FLAG = '--harmony-rab-gsab-transfer';

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function engines(): EngineReport[] {
  const options = flags.quick ? { words: 10_000_000, rounds: 3 } : {};
  const plain = runPart('secaggEngine', options) as EngineReport;
  const needsFlag = !plain.canTransfer && process.version.startsWith('v20.');
  return needsFlag ? [plain, runPart('secaggEngine', options, [TRANSFER_FLAG]) as EngineReport] : [plain];
}

function streams(): StreamReport[] {
  const words = flags.quick ? 30_000_000 : 300_000_000;
  return [0, 2].map((threads) => runPart('secaggStream', { words, masks: 33, threads }) as StreamReport);
}

function cell(n: number, lost: number, graph: 'auto' | 'complete'): CellReport | SkippedCell {
  try {
    thresholdsFor(n, { graph, dropouts: Math.max(0.1, lost) });
  } catch (error) {
    return { n, dropouts: lost, graph, skipped: messageOf(error) };
  }
  process.stderr.write(`n = ${n}, ${Math.round(100 * lost)} % lost, graph ${graph}\n`);
  const sizes = { lengths, sample: 3, limitS: Number(flags.limit) };
  try {
    return runPart('secaggCell', { n, dropouts: lost, graph, ...sizes }) as CellReport;
  } catch (error) {
    return { n, dropouts: lost, graph, skipped: messageOf(error).split('\n')[0]! };
  }
}

function cells(): (CellReport | SkippedCell)[] {
  const auto = cohorts.flatMap((n) => dropouts.map((lost) => cell(n, lost, 'auto')));
  const complete = cohorts.includes(100) && dropouts.includes(0.2) ? [cell(100, 0.2, 'complete')] : [];
  return [...auto, ...complete];
}

interface Results {
  readonly engines: readonly EngineReport[];
  readonly streams: readonly StreamReport[];
  readonly cells: readonly (CellReport | SkippedCell)[];
}

function targetsOf({ engines, streams, cells }: Results): Target[] {
  const found = (lost: number, length: number, graph = 'auto') => {
    const report = cells.find((each) => each.n === 100 && each.dropouts === lost && each.graph === graph);
    if (report === undefined || 'skipped' in report) return undefined;
    const bulk = report.bulk.find((each) => each.length === length);
    if (bulk === undefined) return undefined;
    const client = totalOf(report.client).cpu + totalOf(bulk.client).cpu;
    const messages = totalOf(report.server);
    const vectors = bulk.server && vectorsTotal(bulk.server);
    const server = vectors && { cpu: messages.cpu + vectors.cpu, wall: messages.wall + vectors.wall };
    return { client, server, k: report.k, bytes: bulk.wireBytes / length };
  };
  const base = found(0, 100_000);
  const thousands = { small: found(0.1, 100_000), large: found(0.1, 10_000_000) };
  const engineTargets = engines.flatMap((report) => {
    const mask = report.cases['one mask, 32-bit lanes']!.cpu;
    const limit = limitOf(report);
    const how = report.canTransfer ? 'outputs given back' : 'outputs left to the collector';
    const against = (name: string, value: number | null) =>
      value === null
        ? []
        : [{ what: `one mask to AES (${name}) + sum in cache, ${how}`, limit: 1.6, unit: '×', measured: mask / value }];
    return [...against('Node', limit.node), ...against('openssl', limit.openssl)];
  });
  const stream = streams.find(({ threads }) => threads === 0);
  return [
    ...engineTargets,
    {
      what: `client, n = 100, 100 000 parameters, k = ${thousands.small?.k ?? '?'}, CPU`,
      limit: 20,
      unit: 'ms',
      measured: thousands.small?.client,
    },
    {
      what: `client, n = 100, 10 million parameters, k = ${thousands.large?.k ?? '?'}, CPU`,
      limit: 500,
      unit: 'ms',
      measured: thousands.large?.client,
    },
    {
      what: 'server, n = 100, 100 000 parameters, 20 % lost, CPU',
      limit: 250,
      unit: 'ms',
      measured: found(0.2, 100_000)?.server?.cpu,
    },
    {
      what: 'server, n = 100, 10 million parameters, none lost, wall',
      limit: 5000,
      unit: 'ms',
      measured: found(0, 10_000_000)?.server?.wall,
    },
    {
      what: 'server, complete graph of 100, 100 000 parameters, 20 % lost, CPU',
      limit: 1000,
      unit: 'ms',
      measured: found(0.2, 100_000, 'complete')?.server?.cpu,
    },
    {
      what: `memory of a client with ${stream ? stream.words / 1e6 : 300} million parameters`,
      limit: 150,
      unit: 'MiB',
      measured: stream?.peakMiB,
    },
    { what: 'masked vector, bytes a parameter, 100 000 parameters', limit: 4.01, unit: 'B', measured: base?.bytes },
  ];
}

const machine = {
  cores: availableParallelism(),
  cpu: cpus()[0]?.model,
  node: process.version,
  loadBefore: loadavg()[0],
};
say(
  `${machine.cpu ?? 'unknown processor'}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadBefore?.toFixed(1)}\n`,
);
const primitives = parts.has('primitives') ? (runPart('secaggPrimitives', {}) as PrimitivesReport) : null;
const results: Results = {
  engines: parts.has('engine') ? engines() : [],
  streams: parts.has('stream') ? streams() : [],
  cells: parts.has('cells') ? cells() : [],
};
if (primitives) say(`### Primitives\n\nMicroseconds of CPU time.\n\n${primitivesTable(primitives)}`);
for (const engine of results.engines) say(`### Masks\n\n${engineTable(engine)}`);
if (results.streams.length > 0) say(`### A client that streams\n\n${streamTable(results.streams)}`);
if (results.cells.length > 0) {
  say(`### Whole attempts\n\nMilliseconds of CPU time of one client and of the server.\n\n${cellTable(results.cells)}`);
  say(`### Messages by phase\n\n${phaseTable(results.cells)}`);
}
const targets = targetsOf(results);
say(`### Targets\n\n${targetTable(targets)}`);
const flower = flags.flower === undefined ? null : runFlower(flags.flower, results.cells);
if (flower) say(`### Flower\n\n${flower.table}`);
const loadAfter = loadavg()[0];
if (flags.json)
  writeFileSync(
    flags.json,
    JSON.stringify({ machine, loadAfter, primitives, ...results, targets, flower: flower?.rows }, null, 2),
  );
