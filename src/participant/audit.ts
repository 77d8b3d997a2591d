/**
 * Reads a pod's ledger for its own people: what ran, what left, what was spent, and whether anybody has altered it. Works
 * on the file alone, with or without a running pod, and changes nothing.
 * @module
 */
import { readFileSync } from 'node:fs';
import { PrivacyBudget, readEvents } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import { checkLedger, type LedgerEntry, type PrivacyUnit } from './ledger.ts';

/** δ for lines that do not say at which one their account is reckoned. */
const DELTA = 1e-5;

/** One run in a ledger. */
export interface AuditedRun {
  readonly run: string;
  readonly modeller: string;
  /** Null when it was turned down before one was chosen. */
  readonly dataset: string | null;
  /** SHA-256 of the task and of the model, of runs that were accepted. */
  readonly task: string | null;
  readonly model: string | null;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  /** Sums this site is in, and how many of them were training rounds. */
  readonly sums: number;
  readonly rounds: number;
  /** All that was sent once the run is over; until then messages and vectors of its sums. */
  readonly sentBytes: number;
  /** What this run alone has spent. */
  readonly privacy: readonly { readonly unit: PrivacyUnit; readonly epsilon: number; readonly delta: number }[];
  /** How it ended; null while it runs, or when a power cut ended it. */
  readonly end: string | null;
}

/** A ledger, checked and added up. */
export interface Audit {
  readonly file: string;
  readonly lines: number;
  /** Lines from before ledgers had a chain. */
  readonly unchained: number;
  /** The chain's present value, for somebody else to note down. */
  readonly head: string;
  /** The last line is unfinished: it is being written, or was when the power went. The pod cuts it off when it starts. */
  readonly isCut: boolean;
  readonly runs: readonly AuditedRun[];
}

/**
 * @param options - `expectHead`: a head noted down earlier; `run`: only this one.
 * @throws KonsilError DATA_INVALID naming the line that shows that the file was altered, or saying that the head expected is
 *   not in it; FILE_NOT_FOUND; RUN_UNKNOWN.
 */
export function auditLedger(
  file: string,
  options: { readonly run?: string; readonly expectHead?: string } = {},
): Audit {
  const text = read(file);
  const lines = text.split('\n');
  const rest = lines.pop()!;
  const { entries, heads, unchained } = checkLedger(file, lines);
  const { run, expectHead } = options;
  if (expectHead !== undefined && !heads.includes(expectHead.toLowerCase()))
    throw new KonsilError(
      'DATA_INVALID',
      `${file}: the chain has ${lines.length} lines and never had the head ${expectHead}: lines were removed at its end, or it was written anew, since that was noted down`,
      { file, lines: lines.length },
    );
  const byRun = new Map<string, LedgerLine[]>();
  for (const entry of entries as unknown as readonly LedgerLine[]) {
    if (entry.run === undefined) continue; // of no run: where the chain was begun
    const key = `${entry.modeller} ${entry.run}`;
    byRun.set(key, [...(byRun.get(key) ?? []), entry]);
  }
  const runs = [...byRun.values()].map(addUp).filter((found) => run === undefined || found.run === run);
  if (run !== undefined && runs.length === 0)
    throw new KonsilError('RUN_UNKNOWN', `${file}: has no run ${run}`, { run });
  return { file, lines: lines.length, unchained, head: heads.at(-1)!, isCut: rest !== '', runs };
}

type LedgerLine = LedgerEntry & { readonly at?: string };

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new KonsilError(
      'FILE_NOT_FOUND',
      `${file}: no ledger that can be read; a pod begins one when it first starts`,
      { file },
      { cause },
    );
  }
}

function addUp(lines: readonly LedgerLine[]): AuditedRun {
  const of = (...events: LedgerEntry['event'][]): LedgerLine[] => lines.filter(({ event }) => events.includes(event));
  const accepted = of('accepted').at(-1);
  const ends = of('completed', 'aborted', 'rejected');
  const lastEnd = ends.at(-1);
  const isOver = lastEnd !== undefined && lines.lastIndexOf(lastEnd) > (accepted ? lines.lastIndexOf(accepted) : -1);
  // a run may have been here several times: what was sent until an end is in its line
  const since = lines.slice(lastEnd ? lines.lastIndexOf(lastEnd) + 1 : 0).filter(({ event }) => event === 'round');
  const sent = [...ends, ...since].reduce((sum, { sentBytes = 0 }) => sum + sentBytes, 0);
  const rounds = of('round');
  return {
    ...{ run: lines[0]!.run, modeller: lines[0]!.modeller, dataset: accepted?.dataset ?? null },
    ...{ task: accepted?.task ?? null, model: accepted?.model ?? null },
    ...{ firstAt: lines[0]!.at ?? null, lastAt: lines.at(-1)!.at ?? null },
    ...{ sums: rounds.length, rounds: rounds.filter(({ purpose }) => purpose === 'update').length },
    ...{ sentBytes: sent, privacy: spentOn(of('privacy')) },
    end: isOver ? `${lastEnd.event}${lastEnd.detail ? `: ${lastEnd.detail}` : ''}` : null,
  };
}

function spentOn(lines: readonly LedgerLine[]): AuditedRun['privacy'] {
  return (['site', 'record'] as const).flatMap((unit) => {
    const own = lines.filter((line) => line.unit === unit);
    if (own.length === 0) return [];
    const delta = own.at(-1)!.delta ?? DELTA;
    const events = own.flatMap(({ privacy }) => readEvents(privacy));
    return [{ unit, delta, epsilon: new PrivacyBudget({ epsilon: Number.POSITIVE_INFINITY, delta }, events).spent() }];
  });
}
