/** `konsil pod`: a site's daemon. @module */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import pino from 'pino';
import { KonsilError, messageOf } from '../../base/index.ts';
import { ControlServer } from '../../control/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import { Pod, servePod } from '../../participant/index.ts';
import { readPodConfig } from '../../tasks/index.ts';
import { systemClock } from '../../transport/index.ts';
import { blobStoreOptions } from '../blobStore.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity } from '../environment.ts';
import { aborted, cancelOnSignals, Output } from '../output.ts';
import { VERSION } from '../package.ts';
import { withEnvironment } from '../podEnvironment.ts';
import { noticeLine } from '../render/pod.ts';
import { addPodControlCommands } from './podControl.ts';
import { addBrokerOptions } from './shared.ts';

export function addPodCommand(program: Command): void {
  const pod = program.command('pod').enablePositionalOptions();
  addBrokerOptions(pod)
    .description("run a site's pod until Ctrl-C, or see and steer the one that runs")
    .argument('<pod.yaml>')
    .option('--json', 'one JSON value a line')
    .option('--log <file>', 'also write a structured log')
    .option('--state <folder>', 'what the pod keeps between starts, in place of the folder in its file')
    .action(runPod);
  addPodControlCommands(pod);
}

type Flags = BrokerFlags & { readonly json?: boolean; readonly log?: string; readonly state?: string };

async function runPod(file: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const read = withEnvironment(await readPodConfig(file), process.env);
  const config = flags.state === undefined ? read : { ...read, state: resolve(flags.state) };
  const identity = await openIdentity(config.identity);
  const peers = PeerBook.read(config.identity);
  const log = flags.log === undefined ? null : openLog(config.name, flags.log);
  // also keeps two pods from writing one ledger
  const control = await ControlServer.open(config.state);
  try {
    const link = await connectAs(identity, brokerAddress(config.broker, flags, identity), signal);
    const pod = await Pod.start({
      ...{ config, identity, peers, link, clock: systemClock, version: VERSION },
      ...(config.blobStore && { store: blobStoreOptions(config.blobStore) }),
      onNotice: (notice) => {
        log?.info(notice);
        output.value(notice);
        const text = noticeLine(notice);
        if (text !== null) output.line(`${config.name}: ${text}`);
      },
    });
    await Promise.race([aborted(signal), servePod(control, pod)]);
    await pod.stop('stopped by the site');
  } finally {
    await control.close();
  }
  output.line(`${config.name}: stopped`);
}

/** Notices only, which hold no secrets and no rows; kept to its owner all the same. */
function openLog(name: string, file: string): pino.Logger {
  try {
    return pino({ name }, pino.destination({ dest: file, sync: true, mode: 0o600 }));
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `--log ${file}: ${messageOf(cause)}`, { file }, { cause });
  }
}
