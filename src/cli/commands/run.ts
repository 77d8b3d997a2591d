/** `konsil run`: the modeller's side of a task, from invitation to report. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { type RunEvent, runFederated } from '../../coordinator/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import type { RunResult } from '../../reports/index.ts';
import { type LocalTask, type PodConfig, readPodConfig, readTask } from '../../tasks/index.ts';
import { Channel, systemClock } from '../../transport/index.ts';
import { compareWithAlternatives } from '../comparison.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity } from '../environment.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { ProgressView } from '../render/progress.ts';
import { resultOf } from '../result.ts';
import { reportResult } from '../resultFiles.ts';
import { addBrokerOptions } from './shared.ts';

type Flags = BrokerFlags & {
  readonly json?: boolean;
  readonly compare?: string[];
  readonly plain?: boolean;
  readonly transcript?: boolean;
};

export function addRunCommand(program: Command): void {
  addBrokerOptions(program.command('run'))
    .description('run a task: invite its pods, train, evaluate, write model and report')
    .argument('<task.yaml>')
    .option('--plain', 'sum without masks, whatever the task says (pods may refuse)')
    .option(
      '--compare <pod.yaml...>',
      'studies on data you hold yourself: also train on each site alone and on all rows',
    )
    .option(
      '--transcript',
      "keep what is public of each secure sum, for `konsil verify transcript`, in the run's folder",
    )
    .option('--json', 'one JSON value a line')
    .action(async (file: string, flags: Flags) => {
      const task = await readTask(file);
      const signal = cancelOnSignals();
      const compare = await Promise.all((flags.compare ?? []).map((pod) => readPodConfig(pod)));
      const output = new Output(flags.json ?? false);
      await runTask(flags.plain ? { ...task, aggregator: { ...task.aggregator, secure: false } } : task, {
        flags,
        compare,
        signal,
        output,
      });
    });
}

/** What a run on the command line needs beyond the task. */
export interface RunTaskOptions {
  readonly flags: Flags;
  readonly compare: readonly PodConfig[];
  readonly signal: AbortSignal;
  readonly output: Output;
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Runs a task and writes its results.
 * @throws KonsilError the run's own error when it did not complete; whatever it produced is on disk by then.
 */
export async function runTask(task: LocalTask, options: RunTaskOptions): Promise<RunResult> {
  const { flags, compare, signal, output } = options;
  if (flags.transcript && !task.aggregator.secure)
    throw new KonsilError('USAGE', '--transcript: this run sums without masks, and there is nothing to keep');
  const identity = await openIdentity(task.local.identity);
  const peers = PeerBook.read(task.local.identity);
  const link = await connectAs(identity, brokerAddress(task.local.broker, flags, identity), signal);
  const channel = await Channel.open({ link, identity, peers, clock: systemClock });
  try {
    const traffic = (): number =>
      peers
        .all()
        .reduce(
          (n, { public: { id } }) => n + channel.trafficWith(id).sentBytes + channel.trafficWith(id).receivedBytes,
          0,
        );
    const view = output.json
      ? null
      : new ProgressView({ stream: process.stdout, traffic, now: () => performance.now() });
    const outcome = await runFederated({
      ...{ task, identity, peers, channel, clock: systemClock, signal },
      transcript: flags.transcript ?? false,
      onEvent: (event) => {
        output.value(event);
        view?.show(event);
        options.onEvent?.(event);
      },
    });
    const comparison =
      compare.length > 0 && outcome.status === 'complete'
        ? await compareWithAlternatives(outcome, compare, signal)
        : null;
    const result = resultOf(task, outcome, comparison);
    reportResult(output, outcome.folder, task, result);
    if (outcome.status !== 'complete') throw outcome.error ?? new KonsilError('RUN_ABORTED', outcome.reason);
    return result;
  } finally {
    await channel.close();
  }
}
