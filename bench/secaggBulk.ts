/**
 * The work on vectors in one attempt at a secure sum, of one length: a few clients', and all of the coordinator's.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import {
  fromWire,
  packLanes,
  shapeOf,
  toWire,
  unpackLanes,
  type VectorSpec,
  wireBytes,
} from '../src/aggregation/index.ts';
import { allocateVector, type MaskKey, MaskPool, randomBytes, sha256, shapeBytes } from '../src/crypto/index.ts';
import { median, NO_TIME, peakMiB, plus, type Times, timed, timedAsync } from './secaggMeasure.ts';

/** Every client's sample count. */
export const WEIGHT = 500;

/** A plain update of 32 bits a parameter, with one metric. */
export const specOf = (cohort: number, updateLength: number): VectorSpec => ({
  ...{ cohort, updateLength, clip: 1, maxWeight: 1000, bits: 32, extras: ['loss'], counts: [] },
});

/** Numbers in (-0.5, 0.5), different for every client. */
export function updateOf(length: number, client: number): Float32Array {
  const update = new Float32Array(length);
  let state = (client + 1) * 0x9e3779b1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    update[i] = state / 2 ** 32 - 0.5;
  }
  return update;
}

export interface BulkOptions {
  readonly length: number;
  readonly n: number;
  /** Survivors. */
  readonly uploads: number;
  readonly clientMasks: readonly (readonly MaskKey[])[];
  readonly serverMasks: readonly MaskKey[];
  readonly limitS: number;
}

const CLIENT_STEPS = ['quantise', 'mask', 'pack', 'hash'] as const;
type ClientBill = Record<(typeof CLIENT_STEPS)[number], Times>;
const SERVER_STEPS = ['hash', 'unpack', 'add', 'unmask', 'decode'] as const;

/** Milliseconds; a client's are medians of the sample, masks on one thread of a pool. `skipped`: why the coordinator was not measured. */
export interface BulkReport {
  readonly length: number;
  readonly wireBytes: number;
  /** Masks a client applies, mean. */
  readonly masks: number;
  readonly serverMasks: number;
  /** One copy of the vector, and as many bytes of AES-256-CTR from Node's interface. */
  readonly copy: Times;
  readonly aes: Times;
  readonly client: Readonly<Record<(typeof CLIENT_STEPS)[number], Times>>;
  /** `overlapped`: hash, unpack and add once more, two vectors at a time, as a coordinator does. */
  readonly server: Readonly<Record<(typeof SERVER_STEPS)[number] | 'overlapped', Times>> | null;
  readonly skipped: string | null;
  /** Peak memory of the process up to here, which plays all parties. */
  readonly peakMiB: number;
}

const bill = <K extends string>(steps: readonly K[]): Record<K, Times> =>
  Object.fromEntries(steps.map((step) => [step, NO_TIME])) as Record<K, Times>;

function medianBill<K extends string>(steps: readonly K[], bills: readonly Record<K, Times>[]): Record<K, Times> {
  const of = (step: K, what: keyof Times): number => median(bills.map((each) => each[step][what]));
  return Object.fromEntries(steps.map((step) => [step, { cpu: of(step, 'cpu'), wall: of(step, 'wall') }])) as Record<
    K,
    Times
  >;
}

/** Bytes of key stream a second that a thread makes at least; only to tell beforehand what takes too long. */
const STREAM_RATE = 2e9;

export async function measureBulk(options: BulkOptions): Promise<BulkReport> {
  const { length, n, clientMasks, serverMasks, limitS } = options;
  const spec = specOf(n, length);
  const shape = shapeOf(spec);
  const bytes = shapeBytes(shape);
  let wire: Uint8Array = new Uint8Array(0);

  const pool = new MaskPool({ threads: 1 });
  await warmUp(pool);
  const into = allocateVector(shape);
  const clientOnce = async (masks: readonly MaskKey[], client: number): Promise<ClientBill> => {
    const times = bill(CLIENT_STEPS);
    const run = async <T>(step: (typeof CLIENT_STEPS)[number], work: () => T | Promise<T>): Promise<T> => {
      const taken = await timedAsync(async () => work());
      times[step] = taken.times;
      return taken.result;
    };
    into.fill(0);
    const update = updateOf(length, client);
    const lanes = await run('quantise', () =>
      packLanes({ update, weight: WEIGHT, extras: { loss: 1 }, counts: {} }, spec, { into }),
    );
    await run('mask', async () => pool.applyMasks(lanes, shape, masks));
    wire = await run('pack', () => toWire(lanes, spec));
    await run('hash', () => sha256(wire));
    return times;
  };
  // short vectors again and again: one measurement would be of the clock
  const repeats = Math.max(1, Math.min(20, Math.ceil(2e6 / length)));
  const clients: ClientBill[] = [];
  for (let i = 0; i < repeats; i++)
    for (const [client, masks] of clientMasks.entries()) clients.push(await clientOnce(masks, client));
  await pool.close();
  const limits = Array.from({ length: 5 }, () => [timedCopy(bytes), timedAes(bytes)] as const);
  const seconds = (bytes * (serverMasks.length + options.uploads)) / STREAM_RATE;
  const skipped = seconds > limitS ? `about ${Math.round(seconds)} s of key stream and sums, limit ${limitS} s` : null;
  const server = skipped ? null : await serverOnce(options, spec, wire);
  return {
    length,
    wireBytes: wireBytes(spec),
    masks: clientMasks.reduce((sum, masks) => sum + masks.length, 0) / clientMasks.length,
    serverMasks: serverMasks.length,
    copy: medianBill(
      ['copy'],
      limits.map(([copy]) => ({ copy })),
    ).copy,
    aes: medianBill(
      ['aes'],
      limits.map(([, aes]) => ({ aes })),
    ).aes,
    client: medianBill(CLIENT_STEPS, clients),
    server,
    skipped,
    peakMiB: peakMiB(),
  };
}

/** `wire` stands for every survivor's vector: what is done to it does not depend on what is in it. */
async function serverOnce(
  { length, n, uploads, serverMasks }: BulkOptions,
  spec: VectorSpec,
  wire: Uint8Array,
): Promise<BulkReport['server']> {
  const times = bill(SERVER_STEPS);
  const run = async <T>(step: (typeof SERVER_STEPS)[number], work: () => T | Promise<T>): Promise<T> => {
    const taken = await timedAsync(async () => work());
    times[step] = plus(times[step], taken.times);
    return taken.result;
  };
  const shape = shapeOf(spec);
  const pool = new MaskPool();
  const sum = allocateVector(shape);
  await warmUp(pool);
  const arrived = allocateVector([{ bits: 8, length: wire.length }]).subarray(0, wire.length);
  arrived.set(wire);
  const vector = allocateVector(shape);
  for (let i = 0; i < uploads; i++) {
    await run('hash', async () => pool.sha256(arrived));
    await run('unpack', () => fromWire(arrived, spec, vector));
    await run('add', async () => pool.add(sum, vector, shape));
  }
  const overlapped = await timedAsync(async () => {
    // as vectors come in: one is hashed on a thread while another is added
    let added: Promise<void> = Promise.resolve();
    const lanes = [vector, allocateVector(shape)];
    const take = async (first: number): Promise<void> => {
      for (let i = first; i < uploads; i += 2) {
        await pool.sha256(arrived);
        const mine = fromWire(arrived, spec, lanes[first]) as typeof vector;
        added = added.then(() => pool.add(sum, mine, shape));
        await added;
      }
    };
    await Promise.all([take(0), take(1)]);
  });
  await run('unmask', async () => pool.applyMasks(sum, shape, serverMasks));
  await pool.close();
  const plain = packLanes({ update: updateOf(length, n), weight: WEIGHT, extras: { loss: 1 }, counts: {} }, spec);
  await run('decode', () => unpackLanes(plain, spec, 1));
  return { ...times, overlapped: overlapped.times };
}

/** A coordinator's threads have started and compiled long before its first large sum. */
async function warmUp(pool: MaskPool): Promise<void> {
  const shape = [{ bits: 32, length: 1 << 20 }] as const;
  const vector = allocateVector(shape);
  for (let i = 0; i < 10; i++) {
    await pool.applyMasks(vector, shape, [{ key: randomBytes(32), sign: -1 }]);
    await pool.add(vector, vector, shape);
    await pool.sha256(vector);
  }
}

function timedCopy(bytes: number): Times {
  const [to, from] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes).fill(2)];
  return timed(() => to.set(from)).times;
}

const PIECE = new Uint8Array(32_768);

function timedAes(bytes: number): Times {
  return timed(() => {
    const cipher = createCipheriv('aes-256-ctr', randomBytes(32), new Uint8Array(16));
    for (let at = 0; at < bytes; at += PIECE.length) cipher.update(PIECE.subarray(0, bytes - at));
  }).times;
}
