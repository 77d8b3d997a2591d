/**
 * Identities in memory that have pinned each other, as all sites of a federation have once everybody joined.
 * @module
 */
import { exportPublic, generateIdentity, type Identity } from '../src/crypto/index.ts';
import { PeerBook, type PeerRole } from '../src/keystore/index.ts';

/** One party's own key and whom it knows. */
export interface Party {
  readonly identity: Identity;
  readonly peers: PeerBook;
}

/**
 * Named identities where everybody has pinned everybody else.
 * @param knows - Whether one has pinned another. @default everybody knows everybody
 */
export function acquainted<N extends string>(
  names: readonly N[],
  roleOf: (name: N) => PeerRole = (name) => (name === 'modeller' ? 'modeller' : 'pod'),
  knows: ((name: N) => readonly N[]) | null = null,
): Record<N, Party> {
  const identities = names.map((name) => [name, generateIdentity()] as const);
  const rows = identities.map(([name, identity]) => ({ name, role: roleOf(name), line: exportPublic(identity) }));
  const byName = new Map(rows.map((row) => [row.name, row]));
  const known = (name: N): typeof rows =>
    knows ? knows(name).map((other) => byName.get(other)!) : rows.filter((row) => row.name !== name);
  return Object.fromEntries(
    identities.map(([name, identity]) => [name, { identity, peers: PeerBook.inMemory(known(name)) }]),
  ) as Record<N, Party>;
}
