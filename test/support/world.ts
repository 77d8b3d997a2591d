/** Identities that have pinned each other, and waiting for something to become true, for tests of everything above. */
import { exportPublic, generateIdentity, type Identity } from '../../src/crypto/index.ts';
import { PeerBook, type PeerRole } from '../../src/keystore/index.ts';

/** Named identities where everybody has pinned everybody else. */
export function acquainted<N extends string>(
  names: readonly N[],
  roleOf: (name: N) => PeerRole = (name) => (name === 'modeller' ? 'modeller' : 'pod'),
): Record<N, { identity: Identity; peers: PeerBook }> {
  const identities = names.map((name) => [name, generateIdentity()] as const);
  const rows = identities.map(([name, identity]) => ({ name, role: roleOf(name), line: exportPublic(identity) }));
  return Object.fromEntries(
    identities.map(([name, identity]) => [
      name,
      { identity, peers: PeerBook.inMemory(rows.filter((row) => row.name !== name)) },
    ]),
  ) as Record<N, { identity: Identity; peers: PeerBook }>;
}

/** Resolves when `check` is true; rejects with `what` after `timeoutMs`. Polls the event loop, asserts no time. */
export async function until(check: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
