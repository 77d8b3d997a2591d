/**
 * A cohort of pods and a coordinator in memory, reproducible from a seed; tests lose, repeat, alter and forge what it says.
 * @module
 */
import { createPrivateKey } from 'node:crypto';
import {
  type ClientOutput,
  type ClientState,
  commitNonce,
  openSession,
  type ServerEvent,
  type ServerOutput,
  type ServerState,
  type Session,
  type SessionParameters,
  startClient,
  startServer,
  stepClient,
  stepServer,
} from '../../src/aggregation/index.ts';
import { bytesOf, frame, fromBase64Url, toBase64Url } from '../../src/base/index.ts';
import {
  addVectors,
  applyMasks,
  hkdf,
  type KeyPair,
  type MaskKey,
  type RandomBytes,
  sha256,
  shapeBytes,
} from '../../src/crypto/index.ts';

/** Deterministic stand-in for a CSPRNG: HKDF of a label and a call counter. Tests only. */
export function seededBytes(label: string): RandomBytes {
  let calls = 0;
  return (length) => hkdf(sha256(frame(label)), new Uint8Array(0), frame('test bytes', calls++), length);
}

/** Ed25519 key pair of a label. */
export function signingKeyOf(label: string): KeyPair {
  return signingKeyOfSeed(sha256(frame('test identity', label)));
}

/** Ed25519 key pair of a seed. */
export function signingKeyOfSeed(secret: Uint8Array): KeyPair {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret]);
  const jwk = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  if (jwk.d !== toBase64Url(secret)) throw new Error('key import changed the seed');
  return { secret, publicKey: fromBase64Url(jwk.x!) };
}

export const podNames = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `pod-${String(i).padStart(2, '0')}`);

const identities = new Map<string, KeyPair>();
export function identityOf(name: string): KeyPair {
  const known = identities.get(name) ?? signingKeyOf(name);
  identities.set(name, known);
  return known;
}

/** A session whose vector is `length` words of 32 bits. */
export function testSession(n: number, length: number, overrides: Partial<SessionParameters> = {}): Session {
  const assumptions = overrides.assumptions ?? {};
  const attempt = overrides.attempt ?? 0;
  return openSession({
    runId: 'run-1',
    round: 3,
    attempt,
    purpose: 'update',
    roster: podNames(n).map((name) => ({ name, publicKey: identityOf(name).publicKey })),
    coordinator: identityOf('coordinator').publicKey,
    shape: [{ bits: 32, length }],
    wireBytes: 4 * length,
    publicHash: sha256(frame('model')),
    assumptions,
    commitments: new Map(podNames(n).map((name) => [name, commitNonce(nonceOf(name, attempt))])),
    ...overrides,
  });
}

/** A pod's nonce for the neighbour graph. */
export function nonceOf(name: string, attempt: number): Uint8Array {
  return sha256(frame('test nonce', name, attempt));
}

/** Words of a session's vector. */
export const lengthOf = ({ wireBytes }: Session): number => wireBytes / 4;

/** A pod's input: uniform words of a seed. */
export function inputOf(name: string, length: number, label = 'input'): Uint32Array {
  const bytes = new Uint8Array(4 * length);
  const block = 8160; // HKDF-SHA-256's longest output
  for (let at = 0; at < bytes.length; at += block)
    bytes.set(hkdf(sha256(frame(label, name)), new Uint8Array(0), frame(at), Math.min(block, bytes.length - at)), at);
  return new Uint32Array(bytes.buffer);
}

/** Plain sum mod 2^32 of the inputs of `names`. */
export function plainSum(names: readonly string[], length: number, label = 'input'): Uint32Array {
  const sum = new Uint32Array(length);
  for (const name of names) inputOf(name, length, label).forEach((word, i) => (sum[i] = (sum[i]! + word) >>> 0));
  return sum;
}

/** The sum over exactly `survivors`, as plain words. */
export interface SumReport {
  readonly type: 'sum';
  readonly words: Uint32Array;
  readonly survivors: readonly string[];
}

/** An event, and the masked vector that was fetched for it. */
export type Delivery = ServerEvent & { readonly vector?: Uint8Array };

/** The code that pods and coordinator run; some tests take a defence out of it. */
type Machines = Pick<
  typeof import('../../src/aggregation/index.ts'),
  'startClient' | 'startServer' | 'stepClient' | 'stepServer'
>;
const MACHINES: Machines = { startClient, startServer, stepClient, stepServer };

export interface Cohort {
  readonly session: Session;
  readonly machines: Machines;
  server: ServerState;
  /** What the coordinator has added up. */
  readonly sum: Uint8Array;
  readonly clients: Map<string, ClientState>;
  /** What each pod sums, and what became of it by masking. */
  readonly inputs: Map<string, Uint32Array>;
  readonly masked: Map<string, Uint8Array>;
  /** Everything the coordinator told its caller that is not a message. */
  readonly reports: (Extract<ServerOutput, { type: 'rejected' | 'complaint' | 'failed' }> | SumReport)[];
  /** What the pods told their callers that is not a message. */
  readonly podReports: { pod: string; output: Extract<ClientOutput, { type: 'rejected' | 'aborted' }> }[];
  /** Whether vectors are masked as soon as the masks are there; otherwise when the test calls {@link maskNext}. */
  isMasking: boolean;
  readonly toMask: { readonly pod: string; readonly masks: readonly MaskKey[] }[];
  /** Messages to pods and to the coordinator, in order, not delivered yet. */
  toPods: { to: string; bytes: Uint8Array }[];
  toServer: Delivery[];
}

/** @param models what pods work from, where they differ from the session's. */
export function makeCohort(
  session: Session,
  label = 'cohort',
  models: Readonly<Record<string, Session>> = {},
  machines = MACHINES,
): Cohort {
  const cohort: Cohort = {
    session,
    machines,
    server: machines.startServer(session, identityOf('coordinator')),
    sum: new Uint8Array(shapeBytes(session.shape)),
    clients: new Map(),
    inputs: new Map(),
    masked: new Map(),
    reports: [],
    podReports: [],
    isMasking: true,
    toMask: [],
    toPods: [],
    toServer: [],
  };
  for (const { name } of session.roster) {
    cohort.inputs.set(name, inputOf(name, lengthOf(session)));
    const started = machines.startClient(
      {
        session: models[name] ?? session,
        self: name,
        identity: identityOf(name),
        nonce: nonceOf(name, session.attempt),
      },
      seededBytes(`${label}/${name}/${session.attempt}`),
    );
    cohort.clients.set(name, started.state);
    takePodOutputs(cohort, name, started.outputs);
  }
  return cohort;
}

export function takePodOutputs(cohort: Cohort, pod: string, outputs: readonly ClientOutput[]): void {
  for (const output of outputs) {
    if (output.type === 'send') cohort.toServer.push({ type: 'message', from: pod, bytes: output.bytes });
    else if (output.type === 'mask') {
      cohort.toMask.push({ pod, masks: output.masks });
      if (cohort.isMasking) maskNext(cohort);
    } else if (output.type === 'upload')
      cohort.toServer.push({
        type: 'upload',
        from: pod,
        manifest: output.manifest,
        vector: cohort.masked.get(pod)!,
      });
    else cohort.podReports.push({ pod, output });
  }
}

/** Masks the i-th of the vectors that wait for it. */
export function maskNext(cohort: Cohort, i = 0): void {
  const [next] = cohort.toMask.splice(i, 1);
  if (next) maskInput(cohort, next.pod, next.masks);
}

function maskInput(cohort: Cohort, pod: string, masks: readonly MaskKey[]): void {
  const { shape, wireBytes } = cohort.session;
  const lanes = new Uint8Array(shapeBytes(shape));
  lanes.set(bytesOf(cohort.inputs.get(pod)!));
  applyMasks(lanes, shape, masks);
  const vector = lanes.slice(0, wireBytes);
  cohort.masked.set(pod, vector);
  const masked = { type: 'masked', sha256: sha256(vector) } as const;
  const { state, outputs } = cohort.machines.stepClient(cohort.clients.get(pod)!, masked);
  cohort.clients.set(pod, state);
  takePodOutputs(cohort, pod, outputs);
}

export function deliverToPod(cohort: Cohort, pod: string, bytes: Uint8Array): readonly ClientOutput[] {
  const { state, outputs } = cohort.machines.stepClient(cohort.clients.get(pod)!, { type: 'message', bytes });
  cohort.clients.set(pod, state);
  takePodOutputs(cohort, pod, outputs);
  return outputs;
}

export function deliverToServer(cohort: Cohort, event: Delivery): readonly ServerOutput[] {
  const { state, outputs } = cohort.machines.stepServer(cohort.server, event);
  cohort.server = state;
  for (const output of outputs)
    if (output.type === 'send') cohort.toPods.push({ to: output.to, bytes: output.bytes });
    else if (output.type === 'accumulate') accumulate(cohort, event.vector!);
    else if (output.type === 'unmask') {
      applyMasks(cohort.sum, cohort.session.shape, output.masks);
      const words = new Uint32Array(cohort.sum.slice(0, cohort.session.wireBytes).buffer);
      cohort.reports.push({ type: 'sum', words, survivors: output.survivors });
    } else cohort.reports.push(output);
  return outputs;
}

function accumulate({ sum, session }: Cohort, vector: Uint8Array): void {
  const lanes = new Uint8Array(shapeBytes(session.shape));
  lanes.set(vector);
  addVectors(sum, lanes, session.shape);
}

export interface PhaseHooks {
  /** False: the pod's message of this phase never arrives, and nothing after it. */
  readonly answers?: (pod: string, phase: number) => boolean;
  /** Rewrites the messages on their way to the coordinator. */
  readonly shuffle?: (events: Delivery[], phase: number) => Delivery[];
}

/** Runs phases `from`..`to` (0 advertise … 4 release), closing each. */
export function runPhases(cohort: Cohort, hooks: PhaseHooks = {}, from = 0, to = 4): void {
  for (let phase = from; phase <= to; phase++) {
    const requests = cohort.toPods.splice(0);
    for (const { to: pod, bytes } of requests) deliverToPod(cohort, pod, bytes);
    const kept = cohort.toServer.splice(0).filter((event) => {
      return event.type === 'close' || (hooks.answers?.(event.from, phase) ?? true);
    });
    for (const event of hooks.shuffle?.(kept, phase) ?? kept) deliverToServer(cohort, event);
    deliverToServer(cohort, { type: 'close' });
  }
}

export function sumOf(cohort: Cohort): SumReport | undefined {
  return cohort.reports.find((report) => report.type === 'sum');
}

export function failureOf(cohort: Cohort): Extract<ServerOutput, { type: 'failed' }> | undefined {
  return cohort.reports.find((report) => report.type === 'failed');
}
