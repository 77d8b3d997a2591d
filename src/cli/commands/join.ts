/** `konsil join`: a one-time code pins a modeller and a pod to each other's keys. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { exportPublic, fingerprint, type Identity, importPublic } from '../../crypto/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import { type BrokerSettings, readAnyTask, readPodConfig } from '../../tasks/index.ts';
import { acceptJoin, inviteToJoin, makeJoinCode, systemClock } from '../../transport/index.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity } from '../environment.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { addInputOptions, type InputFlags, taskInputs } from '../taskInputs.ts';
import { addBrokerOptions } from './shared.ts';

type Flags = BrokerFlags & InputFlags & { readonly timeout: string };

export function addJoinCommand(program: Command): void {
  const join = program.command('join').description('pin a modeller and a pod to each other with a one-time code');
  addInputOptions(addBrokerOptions(join.command('invite')))
    .description('modeller: print a code for one pod and wait for it')
    .argument('<task.yaml>')
    .option('--timeout <seconds>', 'how long to wait', '600')
    .option('--json', 'one JSON value a line')
    .action(invite);
  addBrokerOptions(join.command('accept'))
    .description('pod: join the modeller who made the code')
    .argument('<pod.yaml>')
    .argument('<code>')
    .option('--timeout <seconds>', 'how long to wait', '60')
    .option('--json', 'one JSON value a line')
    .action(accept);
}

async function invite(file: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const task = await readAnyTask(file, await taskInputs(file, flags));
  const identity = await openIdentity(task.local.identity);
  const book = PeerBook.read(task.local.identity);
  const code = makeJoinCode();
  const pod = await meet(identity, task.local.broker, flags, code, task.modellerName ?? 'modeller', (options) => {
    output.value({ type: 'code', code });
    output.line(`code for one pod:  ${code}`);
    output.line('at the site:       konsil join accept pod.yaml <code>');
    return inviteToJoin(options, ({ name, line }) => void book.pin(name, 'pod', line));
  });
  report(output, 'pod', pod);
}

async function accept(file: string, code: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const config = await readPodConfig(file);
  const identity = await openIdentity(config.identity);
  const modeller = await meet(identity, config.broker, flags, code, config.name, acceptJoin);
  PeerBook.read(config.identity).pin(modeller.name, 'modeller', modeller.line);
  report(output, 'modeller', modeller);
  if (!config.approvedModellers.includes(modeller.name))
    output.line(`add "${modeller.name}" to approved_modellers in ${file} to let it run tasks here`);
}

async function meet(
  identity: Identity,
  settings: BrokerSettings | undefined,
  flags: Flags,
  code: string,
  name: string,
  run: (options: Parameters<typeof acceptJoin>[0]) => ReturnType<typeof acceptJoin>,
): ReturnType<typeof acceptJoin> {
  const seconds = Number(flags.timeout);
  if (!(seconds > 0)) throw new KonsilError('USAGE', `--timeout ${flags.timeout}: expected seconds above 0`);
  const signal = cancelOnSignals();
  const link = await connectAs(identity, brokerAddress(settings, flags, identity), signal);
  try {
    const self = { name, line: exportPublic(identity) };
    return await run({ link, code, self, clock: systemClock, timeoutMs: 1_000 * seconds, signal });
  } finally {
    await link.close();
  }
}

function report(output: Output, role: string, { name, line }: { readonly name: string; readonly line: string }): void {
  const print = fingerprint(importPublic(line).id);
  output.value({ type: 'joined', role, name, fingerprint: print });
  output.line(`joined ${role} ${name}, fingerprint ${print}`);
}
