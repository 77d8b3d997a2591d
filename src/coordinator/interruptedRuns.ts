/**
 * Runs in a folder of runs, as their journals have them.
 * @module
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KonsilError } from '../base/index.ts';
import { type LocalTask, toWire } from '../tasks/index.ts';
import { type RunHead, RunJournal, type RunStatus } from './journal/index.ts';

/** A run on disk. `running` says that it is, or that its coordinator was stopped before it could say otherwise. */
export interface KnownRun extends RunHead {
  readonly folder: string;
  readonly status: RunStatus;
  readonly reason: string;
}

/** What the journal in `folder` says. @throws KonsilError FILE_NOT_FOUND, DATA_INVALID. */
export function readRun(folder: string): KnownRun {
  const journal = RunJournal.open(folder);
  try {
    return { ...journal.head, ...journal.status, folder };
  } finally {
    journal.close();
  }
}

/** Runs below `runs` that have a journal, oldest first; a journal that cannot be read is passed over. */
export function knownRuns(runs: string): KnownRun[] {
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .sort()
    .flatMap((name) => {
      try {
        return [readRun(join(runs, name))];
      } catch (error) {
        if (error instanceof KonsilError) return [];
        throw error;
      }
    });
}

/** The latest run of exactly this task by this modeller that did not come to an end. */
export function interruptedRun(task: LocalTask, modeller: string): KnownRun | undefined {
  const same = JSON.stringify(toWire(task));
  return knownRuns(task.local.runs)
    .filter(({ status }) => status === 'running' || status === 'paused')
    .filter((run) => run.modeller === modeller && JSON.stringify(toWire(run.task)) === same)
    .at(-1);
}
