/**
 * Keys that a reviewer has from elsewhere than the file under review: those an identity has pinned, its own, or lines
 * that were read out or mailed.
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isKonsilError, KonsilError } from '../base/index.ts';
import { importPublic, type PeerId } from '../crypto/index.ts';
import { PeerBook } from '../keystore/index.ts';

/** How a key compares with those given: `other` is known to be wrong. */
export type Pin = 'expected' | 'not given' | 'OTHER KEY';

const PUBLIC_FILE = 'public.txt';

/** Expected keys; empty when none were given. */
export class Pins {
  readonly #byName = new Map<string, PeerId>();
  readonly #modellers = new Set<PeerId>();
  readonly #all = new Set<PeerId>();

  /**
   * @param paths - Identity folders, or files with a public identity a line, with a pod's name before it or none.
   * @throws KonsilError FILE_NOT_FOUND or KEY_INVALID naming the file.
   */
  static read(paths: readonly string[]): Pins {
    const pins = new Pins();
    for (const path of paths)
      if (pins.#add(path) === 0) throw new KonsilError('FILE_NOT_FOUND', `${path}: no keys here`, { path });
    return pins;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  ofPod(name: string, id: PeerId): Pin {
    const expected = this.#byName.get(name);
    if (expected !== undefined) return expected === id ? 'expected' : 'OTHER KEY';
    return this.#all.has(id) ? 'expected' : 'not given';
  }

  /** A coordinator must be one of the modellers, where some were given. */
  ofCoordinator(id: PeerId): Pin {
    if (this.#all.has(id)) return 'expected';
    return this.#modellers.size > 0 ? 'OTHER KEY' : 'not given';
  }

  /** Keys given without a name that are not among `ids`; the reviewer's own pod's should be. */
  unnamedNotAmong(ids: ReadonlySet<PeerId>): PeerId[] {
    const named = new Set([...this.#byName.values(), ...this.#modellers]);
    return [...this.#all].filter((id) => !named.has(id) && !ids.has(id));
  }

  /** @returns how many keys it has. */
  #add(path: string): number {
    if (!statOf(path).isDirectory()) return this.#addLines(path);
    const own = isFile(join(path, PUBLIC_FILE)) ? this.#addLines(join(path, PUBLIC_FILE)) : 0;
    const peers = PeerBook.read(path).all();
    for (const { name, role, public: peer } of peers) {
      this.#all.add(peer.id);
      if (role === 'modeller') this.#modellers.add(peer.id);
      else this.#byName.set(name, peer.id);
    }
    return own + peers.length;
  }

  #addLines(file: string): number {
    let count = 0;
    for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      const words = line.trim().split(/\s+/);
      if (line.trim() === '' || line.startsWith('#')) continue;
      try {
        const { id } = importPublic(words.at(-1)!);
        this.#all.add(id);
        count++;
        if (words.length > 1) this.#byName.set(words.slice(0, -1).join(' '), id);
      } catch (cause) {
        if (!isKonsilError(cause)) throw cause;
        throw new KonsilError('KEY_INVALID', `${file}:${i + 1}: ${cause.message}`, { file }, { cause });
      }
    }
    return count;
  }
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${path}: cannot be read`, { path }, { cause });
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there: the folder has pinned peers only
  }
}
