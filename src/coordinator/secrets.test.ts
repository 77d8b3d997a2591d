import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { EXAMPLE, Federation } from '../../sim/federation.ts';
import { drawnDuring, showsSecret } from '../../test/attacks/support/randomness.ts';

let federation: Federation;
afterEach(() => federation.close());

const printed = (thing: unknown): string =>
  `${inspect(thing, { depth: 9, showHidden: true, maxArrayLength: 60 })} ${JSON.stringify(thing)} ${String(thing)}`;

it('leaves no secret in any file, event, notice or message of a whole run in which pods are lost', async () => {
  const drawn = await drawnDuring(async () => {
    federation = await Federation.open();
    federation.onEvent = ({ type }) => {
      if (type === 'round') federation.kill('hospital-d');
    };
    await federation.run();
  });
  const { folder, events, notices, broker, world } = federation;
  const secrets = drawn.filter(({ length }) => length === 32);
  // four secrets a pod and sum, and a fresh key for each envelope
  expect(secrets.length).toBeGreaterThan(100);
  for (const { identity } of Object.values(world)) secrets.push(identity.signing.secret, identity.agreement.secret);

  const isShipped = new Set(readdirSync(EXAMPLE, { recursive: true, encoding: 'utf8' }));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const written = files
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => !isShipped.has(path.slice(folder.length + 1)));
  expect(written.some((path) => path.endsWith('sums.jsonl'))).toBe(true);
  const texts = [
    ...written.map((path) => readFileSync(path, 'latin1')),
    ...events.map(printed),
    ...notices.map(printed),
    ...[...federation.running.values()].map(printed),
    ...broker.log.map(({ topic, payload }) => topic + Buffer.from(payload).toString('latin1')),
  ];
  const all = texts.join('\n');
  expect(showsSecret(`${all}${Buffer.from(secrets[5]!).toString('hex')}`, secrets)).toBe(true);
  expect(secrets.filter((secret) => showsSecret(all, [secret])).length).toBe(0);
});
