/**
 * What a modeller can ask of the coordinator that runs, and what it answers.
 * @module
 */
import { z } from 'zod';
import { isKonsilError, KonsilError } from '../base/index.ts';
import { askProcess, type ControlServer } from '../control/index.ts';
import { type RunBoard, type RunningRun, RunStatusSchema } from './runBoard.ts';
import type { RunControl } from './runControl.ts';

const RequestSchema = z.strictObject({ command: z.enum(['status', 'pause', 'resume', 'cancel']) });
export type RunRequest = z.infer<typeof RequestSchema>;

/** What requests act on. */
export interface ServedRun {
  readonly board: RunBoard;
  readonly control: RunControl;
  readonly cancel: () => void;
}

/** From now on the server's commands are for this run; each is answered with what it is doing then. */
export function serveRun(server: ControlServer, { board, control, cancel }: ServedRun): void {
  server.serve(RequestSchema, ({ command }) => {
    if (command === 'pause') control.pause('the modeller has asked for it');
    else if (command === 'resume') control.resume();
    else if (command === 'cancel') cancel();
    // who cancels may wait for the run to be over
    return { answer: board.status(control.paused), staysOpen: command === 'cancel' };
  });
}

/**
 * Asks the coordinator of the run in `folder`; a run that is cancelled is over when this resolves.
 * @throws KonsilError NOT_RUNNING when there is none.
 */
export async function askRun(folder: string, request: RunRequest): Promise<RunningRun> {
  try {
    return await askProcess(folder, request, RunStatusSchema, { untilItStops: request.command === 'cancel' });
  } catch (error) {
    if (!isKonsilError(error, 'NOT_RUNNING')) throw error;
    throw new KonsilError(
      'NOT_RUNNING',
      error.facts['denied']
        ? `the coordinator of the run in ${folder} belongs to another user; ask as that one`
        : `no coordinator runs the run in ${folder}; \`konsil run --resume ${folder}\` goes on with one that was interrupted`,
      { folder },
      { cause: error },
    );
  }
}
