/** `konsil pod`: a site's daemon. @module */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import pino from 'pino';
import { KonsilError, messageOf } from '../../base/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import { Pod, type PodNotice } from '../../participant/index.ts';
import { readPodConfig } from '../../tasks/index.ts';
import { systemClock } from '../../transport/index.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity, VERSION } from '../environment.ts';
import { aborted, cancelOnSignals, Output } from '../output.ts';
import { addBrokerOptions } from './shared.ts';

export function addPodCommand(program: Command): void {
  addBrokerOptions(program.command('pod'))
    .description("run a site's pod until Ctrl-C")
    .argument('<pod.yaml>')
    .option('--json', 'one JSON value a line')
    .option('--log <file>', 'also write a structured log')
    .option('--state <folder>', 'what the pod keeps between starts, in place of the folder in its file')
    .action(runPod);
}

type Flags = BrokerFlags & { readonly json?: boolean; readonly log?: string; readonly state?: string };

async function runPod(file: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const read = await readPodConfig(file);
  const config = flags.state === undefined ? read : { ...read, state: resolve(flags.state) };
  const identity = await openIdentity(config.identity);
  const peers = PeerBook.read(config.identity);
  const log = flags.log === undefined ? null : openLog(config.name, flags.log);
  const link = await connectAs(identity, brokerAddress(config.broker, flags, identity), signal);
  const pod = await Pod.start({
    ...{ config, identity, peers, link, clock: systemClock, version: VERSION },
    onNotice: (notice) => {
      log?.info(notice);
      output.value(notice);
      const text = describe(notice);
      if (text !== null) output.line(`${config.name}: ${text}`);
    },
  });
  await aborted(signal);
  await pod.stop('stopped by the site');
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

/** What trains, and what would have been faster but does not. */
function describeEngine({ engine, device, fallbacks }: Extract<PodNotice, { type: 'accepted' }>['trains']): string {
  const not = fallbacks.map((skipped) => `${skipped.device}: ${skipped.reason}`).join('; ');
  return `training by ${engine === 'tfjs' ? 'TensorFlow.js' : 'onnxruntime'} on ${device}${not && ` (${not})`}`;
}

/** One line for people, or null for what only machines want. */
function describe(notice: PodNotice): string | null {
  switch (notice.type) {
    case 'ready':
      return `ready with ${notice.datasets.join(', ')}; waiting for approved modellers`;
    case 'request':
      return `${notice.modeller} asks to run a task on ${notice.dataset}`;
    case 'accepted':
      return `accepted run ${notice.run}: ${notice.rows} training rows, ${describeEngine(notice.trains)}`;
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
    case 'refused':
      return `refused a message: ${notice.code}`;
    case 'personal':
      return `the model with this site's own parameters is in ${notice.file}`;
    case 'privacy':
      return `privacy of ${notice.unit === 'site' ? 'the site' : 'each row'}: ε ${notice.epsilon.toFixed(2)} spent so far at δ ${notice.delta}`;
    case 'sum':
      return notice.what === 'released' ? null : `${notice.purpose} ${notice.round}: ${notice.what}`;
    default:
      return null;
  }
}
