/** `konsil runs`: what runs there are, and steering the one that runs. @module */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { isKonsilError } from '../../base/index.ts';
import {
  askRun,
  type KnownRun,
  knownRuns,
  type RunningRun,
  type RunRequest,
  readRun,
} from '../../coordinator/index.ts';
import { Output } from '../output.ts';

interface Flags {
  readonly json?: boolean;
}

export function addRunsCommand(program: Command): void {
  const runs = program.command('runs').description('the runs of this machine: list them, see and steer one that runs');
  runs
    .command('list', { isDefault: true })
    .description('all runs in a folder, with how they stand')
    .argument('[folder]', 'of runs', './runs')
    .option('--json', 'one JSON value a line')
    .action(list);
  const add = (command: RunRequest['command'], description: string): void => {
    runs
      .command(command)
      .description(description)
      .argument('<run>', 'the folder of the run')
      .option('--json', 'one JSON value')
      .action((folder: string, flags: Flags) => ask(folder, command, flags));
  };
  add('status', 'round, phase, who is waited for, time left');
  add('pause', 'begin no further sum until `resume`');
  add('resume', 'go on with a run that pauses');
  add('cancel', 'end the run; pods are told, what there is is kept');
}

async function list(folder: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const known = knownRuns(resolve(folder));
  for (const run of known) {
    const running = run.status === 'complete' ? null : await askRun(run.folder, { command: 'status' }).catch(absent);
    const { task: _task, ...facts } = run;
    output.value({ type: 'run', ...facts, running });
    output.line(`${run.run}  ${standing(run, running)}`);
  }
  if (known.length === 0) output.line(`no runs in ${resolve(folder)}`);
}

function absent(error: unknown): null {
  if (isKonsilError(error, 'NOT_RUNNING')) return null;
  throw error;
}

function standing({ status, reason, folder }: KnownRun, running: RunningRun | null): string {
  if (running) return running.state === 'paused' ? `paused: ${running.reason}` : progressOf(running);
  if (status === 'running' || status === 'paused')
    return `interrupted; \`konsil run --resume ${folder}\` goes on with it`;
  return status === 'complete' ? status : `${status}: ${reason}`;
}

function progressOf({ completed, rounds, phase, awaiting, etaSeconds }: RunningRun): string {
  const eta = etaSeconds === null ? '' : `, about ${Math.ceil(etaSeconds)} s left`;
  return `round ${Math.min(completed + 1, rounds)} of ${rounds}, ${phase}, waiting for ${awaiting.join(', ') || 'nobody'}${eta}`;
}

async function ask(path: string, command: RunRequest['command'], flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const folder = resolve(path);
  readRun(folder); // a folder that is none of a run is another mistake than a run that does not run
  const status = await askRun(folder, { command });
  output.value({ type: 'status', ...status });
  if (command === 'cancel') return output.line(`run ${basename(folder)}: cancelled`);
  output.line(`run ${status.run}: ${status.state === 'paused' ? 'paused' : progressOf(status)}`);
  if (status.reason)
    output.line(status.state === 'paused' ? status.reason : `pauses before the next sum: ${status.reason}`);
  for (const { pod, state, reason } of status.pods) output.line(`${pod}: ${state}${reason && `, ${reason}`}`);
}
