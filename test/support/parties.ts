/** The example's parties, introduced to each other on disk: what `konsil keys`, `join` and `broker adduser` do, at once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportPublic, type Identity, mailboxOf } from '../../src/crypto/index.ts';
import { createIdentity, PeerBook } from '../../src/keystore/index.ts';
import { addBrokerUser } from '../../src/transport/index.ts';

export const PODS = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'] as const;
export type PartyName = 'researcher' | (typeof PODS)[number];

/** One party: its identity and its login at the broker. */
export interface Party {
  readonly identity: Identity;
  readonly user: string;
  readonly password: string;
}

/**
 * Makes the identities in `folder`/keys, pins each to all others, and gives each an account in `folder`/users.json.
 * @param passphrases - Of the identities that have one.
 */
export function introduceParties(
  folder: string,
  passphrases: Partial<Record<PartyName, string>> = {},
): Record<PartyName, Party> {
  const folderOf = (name: string): string => join(folder, 'keys', name);
  const names = ['researcher', ...PODS] as const;
  const identities = names.map((name) => [name, createIdentity(folderOf(name), passphrases[name])] as const);
  const parties = identities.map(([name, identity]) => {
    const book = PeerBook.read(folderOf(name));
    for (const [other, peer] of identities)
      if (other !== name) book.pin(other, other === 'researcher' ? 'modeller' : 'pod', exportPublic(peer));
    const user = mailboxOf(identity.public.id);
    return [name, { identity, user, password: addBrokerUser(join(folder, 'users.json'), user) }] as const;
  });
  return Object.fromEntries(parties) as Record<PartyName, Party>;
}

/** Command lines of the running processes that name `text`; needs /proc. */
export function processesNaming(text: string): string[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it has just ended
      }
    })
    .filter((line) => line.includes(text));
}
