/**
 * The peers an identity has pinned: name → public identity, in `peers.json` beside its key file. A pinned name never
 * silently changes its key.
 * @module
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { fingerprint, importPublic, type PeerId, type PublicIdentity } from '../crypto/index.ts';

/** What a pinned peer may be to us: a modeller may send tasks, a pod may be asked to run one. */
export type PeerRole = 'modeller' | 'pod';

/** One pinned peer. */
export interface Peer {
  readonly name: string;
  readonly role: PeerRole;
  readonly public: PublicIdentity;
  /** The line it was pinned from, kept so that it can be exported again. */
  readonly line: string;
}

const PeersSchema = z.array(
  z.strictObject({ name: z.string().min(1), role: z.enum(['modeller', 'pod']), public: z.string() }),
);

/** Peers by both of what makes them one. */
class Pins {
  readonly byName = new Map<string, Peer>();
  readonly byId = new Map<PeerId, Peer>();

  /** @throws KonsilError KEY_INVALID when the name is pinned to another key or the key to another name. */
  set(peer: Peer): void {
    checkPin(this, peer);
    this.byName.set(peer.name, peer);
    this.byId.set(peer.public.id, peer);
  }

  delete(name: string): boolean {
    const peer = this.byName.get(name);
    if (peer) this.byId.delete(peer.public.id);
    return this.byName.delete(name);
  }
}

/** The pinned peers of one identity folder. */
export class PeerBook {
  readonly #file: string | null;
  #peers = new Pins();

  private constructor(file: string | null) {
    this.#file = file;
  }

  /** The book of `folder`, empty when there is none yet. @throws KonsilError KEY_INVALID naming the file when it is malformed. */
  static read(folder: string): PeerBook {
    const book = new PeerBook(join(folder, 'peers.json'));
    book.reload();
    return book;
  }

  /** A book that lives in memory only, for tests and simulations. */
  static inMemory(peers: readonly { name: string; role: PeerRole; line: string }[]): PeerBook {
    const book = new PeerBook(null);
    for (const { name, role, line } of peers) book.pin(name, role, line);
    return book;
  }

  /** Reads the file again, so that a running pod sees peers another command has just pinned. */
  reload(): void {
    if (this.#file === null || !existsSync(this.#file)) return;
    const peers = new Pins();
    try {
      for (const { name, role, public: line } of PeersSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8'))))
        peers.set({ name, role, line, public: importPublic(line) });
    } catch (cause) {
      const reason = isKonsilError(cause) ? `: ${cause.message}` : '';
      throw new KonsilError('KEY_INVALID', `${this.#file}: not a list of pinned peers${reason}`, {}, { cause });
    }
    this.#peers = peers;
  }

  /**
   * Pins `name` to the identity in `line`. Pinning the same identity again is fine.
   * @throws KonsilError KEY_INVALID when the name is pinned to another key or the key to another name, FILE_WRITE_FAILED.
   */
  pin(name: string, role: PeerRole, line: string): Peer {
    const peer: Peer = { name, role, line: line.trim(), public: importPublic(line) };
    this.#change((peers) => peers.set(peer));
    return peer;
  }

  /** Removes a pin; false when there was none. */
  unpin(name: string): boolean {
    let removed = false;
    this.#change((peers) => {
      removed = peers.delete(name);
    });
    return removed;
  }

  findById(id: PeerId): Peer | undefined {
    return this.#peers.byId.get(id);
  }

  findByName(name: string): Peer | undefined {
    return this.#peers.byName.get(name);
  }

  all(): readonly Peer[] {
    return [...this.#peers.byName.values()];
  }

  /** Changes the list as it is now on disk: others pin too (four invitations at once). On disk first: what could not be kept is not made. */
  #change(change: (peers: Pins) => void): void {
    const file = this.#file;
    if (file === null) return change(this.#peers);
    withLock(file, () => {
      this.reload();
      const peers = new Pins();
      for (const peer of this.all()) peers.set(peer);
      change(peers);
      writeAtomically(file, [...peers.byName.values()]);
      this.#peers = peers;
    });
  }
}

/** A lock is held for milliseconds; one that is still there after this was left by a crash. */
const LOCK_WAIT_MS = 2_000;
const LOCK_TRY_EVERY_MS = 10;

/** Runs `action` while no other process does the same for `file`. @throws KonsilError FILE_WRITE_FAILED. */
function withLock(file: string, action: () => void): void {
  const lock = `${file}.lock`;
  for (let waited = 0; ; waited += LOCK_TRY_EVERY_MS) {
    try {
      writeFileSync(lock, '', { mode: 0o600, flag: waited < LOCK_WAIT_MS ? 'wx' : 'w' });
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritten(file, cause);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_TRY_EVERY_MS);
    }
  }
  try {
    action();
  } finally {
    rmSync(lock, { force: true });
  }
}

const notWritten = (file: string, cause: unknown): KonsilError =>
  new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });

/** @throws KonsilError KEY_INVALID when the name is pinned to another key or the key to another name. */
function checkPin({ byName, byId }: Pins, peer: Peer): void {
  const sameName = byName.get(peer.name);
  if (sameName && sameName.public.id !== peer.public.id)
    throw new KonsilError(
      'KEY_INVALID',
      `"${peer.name}" is pinned to fingerprint ${fingerprint(sameName.public.id)}; this key has ${fingerprint(peer.public.id)}. Remove the old pin first if the key really changed`,
      { name: peer.name },
    );
  const sameKey = byId.get(peer.public.id);
  if (sameKey && sameKey.name !== peer.name)
    throw new KonsilError(
      'KEY_INVALID',
      `this key is already pinned as "${sameKey.name}"; two names for one key are refused`,
      { name: peer.name },
    );
}

function writeAtomically(file: string, peers: readonly Peer[]): void {
  const rows = peers.map(({ name, role, line }) => ({ name, role, public: line }));
  const next = `${file}.next`;
  try {
    rmSync(next, { force: true }); // left by a crash, maybe with another mode
    writeFileSync(next, `${JSON.stringify(rows, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(next, file); // atomic: a crash leaves the old list
  } catch (cause) {
    throw notWritten(file, cause);
  }
}
