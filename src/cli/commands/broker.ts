/** `konsil broker`: the embedded broker as a process of its own. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { importPublic, mailboxOf } from '../../crypto/index.ts';
import { addBrokerUser, startBroker } from '../../transport/index.ts';
import { aborted, cancelOnSignals, Output } from '../output.ts';

interface Flags {
  readonly host: string;
  readonly port: string;
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly json?: boolean;
}

export function addBrokerCommand(program: Command): void {
  const broker = program
    .command('broker')
    .description('run the embedded MQTT broker until Ctrl-C')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one', '1883')
    .option('--users <file>', 'let in only the users of this file (see adduser)')
    .option('--tls-cert <file>', 'PEM certificate: serve mqtts')
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .option('--json', 'one JSON value a line')
    .action(runBroker);
  broker
    .command('adduser')
    .description('let an identity in: prints its password once, stores only a hash')
    .argument('<users-file>', 'file of broker users')
    .argument('<public-identity>', 'the line `konsil keys export` prints')
    .option('--json', 'one JSON value')
    .action((file: string, line: string, _flags: unknown, command: Command) => {
      // `broker` has a --json of its own, which takes this one
      const output = new Output(command.optsWithGlobals<{ json?: boolean }>().json ?? false);
      const user = mailboxOf(importPublic(line).id);
      const password = addBrokerUser(file, user);
      output.value({ user, password });
      output.line(`user ${user}\npassword ${password}`);
    });
}

async function runBroker(flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const port = Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new KonsilError('USAGE', `--port ${flags.port}: expected a whole number from 0 to 65535`);
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined))
    throw new KonsilError('USAGE', '--tls-cert and --tls-key go together');
  const local = flags.host === 'localhost' || flags.host === '::1' || flags.host.startsWith('127.');
  if (!local && flags.users === undefined)
    throw new KonsilError(
      'USAGE',
      `--host ${flags.host} can be reached by others: give --users, so that not everybody may use the broker`,
    );
  const running = await startBroker({
    ...{ host: flags.host, port, usersFile: flags.users },
    ...(flags.tlsCert !== undefined && flags.tlsKey !== undefined
      ? { tls: { certFile: flags.tlsCert, keyFile: flags.tlsKey } }
      : {}),
    onEvent: (event, facts) => {
      output.value({ type: event, ...facts });
      output.line(`${event} ${Object.values(facts).join(' ')}`);
    },
  });
  output.value({ type: 'listening', url: running.url });
  output.line(`broker listening on ${running.url}; it sees only sealed messages. Ctrl-C stops it.`);
  await aborted(signal);
  await running.close();
}
