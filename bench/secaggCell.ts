/**
 * Part (b) of bench/secagg.ts, one cohort: a whole attempt at a secure sum with all state machines, every message made
 * and checked, for several vector lengths.
 *
 * The messages do not depend on the vector's length. So one attempt runs with the shortest vector, all clients masking
 * theirs and the sum compared with the plain one; for longer vectors a few clients do their bulk work with the masks of
 * that attempt, and the coordinator does all of its own: hash, unpacking and sum of every survivor's vector, every mask.
 * @module
 */
import {
  type ClientOutput,
  type ClientState,
  commitNonce,
  GRAPH_NONCE_BYTES,
  openSession,
  packLanes,
  type ServerEvent,
  type ServerOutput,
  type Session,
  shapeOf,
  startClient,
  startServer,
  stepClient,
  stepServer,
  toWire,
  unpackLanes,
  wireBytes,
} from '../src/aggregation/index.ts';
import {
  addVectors,
  applyMasks,
  generateSigningKey,
  type MaskKey,
  randomBytes,
  sha256,
  shapeBytes,
} from '../src/crypto/index.ts';
import { type BulkReport, measureBulk, specOf, updateOf, WEIGHT } from './secaggBulk.ts';
import { NO_TIME, optionsOf, peakMiB, plus, report, type Times, timed } from './secaggMeasure.ts';

const PHASES = ['advertise', 'share', 'upload', 'sign', 'release'] as const;
type Phase = (typeof PHASES)[number];
type Bill = Record<Phase, Times>;

export interface CellOptions {
  readonly n: number;
  readonly dropouts: number;
  readonly graph: 'auto' | 'complete';
  /** Ascending. */
  readonly lengths: readonly number[];
  /** Clients that do their bulk work for vectors longer than the first. */
  readonly sample: number;
  /** Longest a vector length may keep the coordinator, by estimate. */
  readonly limitS: number;
}

/** One cohort. Times in milliseconds; a client's are means. */
export interface CellReport extends CellOptions {
  readonly k: number;
  readonly t: number;
  readonly lost: number;
  /** Messages without vectors: made, checked, masks derived. By the phase in which they are answered or collected. */
  readonly client: Bill;
  readonly server: Bill;
  /** Bytes to and from one client, envelopes and vectors not counted. */
  readonly controlBytes: number;
  readonly bulk: readonly BulkReport[];
  readonly peakMiB: number;
}

const options = optionsOf<CellOptions>({
  ...{ n: 10, dropouts: 0.2, graph: 'auto', lengths: [10_000, 100_000], sample: 3, limitS: 60 },
});
const { n, dropouts, lengths } = options;
const lost = Math.floor(n * dropouts);
const spec = specOf(n, lengths[0]!);
const names = Array.from({ length: n }, (_, i) => `pod-${String(i).padStart(4, '0')}`);
const isLost = (name: string): boolean => names.indexOf(name) >= n - lost;

/** Everything of one attempt that the figures are made of. */
interface Attempt {
  readonly session: Session;
  readonly client: Bill;
  readonly server: Bill;
  readonly controlBytes: number;
  readonly clientMasks: readonly (readonly MaskKey[])[];
  readonly serverMasks: readonly MaskKey[];
}

const emptyBill = (): Bill => Object.fromEntries(PHASES.map((phase) => [phase, NO_TIME])) as Bill;
const copyOf = (masks: readonly MaskKey[]): MaskKey[] => masks.map(({ key, sign }) => ({ key: key.slice(), sign }));

function runAttempt(): Attempt {
  const identities = names.map(() => generateSigningKey());
  const nonces = names.map(() => randomBytes(GRAPH_NONCE_BYTES));
  const coordinator = generateSigningKey();
  const session = openSession({
    ...{ runId: 'bench', round: 0, attempt: 0, purpose: 'update', publicHash: sha256() },
    roster: names.map((name, i) => ({ name, publicKey: identities[i]!.publicKey })),
    coordinator: coordinator.publicKey,
    assumptions: { graph: options.graph, dropouts: Math.max(0.1, dropouts) },
    commitments: new Map(names.map((name, i) => [name, commitNonce(nonces[i]!)])),
    shape: shapeOf(spec),
    wireBytes: wireBytes(spec),
  });
  const bills = { client: emptyBill(), server: emptyBill() };
  const billed = <T>(who: 'client' | 'server', phase: Phase, work: () => T): T => {
    const { result, times } = timed(work);
    bills[who][phase] = plus(bills[who][phase], times);
    return result;
  };
  const clientMasks: MaskKey[][] = [];
  const sum = new Uint8Array(shapeBytes(session.shape));
  const plain = new Float64Array(lengths[0]!);
  const states = new Map<string, ClientState>();
  let controlBytes = 0;
  let events: ServerEvent[] = [];
  let serverMasks: MaskKey[] = [];

  const take = (name: string, phase: Phase, outputs: readonly ClientOutput[]): void => {
    for (const output of outputs)
      if (output.type === 'send') events.push({ type: 'message', from: name, bytes: output.bytes });
      else if (output.type === 'upload') events.push({ type: 'upload', from: name, manifest: output.manifest });
      else if (output.type === 'mask') mask(name, phase, output.masks);
      else throw output.error;
  };
  const step = (name: string, phase: Phase, event: Parameters<typeof stepClient>[1]): void => {
    const { state, outputs } = billed('client', phase, () => stepClient(states.get(name)!, event));
    states.set(name, state);
    take(name, phase, outputs);
  };
  const mask = (name: string, phase: Phase, masks: readonly MaskKey[]): void => {
    if (clientMasks.length < options.sample) clientMasks.push(copyOf(masks));
    const update = updateOf(lengths[0]!, names.indexOf(name));
    const lanes = packLanes({ update, weight: WEIGHT, extras: { loss: 1 }, counts: {} }, spec);
    applyMasks(lanes, session.shape, masks);
    addVectors(sum, lanes, session.shape);
    update.forEach((value, i) => (plain[i]! += value / (n - lost)));
    step(name, phase, { type: 'masked', sha256: sha256(toWire(lanes, spec)) });
  };
  let server = startServer(session, coordinator);
  const tell = (phase: Phase, event: ServerEvent): readonly ServerOutput[] => {
    const { state, outputs } = billed('server', phase, () => stepServer(server, event));
    server = state;
    return outputs;
  };

  names.forEach((self, i) => {
    const config = { session, self, identity: identities[i]!, nonce: nonces[i]! };
    const { state, outputs } = billed('client', 'advertise', () => startClient(config, randomBytes));
    states.set(self, state);
    take(self, 'advertise', outputs);
  });
  for (const [at, phase] of PHASES.entries()) {
    for (const event of events.splice(0)) {
      if (event.type === 'message' && event.from === names[0]) controlBytes += event.bytes.length;
      if (event.type === 'upload' && event.from === names[0]) controlBytes += event.manifest.length;
      for (const output of tell(phase, event)) if (output.type === 'rejected') throw output.error;
    }
    for (const output of tell(phase, { type: 'close' }))
      if (output.type === 'failed') throw output.error;
      else if (output.type === 'unmask') serverMasks = copyOf(output.masks);
      else if (output.type === 'send') {
        if (output.to === names[0]) controlBytes += output.bytes.length;
        // lost after sharing: the costliest moment, for their masks are in everybody's vector
        if (phase !== 'share' || !isLost(output.to))
          step(output.to, PHASES[at + 1]!, { type: 'message', bytes: output.bytes });
      }
  }
  applyMasks(sum, session.shape, serverMasks);
  const { mean } = unpackLanes(sum, spec, n - lost);
  const worst = mean.reduce((most, value, i) => Math.max(most, Math.abs(value - plain[i]!)), 0);
  if (worst > 1e-4) throw new Error(`the sum is off by ${worst}`);
  return { session, ...bills, controlBytes, clientMasks, serverMasks };
}

const perClient = (bill: Bill): Bill => {
  const answered: Record<Phase, number> = {
    advertise: n,
    share: n,
    upload: n - lost,
    sign: n - lost,
    release: n - lost,
  };
  const mean = ({ cpu, wall }: Times, count: number): Times => ({ cpu: cpu / count, wall: wall / count });
  return Object.fromEntries(PHASES.map((phase) => [phase, mean(bill[phase], answered[phase])])) as Bill;
};

if (n <= 100) runAttempt(); // compiles
const attempt = runAttempt();
const { clientMasks, serverMasks } = attempt;
const bulk: BulkReport[] = [];
for (const length of lengths)
  bulk.push(await measureBulk({ ...options, length, uploads: n - lost, clientMasks, serverMasks }));
const answer: CellReport = {
  ...options,
  ...{ k: attempt.session.k, t: attempt.session.t, lost },
  ...{ client: perClient(attempt.client), server: attempt.server, controlBytes: attempt.controlBytes, bulk },
  peakMiB: peakMiB(),
};
report(answer);
