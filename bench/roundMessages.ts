/**
 * The real messages of the demo's federation: opens every envelope with the keys of its receiver (the bench owns them
 * all) and prints count and size by message, for docs/how-a-round-works.md. `npx tsx bench/roundMessages.ts`
 */

import { Federation } from '../sim/federation.ts';
import { openEnvelope } from '../src/crypto/index.ts';
import { decodeHeader, decodeMessage, inboxTopic } from '../src/wire/index.ts';

const federation = await Federation.open({ task: (yaml) => yaml });
const outcome = await federation.run();
if (outcome.status !== 'complete') throw new Error(outcome.reason);
const parties = Object.entries(federation.world);
const nameOf = new Map(parties.map(([name, { identity }]) => [identity.public.id, name]));
const rows = new Map<string, { count: number; bytes: number[] }>();
let round = 0;
for (const { topic, payload } of federation.broker.log) {
  const receiver = parties.find(([, { identity }]) => inboxTopic(identity.public.id) === topic);
  if (!receiver) continue;
  const { header, body } = openEnvelope(receiver[1].identity, payload, (id) => {
    const sender = parties.find(([, { identity }]) => identity.public.id === id);
    return sender?.[1].identity.public;
  });
  const { kind, phase, round: at, from } = decodeHeader(header);
  const direction = nameOf.get(from) === 'modeller' ? 'to pod' : 'from pod';
  // one middle round, whose sizes are those of every round
  if (phase === 'update' && at === 5) round = at;
  const where = phase === 'update' ? (at === 5 ? 'update' : null) : phase || 'session';
  if (where === null) continue;
  const message = kind === 'data' ? decodeMessage(body) : null;
  const name = message ? message.type + (message.type === 'SECURE_SHARE' && message.vector ? ' (manifest)' : '') : kind;
  const key = `${where} | ${name} | ${direction}`;
  const row = rows.get(key) ?? { count: 0, bytes: [] };
  row.count++;
  row.bytes.push(payload.length);
  rows.set(key, row);
}
const table = [...rows].map(([key, { count, bytes }]) => ({
  key,
  count,
  smallest: Math.min(...bytes),
  largest: Math.max(...bytes),
}));
const update = table.filter(({ key }) => key.startsWith('update'));
const total = [...rows]
  .filter(([key]) => key.startsWith('update'))
  .flatMap(([, { bytes }]) => bytes)
  .reduce((a, b) => a + b, 0);
process.stdout.write(
  `${JSON.stringify(
    {
      pods: 4,
      round,
      modelFloat32Bytes: 4 * outcome.facts!.parameters,
      maskedVectorBytes: outcome.rounds.at(-1)!.vectorBytes,
      bytesPerRoundPerPod: Math.round(total / 4),
      messages: table.filter(({ key }) => !key.startsWith('update')),
      update,
    },
    null,
    1,
  )}\n`,
);
await federation.close();
process.exit(0);
