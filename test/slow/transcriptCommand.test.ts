/** A federation with transcripts, every part a process of its own, and its reviewer at the command line. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { introduceParties, type Party, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

let example: ReturnType<typeof exampleCopy>;
let parties: Record<PartyName, Party>;
let folder: string;
let url: string;

function start(who: PartyName, ...args: string[]): Konsil {
  return new Konsil(args, { cwd: example.folder, env: { KONSIL_BROKER_PASSWORD: parties[who].password } });
}
async function verify(...args: string[]): Promise<Konsil & { code: number }> {
  const command = new Konsil(['verify', 'transcript', ...args], { cwd: example.folder });
  return Object.assign(command, { code: await command.exit });
}
const files = (): string[] => readdirSync(folder).sort();
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
/** A copy of one transcript, changed. */
function altered(name: string, change: (text: string) => string): string {
  const path = join(example.folder, name);
  writeFileSync(path, change(read('round-0001-update-0.jsonl')));
  return path;
}

beforeAll(async () => {
  example = exampleCopy(2);
  parties = introduceParties(example.folder);
  const broker = start('researcher', 'broker', '--port', '0', '--users', 'users.json', '--json');
  url = String((await broker.until({ type: 'listening' }))['url']);
  const pods = PODS.map((name) => start(name, 'pod', `${name}.yaml`, '--broker', url, '--json'));
  await Promise.all(pods.map((pod) => pod.until({ type: 'ready' })));
  const run = start('researcher', 'run', 'task.yaml', '--broker', url, '--transcript', '--json');
  expect(await run.exit, run.text).toBe(0);
  const runs = join(example.folder, 'runs');
  folder = join(runs, readdirSync(runs)[0]!, 'transcript');
});
afterAll(async () => {
  await killAll();
  example.remove();
});

describe('konsil verify transcript', () => {
  it('finds nothing wrong with what a run left, and knows the keys that a hospital has pinned', async () => {
    expect(files()).toEqual([
      'result.jsonl',
      'round-0000-statistics-0.jsonl',
      'round-0001-update-0.jsonl',
      'round-0002-update-0.jsonl',
      'round-0003-evaluation-0.jsonl',
    ]);
    const plain = await verify(folder);
    expect(plain.code, plain.text).toBe(0);
    expect(plain.text).toMatch(/keys +4 +4 +3 +0 B +912 B/);
    expect(plain.text).toContain('signed by    hospital-a, hospital-b, hospital-c, hospital-d');
    expect(plain.text).toContain('4 transcripts: every rule is kept');
    expect(plain.text).toContain('The keys are those that the files name: give your own with --keys.');
    expect(plain.text).not.toMatch(/WRONG|note/);

    const pinned = await verify(folder, '--keys', 'keys/hospital-a', '--json');
    expect(pinned.code, pinned.text).toBe(0);
    expect(pinned.values.at(-1)).toMatchObject({ type: 'verdict', transcripts: 4, wrong: 0, keys: 'compared' });
    const update = pinned.values.find(({ purpose }) => purpose === 'update') as {
      coordinator: { key: string };
      pods: { key: string; vector: string; selfShares: number }[];
    };
    expect(update.coordinator.key).toBe('expected');
    expect(update.pods.map(({ key, selfShares }) => [key, selfShares])).toEqual(PODS.map(() => ['expected', 4]));
    expect(new Set(update.pods.map(({ vector }) => vector)).size).toBe(4);
    const { parameters } = pinned.values.find(({ type }) => type === 'result') as { parameters: string };
    expect(read('round-0003-evaluation-0.jsonl')).toContain(`"parameters":"${parameters}"`);
  });

  it('is given nothing secret: no release message, no key of anybody', () => {
    const secrets = Object.values(parties).flatMap(({ identity }) => [identity.signing, identity.agreement]);
    for (const file of files()) {
      const text = read(file);
      const messages = text
        .split('\n')
        .filter((line) => line.includes('"message"'))
        .map((line) => Buffer.from((JSON.parse(line) as { message: string }).message, 'base64'));
      expect(messages.some((message) => message[1] === 9)).toBe(false);
      for (const { secret } of secrets) {
        expect(messages.some((message) => message.includes(Buffer.from(secret)))).toBe(false);
        for (const form of ['hex', 'base64', 'base64url'] as const)
          expect(text).not.toContain(Buffer.from(secret).toString(form).slice(0, 40));
      }
    }
  });

  it('fails for a transcript that was tampered with, naming line and pod', async () => {
    const swapped = altered('swapped.jsonl', (text) =>
      text.replace(/("type":"released".*"self":\[)("hospital-a",)(.*\],"key":\[)\]/, '$1$3$2]').replace('",]', '"]'),
    );
    const found = await verify(swapped);
    expect(found.code).toBe(1);
    expect(found.text).toMatch(/WRONG +line \d+: hospital-[a-d]: released a key share of hospital-a, which survived/);
    expect(found.text).toMatch(/both its secrets were asked for/);
    expect(found.text).toContain('(TRANSCRIPT_INVALID)');
    const json = await verify(swapped, '--json');
    expect(json.values.at(-1)).toMatchObject({ type: 'error', code: 'TRANSCRIPT_INVALID' });
  });

  it('fails for other keys than the reviewer has, and says which of his are nowhere', async () => {
    const keys = join(example.folder, 'mine.txt');
    const line = read('result.jsonl').match(/"name":"hospital-b","public":"([^"]+)"/)![1]!;
    writeFileSync(keys, `hospital-a ${line}\n`);
    const other = await verify(folder, '--keys', keys);
    expect([other.code, other.text]).toEqual([
      1,
      expect.stringMatching(/\(OTHER KEY\)[^]*WRONG +line 1: hospital-a: has another key/),
    ]);
    const stranger = new Konsil(['keys', 'create', 'keys/stranger'], { cwd: example.folder });
    expect(await stranger.exit).toBe(0);
    const nowhere = await verify(folder, '--keys', 'keys/stranger');
    expect([nowhere.code, nowhere.text]).toEqual([0, expect.stringMatching(/--keys: [0-9a-f-]+ is in none of these/)]);
  });

  it('names file and line of what is no transcript', async () => {
    const cut = await verify(altered('cut.jsonl', (text) => text.slice(0, -40)));
    expect([cut.code, cut.text]).toEqual([1, expect.stringMatching(/cut\.jsonl: line \d+ is no line of a konsil/)]);
    const none = await verify('nowhere.jsonl');
    expect([none.code, none.text]).toEqual([1, expect.stringContaining('nowhere.jsonl: cannot be read')]);
  });

  it('has nothing to check of a run without masks', async () => {
    const plain = start('researcher', 'run', 'task.yaml', '--plain', '--transcript', '--broker', url);
    expect([await plain.exit, plain.text]).toEqual([2, expect.stringContaining('there is nothing to keep')]);
  });
});
