import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { exportPublic, generateIdentity } from '../crypto/index.ts';
import { PeerBook } from './peers.ts';

const line = (): string => exportPublic(generateIdentity());
const invalid = expect.objectContaining({ code: 'KEY_INVALID' });

describe('pinned peers', () => {
  it('are there for the next process, in the order they were pinned', () => {
    const folder = tempFolder();
    const book = PeerBook.read(folder);
    const [a, b] = [book.pin('a', 'pod', line()), book.pin('b', 'modeller', `${line()}\n`)];
    expect(PeerBook.read(folder).all()).toEqual([a, b]);
    expect(book.findByName('a')).toEqual(a);
    expect(book.findById(b.public.id)).toEqual(b);
    expect(book.findByName('c')).toBeUndefined();
  });

  it('are seen by a book that reads again', () => {
    const folder = tempFolder();
    const book = PeerBook.read(folder);
    PeerBook.read(folder).pin('a', 'pod', line());
    expect(book.findByName('a')).toBeUndefined();
    book.reload();
    expect(book.findByName('a')?.role).toBe('pod');
  });

  it('pinned by two processes at the same time are all kept', () => {
    const folder = tempFolder();
    const [one, two] = [PeerBook.read(folder), PeerBook.read(folder)];
    const key = line();
    one.pin('a', 'pod', key);
    two.pin('b', 'pod', line());
    one.unpin('a');
    two.pin('c', 'pod', key);
    expect(
      PeerBook.read(folder)
        .all()
        .map(({ name }) => name),
    ).toEqual(['b', 'c']);
  });

  it('pinned by several real processes at once are all kept', async () => {
    const folder = tempFolder();
    const keys = Array.from({ length: 12 }, line);
    const script = (some: string[], k: number): string => `
      const { PeerBook } = await import(${JSON.stringify(new URL('./peers.ts', import.meta.url).href)});
      const book = PeerBook.read(${JSON.stringify(folder)});
      ${JSON.stringify(some)}.forEach((key, i) => book.pin(\`${k}-\${i}\`, 'pod', key));`;
    const pin = promisify(execFile);
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval'];
    await Promise.all([0, 1, 2].map((k) => pin(process.execPath, [...args, script(keys.slice(4 * k, 4 * k + 4), k)])));
    expect(PeerBook.read(folder).all()).toHaveLength(12);
  });

  it('never change their key, and one key never gets two names', () => {
    const folder = tempFolder();
    const book = PeerBook.read(folder);
    const [first, second] = [line(), line()];
    book.pin('a', 'pod', first);
    const before = readFileSync(join(folder, 'peers.json'));
    expect(() => book.pin('a', 'pod', second)).toThrow(/is pinned to fingerprint/);
    expect(() => book.pin('b', 'pod', first)).toThrow(/two names for one key/);
    expect(() => book.pin('c', 'pod', 'not a key')).toThrow(invalid);
    expect(readFileSync(join(folder, 'peers.json'))).toEqual(before);
    expect(book.all()).toHaveLength(1);
    expect(book.pin('a', 'pod', first).name).toBe('a');
  });

  it('may change their key after the old pin was removed', () => {
    const folder = tempFolder();
    const book = PeerBook.read(folder);
    book.pin('a', 'pod', line());
    expect(book.unpin('a')).toBe(true);
    expect(book.unpin('a')).toBe(false);
    expect(PeerBook.read(folder).all()).toEqual([]);
    const again = book.pin('a', 'pod', line());
    expect(PeerBook.read(folder).findByName('a')).toEqual(again);
  });

  it('are written in one step, readable by the owner alone', () => {
    const folder = tempFolder();
    // what a crash in the middle of an earlier write would leave
    writeFileSync(join(folder, 'peers.json.next'), '[{"na');
    writeFileSync(join(folder, 'peers.json.lock'), '');
    expect(PeerBook.read(folder).all()).toEqual([]);
    PeerBook.read(folder).pin('a', 'pod', line());
    expect(readdirSync(folder)).toEqual(['peers.json']);
    expect(statSync(join(folder, 'peers.json')).mode & 0o777).toBe(0o600);
    expect(PeerBook.read(folder).all()).toHaveLength(1);
  });

  it.each([
    ['no JSON', '['],
    ['no list', '{}'],
    ['an unknown role', `[{"name":"a","role":"boss","public":"${line()}"}]`],
    ['a bad key', '[{"name":"a","role":"pod","public":"konsil-public-v1:AAAA"}]'],
    ['a name twice', `[${[line(), line()].map((key) => `{"name":"a","role":"pod","public":"${key}"}`).join()}]`],
  ])('are refused, naming the file, when it holds %s', (_what, text) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'peers.json'), text);
    expect(() => PeerBook.read(folder)).toThrow(invalid);
    expect(() => PeerBook.read(folder)).toThrow(/peers\.json/);
  });

  it('say why they cannot be written', () => {
    const book = PeerBook.read(join(tempFolder(), 'missing'));
    expect(() => book.pin('a', 'pod', line())).toThrow(expect.objectContaining({ code: 'FILE_WRITE_FAILED' }));
    expect(book.all()).toEqual([]);
  });
});
