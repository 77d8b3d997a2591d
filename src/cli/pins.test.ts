import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { exportPublic, generateIdentity, type Identity } from '../crypto/index.ts';
import { createIdentity, PeerBook } from '../keystore/index.ts';
import { Pins } from './pins.ts';

const idOf = (identity: Identity): string => identity.public.id;
const [modeller, pod, stranger] = [generateIdentity(), generateIdentity(), generateIdentity()];

describe('keys that a reviewer expects', () => {
  it('are those of an identity folder and those it has pinned', () => {
    const folder = join(tempFolder(), 'keys');
    const own = createIdentity(folder, 'a passphrase that is not asked for');
    const book = PeerBook.read(folder);
    book.pin('researcher', 'modeller', exportPublic(modeller));
    book.pin('clinic', 'pod', exportPublic(pod));
    const pins = Pins.read([folder]);
    expect(pins.ofPod('clinic', pod.public.id)).toBe('expected');
    expect(pins.ofPod('clinic', stranger.public.id)).toBe('OTHER KEY');
    expect(pins.ofPod('me', own.public.id)).toBe('expected');
    expect(pins.ofPod('me', stranger.public.id)).toBe('not given');
    expect(pins.ofCoordinator(modeller.public.id)).toBe('expected');
    expect(pins.ofCoordinator(stranger.public.id)).toBe('OTHER KEY');
    expect(pins.unnamedNotAmong(new Set([pod.public.id])).map(String)).toEqual([idOf(own)]);
    expect(pins.unnamedNotAmong(new Set([own.public.id]))).toEqual([]);
  });

  it('are those of a file of public identities, with or without names', () => {
    const file = join(tempFolder(), 'keys.txt');
    writeFileSync(file, `# read out on the phone\n\nclinic ${exportPublic(pod)}\n${exportPublic(modeller)}\n`);
    const pins = Pins.read([file]);
    expect(pins.ofPod('clinic', stranger.public.id)).toBe('OTHER KEY');
    expect(pins.ofPod('other', stranger.public.id)).toBe('not given');
    expect(pins.ofCoordinator(modeller.public.id)).toBe('expected');
    expect(pins.ofCoordinator(stranger.public.id)).toBe('not given');
    expect(Pins.read([]).isEmpty).toBe(true);
  });

  it('are refused, naming file and line, when they are none', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'keys.txt'), `${exportPublic(pod)}\nclinic konsil-public-v1:AAAA\n`);
    expect(() => Pins.read([join(folder, 'keys.txt')])).toThrow(/keys\.txt:2: public identity is not usable/);
    expect(() => Pins.read([join(folder, 'missing')])).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND' }));
    mkdirSync(join(folder, 'empty'));
    expect(() => Pins.read([join(folder, 'empty')])).toThrow(/no keys/);
  });
});
