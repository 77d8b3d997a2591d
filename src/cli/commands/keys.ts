/** `konsil keys`: identities on this machine and the peers they have pinned. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { exportPublic, fingerprint, mailboxOf } from '../../crypto/index.ts';
import { createIdentity, PeerBook, type PeerRole } from '../../keystore/index.ts';
import { askPassphrase, openIdentity } from '../environment.ts';
import { Output } from '../output.ts';

interface Flags {
  readonly json?: boolean;
}

export function addKeysCommand(program: Command): void {
  const keys = program.command('keys').description('create and show identities, pin and unpin peers');
  keys
    .command('create')
    .description('create an identity in a new folder (private key mode 0600)')
    .argument('<folder>')
    .option('--passphrase', 'protect it with a passphrase (asked for, or KONSIL_PASSPHRASE)')
    .option('--json', 'one JSON value')
    .action(async (folder: string, flags: Flags & { passphrase?: boolean }) => {
      const passphrase = flags.passphrase ? await newPassphrase() : undefined;
      show(folder, createIdentity(folder, passphrase), new Output(flags.json ?? false));
    });
  keys
    .command('show')
    .description('show fingerprint, mailbox and pinned peers')
    .argument('<folder>')
    .option('--json', 'one JSON value')
    .action(async (folder: string, flags: Flags) => {
      show(folder, await openIdentity(folder), new Output(flags.json ?? false));
    });
  keys
    .command('export')
    .description('print the public identity, one line, to hand to others')
    .argument('<folder>')
    .option('--json', 'one JSON value')
    .action(async (folder: string, flags: Flags) => {
      const line = exportPublic(await openIdentity(folder));
      report(flags, { public: line }, line);
    });
  keys
    .command('trust')
    .description('pin a peer whose public identity you have (join does this for you)')
    .argument('<folder>')
    .argument('<name>')
    .argument('<public-identity>')
    .requiredOption('--role <role>', 'pod or modeller')
    .option('--json', 'one JSON value')
    .action((folder: string, name: string, line: string, flags: Flags & { role: string }) => {
      if (flags.role !== 'pod' && flags.role !== 'modeller')
        throw new KonsilError('USAGE', `--role ${flags.role}: expected pod or modeller`);
      const peer = PeerBook.read(folder).pin(name, flags.role satisfies PeerRole, line);
      const pinned = { role: peer.role, name: peer.name, fingerprint: fingerprint(peer.public.id) };
      report(flags, { pinned }, `pinned ${Object.values(pinned).join(' ')}`);
    });
  keys
    .command('forget')
    .description('remove a pinned peer')
    .argument('<folder>')
    .argument('<name>')
    .option('--json', 'one JSON value')
    .action((folder: string, name: string, flags: Flags) => {
      if (!PeerBook.read(folder).unpin(name)) throw new KonsilError('USAGE', `"${name}" is not pinned in ${folder}`);
      report(flags, { forgot: name }, `forgot ${name}`);
    });
}

function report(flags: Flags, value: unknown, line: string): void {
  const output = new Output(flags.json ?? false);
  output.value(value);
  output.line(line);
}

function show(folder: string, identity: Parameters<typeof exportPublic>[0], output: Output): void {
  const { id } = identity.public;
  const peers = PeerBook.read(folder).all();
  output.value({
    ...{ folder, fingerprint: fingerprint(id), mailbox: mailboxOf(id), public: exportPublic(identity) },
    peers: peers.map((peer) => ({ name: peer.name, role: peer.role, fingerprint: fingerprint(peer.public.id) })),
  });
  output.line(`identity     ${folder}`);
  output.line(`fingerprint  ${fingerprint(id)}`);
  output.line(`broker user  ${mailboxOf(id)}`);
  for (const peer of peers)
    output.line(`pinned       ${peer.role.padEnd(8)} ${peer.name}  ${fingerprint(peer.public.id)}`);
}

async function newPassphrase(): Promise<string> {
  const given = process.env['KONSIL_PASSPHRASE'] ?? (await askPassphrase('new passphrase: '));
  if (!given || given.length < 8)
    throw new KonsilError('USAGE', 'a passphrase needs at least 8 characters; type it or set KONSIL_PASSPHRASE');
  return given;
}
