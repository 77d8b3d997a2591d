/** `konsil pod status`, `pause`, `resume`, `cancel`, `drain`, `audit`: what a site's people ask of their pod. @module */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { askPod, auditLedger, ledgerFile, type PodStatus } from '../../participant/index.ts';
import { parsePodConfig, readConfigText } from '../../tasks/index.ts';
import { Output } from '../output.ts';
import { auditLines, statusLines } from '../render/pod.ts';

interface Flags {
  readonly json?: boolean;
  readonly state?: string;
}
type Request = Parameters<typeof askPod>[1];

/** @param pod - The command `konsil pod`. */
export function addPodControlCommands(pod: Command): void {
  const add = (name: string, description: string): Command =>
    pod
      .command(name)
      .description(description)
      .argument('<pod.yaml>')
      .option('--json', 'one JSON value')
      .option('--state <folder>', 'the state folder, as given to `konsil pod`');
  const simple = (command: 'status' | 'pause' | 'resume', description: string): void => {
    add(command, description).action((file: string, flags: Flags) => ask(file, flags, { command }));
  };
  simple('status', 'what the running pod does: runs, rounds, time left, queue, traffic, privacy');
  simple('pause', 'take part in no rounds until `resume`; a sum under way is finished');
  simple('resume', 'take part again, from the next round on');
  add('cancel', 'leave one run for good; the pod goes on')
    .argument('<run>', 'its name, as `status` shows it')
    .action((file: string, run: string, flags: Flags) => ask(file, flags, { command: 'cancel', run }));
  add('drain', 'take no more runs, finish those under way, then stop')
    .option('--wait', 'until it has stopped')
    .action((file: string, flags: Flags & { wait?: boolean }) => ask(file, flags, { command: 'drain' }, flags.wait));
  add('audit', 'what the ledger says ran here, and whether anybody has altered it; the pod may run or not')
    .option('--run <run>', 'only this one')
    .option('--expect-head <hash>', 'a head noted down before: still in the ledger, or lines are missing')
    .addHelpText('after', '\nExit code 0 when every line follows from those before it, 1 when one does not.')
    .action(audit);
}

/** Works on what the file says alone: whether its data can be read is another matter. */
async function stateOf(file: string, { state }: Flags): Promise<string> {
  return state === undefined ? parsePodConfig(await readConfigText(file), file).state : resolve(state);
}

async function ask(file: string, flags: Flags, request: Request, untilItStops = false): Promise<void> {
  const output = new Output(flags.json ?? false);
  const status: PodStatus = await askPod(await stateOf(file, flags), request, untilItStops);
  output.value({ type: 'status', ...status });
  for (const line of statusLines(status)) output.line(line);
  if (untilItStops) output.line(`${status.pod}: stopped`);
}

async function audit(
  file: string,
  flags: Flags & { readonly run?: string; readonly expectHead?: string },
): Promise<void> {
  const output = new Output(flags.json ?? false);
  const { run, expectHead } = flags;
  if (expectHead !== undefined && !/^[0-9a-fA-F]{64}$/.test(expectHead))
    throw new KonsilError('USAGE', '--expect-head: expected 64 digits of hexadecimal, as `audit` prints them');
  const found = auditLedger(ledgerFile(await stateOf(file, flags)), {
    ...(run !== undefined && { run }),
    ...(expectHead !== undefined && { expectHead }),
  });
  output.value({ type: 'audit', ...found });
  for (const line of auditLines(found)) output.line(line);
  if (expectHead !== undefined) output.line('the head you expect is in it: nothing was removed since');
}
