/**
 * The composition root's shared pieces: passphrase, broker login, opening an identity's channel.
 * @module
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { KonsilError } from '../base/index.ts';
import { type Identity, mailboxOf } from '../crypto/index.ts';
import { findIdentity, readIdentity } from '../keystore/index.ts';
import type { BrokerSettings } from '../tasks/index.ts';
import { type BrokerAddress, connectMqtt, type Link } from '../transport/index.ts';
import { presenceTopic } from '../wire/index.ts';

/** Broker options every command that connects takes. */
export interface BrokerFlags {
  readonly broker?: string;
  readonly brokerUser?: string;
  readonly brokerPasswordFile?: string;
  readonly brokerCa?: string;
}

/** Reads an identity, asking for its passphrase (or taking KONSIL_PASSPHRASE) when it has one. */
export async function openIdentity(folder: string): Promise<Identity> {
  if (findIdentity(folder) !== 'locked') return readIdentity(folder);
  return readIdentity(folder, process.env['KONSIL_PASSPHRASE'] ?? (await askPassphrase(`passphrase of ${folder}: `)));
}

/** Asks on the terminal without echo; undefined when there is no terminal. */
export async function askPassphrase(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(question);
  const prompt = createInterface({ input: process.stdin, terminal: true });
  try {
    return await prompt.question('');
  } catch (cause) {
    throw new KonsilError('CANCELLED', 'no passphrase given', {}, { cause }); // Ctrl-C or Ctrl-D
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

/**
 * The broker's address: flags over settings of the file. Without a user name, one with a password logs in as its own
 * mailbox, which is what the embedded broker expects.
 * @throws KonsilError CONFIG_INVALID when no url is known, FILE_NOT_FOUND for an unreadable password file.
 */
export function brokerAddress(
  settings: BrokerSettings | undefined,
  flags: BrokerFlags,
  identity: Identity,
): BrokerAddress {
  const url = flags.broker ?? settings?.url;
  if (!url)
    throw new KonsilError('CONFIG_INVALID', 'no broker: give --broker mqtt://host:port or a broker block in the file');
  const file = flags.brokerPasswordFile ?? settings?.passwordFile;
  const password = process.env['KONSIL_BROKER_PASSWORD'] ?? (file === undefined ? undefined : readSecretFile(file));
  const username =
    flags.brokerUser ?? settings?.username ?? (password === undefined ? undefined : mailboxOf(identity.public.id));
  return { url, username, password, caFile: flags.brokerCa ?? settings?.caFile };
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: cannot read the broker password`, { file }, { cause });
  }
}

/** Connects as `identity`, with its presence kept at the broker. */
export function connectAs(identity: Identity, address: BrokerAddress, signal: AbortSignal): Promise<Link> {
  return connectMqtt(address, presenceTopic(identity.public.id), signal);
}
