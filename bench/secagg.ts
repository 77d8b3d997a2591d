/**
 * CPU time of one attempt at a secure sum: what one pod spends, what the coordinator spends without losses, and with one
 * pod lost in upload. Prints one JSON document. Run: `npx tsx bench/secagg.ts`
 *
 * CPU is the process's user + system time, so other load on the machine shows less than in wall time.
 * @module
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { ClientOutput, ServerEvent, ServerOutput } from '../src/aggregation/index.ts';
import { openSession, startClient, startServer, stepClient, stepServer } from '../src/aggregation/index.ts';
import { generateSigningKey, randomBytes, sha256 } from '../src/crypto/index.ts';

/** Runs `work` and adds its CPU milliseconds to `bill[key]`. */
function billed<K extends string, T>(bill: Record<K, number>, key: K, work: () => T): T {
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  bill[key] += (user + system) / 1000;
  return result;
}

function attempt(n: number, length: number, lost: number): { client: number; server: number; control: number } {
  const identities = Array.from({ length: n }, generateSigningKey);
  const coordinator = generateSigningKey();
  const names = identities.map((_, i) => `pod-${i}`.padEnd(7));
  const session = openSession({
    runId: 'bench',
    round: 0,
    attempt: 0,
    purpose: 'update',
    roster: names.map((name, i) => ({ name, publicKey: identities[i]!.publicKey })),
    coordinator: coordinator.publicKey,
    vectorLength: length,
    publicHash: sha256(),
  });
  const bill = { client: 0, server: 0 };
  let control = 0;
  let server = startServer(session, coordinator);
  let events: ServerEvent[] = [];
  const take = (pod: string, outputs: readonly ClientOutput[]): void => {
    for (const output of outputs)
      if (output.type === 'send') events.push({ type: 'message', from: pod, bytes: output.bytes });
      else if (output.type === 'upload') events.push({ ...output, from: pod });
      else throw output.error;
  };
  const clients = new Map(
    names.map((name, i) => {
      const input = new Uint32Array(length).fill(i);
      const config = { session, self: name, identity: identities[i]!, input };
      const { state, outputs } = billed(bill, 'client', () => startClient(config, randomBytes));
      take(name, outputs);
      return [name, state];
    }),
  );
  const tell = (event: ServerEvent): readonly ServerOutput[] => {
    const { state, outputs } = billed(bill, 'server', () => stepServer(server, event));
    server = state;
    return outputs;
  };
  while (server.phase !== 'done') {
    const { phase } = server;
    // uploads arrive one after the other, so at most one masked vector is alive besides the accumulator
    for (const event of events.splice(0)) {
      if (event.type === 'message') control += event.from === names[0] ? event.bytes.length : 0;
      for (const output of tell(event)) if (output.type === 'rejected') throw output.error;
    }
    for (const output of tell({ type: 'close' })) {
      if (output.type === 'failed') throw output.error;
      if (output.type !== 'send') continue;
      if (output.to === names[0]) control += output.bytes.length;
      if (phase === 'share' && isLost(output.to)) continue;
      const { state, outputs } = billed(bill, 'client', () =>
        stepClient(clients.get(output.to)!, { type: 'message', bytes: output.bytes }),
      );
      clients.set(output.to, state);
      take(output.to, outputs);
    }
  }
  return { client: bill.client / n, server: bill.server, control };

  function isLost(name: string): boolean {
    return names.indexOf(name) >= n - lost;
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const round = (ms: number): number => Number(ms.toPrecision(3));

const results = [];
for (const n of [4, 10, 20])
  for (const length of [4096, 1_000_000]) {
    const repeats = length > 100_000 ? 3 : 5;
    attempt(n, length, 0); // warm up
    const whole = Array.from({ length: repeats }, () => attempt(n, length, 0));
    const lossy = Array.from({ length: repeats }, () => attempt(n, length, 1));
    results.push({
      n,
      length,
      clientCpuMs: round(median(whole.map(({ client }) => client))),
      serverCpuMs: round(median(whole.map(({ server }) => server))),
      serverOneLostCpuMs: round(median(lossy.map(({ server }) => server))),
      controlBytesPerPod: whole[0]!.control,
    });
  }
process.stdout.write(
  `${JSON.stringify({ cores: availableParallelism(), cpu: cpus()[0]?.model, load: loadavg()[0], node: process.version, results }, null, 2)}\n`,
);
