/**
 * The peers an identity has pinned: name → public identity, in `peers.json` beside its key file. A pinned name never
 * silently changes its key.
 * @module
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { KonsilError } from '../base/index.ts';
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

/** The pinned peers of one identity folder. */
export class PeerBook {
  readonly #file: string | null;
  #peers = new Map<string, Peer>();

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
    let parsed: z.infer<typeof PeersSchema>;
    try {
      parsed = PeersSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (cause) {
      throw new KonsilError('KEY_INVALID', `${this.#file}: not a list of pinned peers`, {}, { cause });
    }
    this.#peers = new Map(
      parsed.map(({ name, role, public: line }) => [name, { name, role, line, public: importPublic(line) }]),
    );
  }

  /**
   * Pins `name` to the identity in `line`. Pinning the same identity again is fine.
   * @throws KonsilError KEY_INVALID when the name is pinned to another key or the key to another name.
   */
  pin(name: string, role: PeerRole, line: string): Peer {
    const peer: Peer = { name, role, line: line.trim(), public: importPublic(line) };
    const sameName = this.#peers.get(name);
    if (sameName && sameName.public.id !== peer.public.id)
      throw new KonsilError(
        'KEY_INVALID',
        `"${name}" is pinned to fingerprint ${fingerprint(sameName.public.id)}; this key has ${fingerprint(peer.public.id)}. Remove the old pin first if the key really changed`,
        { name },
      );
    const sameKey = this.findById(peer.public.id);
    if (sameKey && sameKey.name !== name)
      throw new KonsilError(
        'KEY_INVALID',
        `this key is already pinned as "${sameKey.name}"; two names for one key are refused`,
        {
          name,
        },
      );
    this.#peers.set(name, peer);
    this.#write();
    return peer;
  }

  /** Removes a pin; false when there was none. */
  unpin(name: string): boolean {
    const removed = this.#peers.delete(name);
    if (removed) this.#write();
    return removed;
  }

  findById(id: PeerId): Peer | undefined {
    return [...this.#peers.values()].find((peer) => peer.public.id === id);
  }

  findByName(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  all(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  #write(): void {
    if (this.#file === null) return;
    const rows = this.all().map(({ name, role, line }) => ({ name, role, public: line }));
    const next = `${this.#file}.next`;
    writeFileSync(next, `${JSON.stringify(rows, null, 2)}\n`, { mode: 0o600 });
    renameSync(next, this.#file); // atomic: a crash leaves the old list
  }
}
