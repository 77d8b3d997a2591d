/**
 * Speed of a private set intersection of two: `npm run bench:psi`.
 *
 * Both parties in one process over one pool of threads: CPU time, wall time and bytes of each stage, and the CPU time
 * beside that of the group multiplications alone, which no implementation of this protocol can do without: three for
 * each element of the receiver's list and one for each of the sender's.
 *
 * Options: `--receiver 100000 --sender 100000`, elements of the lists, half of the smaller one shared; `--kind
 * cardinality|intersection`; `--threads 2`.
 * @module
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { elementOf, groupReady, multiply, randomBytes, randomScalar } from '../src/crypto/index.ts';
import {
  BlindingPool,
  collectKeys,
  type KeySet,
  openPair,
  PairReceiver,
  PairSender,
} from '../src/intersection/index.ts';

const { values: flags } = parseArgs({
  options: {
    receiver: { type: 'string', default: '100000' },
    sender: { type: 'string', default: '100000' },
    kind: { type: 'string', default: 'intersection' },
    threads: { type: 'string', default: `${availableParallelism()}` },
  },
});
const [receiverSize, senderSize, threads] = [Number(flags.receiver), Number(flags.sender), Number(flags.threads)];
const kind = flags.kind === 'cardinality' ? 'cardinality' : 'intersection';
const RULE = [{ digits: true }];
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** CPU and wall seconds, and bytes that were sent. */
interface Stage {
  readonly name: string;
  readonly cpu: number;
  readonly wall: number;
  readonly bytes: number;
}

const stages: Stage[] = [];

async function stage(name: string, work: () => number | Promise<number>): Promise<void> {
  const [cpuBefore, before] = [process.cpuUsage(), performance.now()];
  const bytes = await work();
  const { user, system } = process.cpuUsage(cpuBefore);
  stages.push({ name, cpu: (user + system) / 1e6, wall: (performance.now() - before) / 1e3, bytes });
}

/** CPU milliseconds of one multiplication on this thread, of an encoded element to an encoded one. */
function multiplication(): number {
  const elements = Array.from({ length: 300 }, () => elementOf(randomBytes(64)));
  const scalar = randomScalar(randomBytes);
  for (const element of elements) multiply(element, scalar);
  const before = process.cpuUsage();
  for (const element of elements) multiply(element, scalar);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3 / elements.length;
}

async function sendAll(chunks: AsyncIterable<Uint8Array>, take: (chunk: Uint8Array) => Promise<void>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    await take(chunk);
  }
  return bytes;
}

const shared = Math.floor(Math.min(receiverSize, senderSize) / 2);
const session = openPair({
  ...{ runId: 'bench', context: new Uint8Array(32), kind, rule: RULE, receiver: 'modeller', sender: 'pod' },
  ...{ receiverSize, senderSize },
});
/** Record numbers from `first` on, in text as sites write them. */
const keysFrom = (first: number, count: number): KeySet =>
  collectKeys(
    RULE,
    Array.from({ length: count }, (_, i) => [`MRN ${first + i}`]),
  );

await groupReady;
const raw = multiplication();
const pool = new BlindingPool({ threads });
let parties: readonly [PairReceiver, PairSender] | undefined;
await stage('keys of both', () => {
  const options = { pool, random: randomBytes };
  parties = [
    new PairReceiver(session, { ...options, keys: keysFrom(1, receiverSize) }),
    new PairSender(session, { ...options, keys: keysFrom(1 + receiverSize - shared, senderSize) }),
  ];
  return 0;
});
const [receiver, sender] = parties!;
const requests: Uint8Array[] = [];
await stage('receiver blinds its list', async () =>
  sendAll(receiver.blinded(), async (chunk) => void requests.push(chunk)),
);
await stage('sender blinds it again', async () => {
  for (const chunk of requests) await sender.take(chunk);
  return 0;
});
await stage('sender answers, receiver unblinds, sender tags', async () =>
  sendAll(sender.answer(), async (chunk) => receiver.take(chunk)),
);
let count = 0;
await stage('receiver compares', async () => {
  count = (await receiver.finish()).count;
  return 0;
});
await pool.close();
if (count !== shared) throw new Error(`found ${count} shared keys, expected ${shared}`);

const total = { cpu: 0, wall: 0, bytes: 0 };
for (const { cpu, wall, bytes } of stages) {
  total.cpu += cpu;
  total.wall += wall;
  total.bytes += bytes;
}
const limit = ((3 * receiverSize + senderSize) * raw) / 1e3;
const row = ({ name, cpu, wall, bytes }: Stage): string =>
  `| ${name} | ${cpu.toFixed(1)} | ${wall.toFixed(1)} | ${(bytes / 1e6).toFixed(2)} |`;
say(
  `${kind}, ${receiverSize} x ${senderSize}, ${count} shared; node ${process.versions.node}, ${threads} threads, ${cpus().length} cores`,
);
say(`${cpus()[0]!.model}, load ${loadavg()[0]!.toFixed(1)}\n`);
say('| stage | CPU s | wall s | MB sent |\n| --- | --- | --- | --- |');
for (const one of stages) say(row(one));
say(`${row({ name: 'all', ...total })}\n`);
say(
  `one multiplication ${raw.toFixed(3)} ms; ${3 * receiverSize + senderSize} of them ${limit.toFixed(1)} s: ratio ${(total.cpu / limit).toFixed(2)}`,
);
