/**
 * Runs the real machines on the reference's inputs and records the same things, so that both can be compared.
 * @module
 */
import {
  type ClientOutput,
  type ClientState,
  commitNonce,
  openSession,
  type ServerEvent,
  type ServerState,
  type Session,
  startClient,
  startServer,
  stepClient,
  stepServer,
} from '../../src/aggregation/index.ts';
import { toHex } from '../../src/base/index.ts';
import { addVectors, applyMasks, type KeyPair, sha256, shapeBytes } from '../../src/crypto/index.ts';
import { signingKeyOfSeed } from './secaggCohort.ts';
import type { AttemptInputs, AttemptRecord, RecordedMessage } from './secaggReference.ts';

export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const keys = new Map<string, KeyPair>();
export function signingPair(secret: string): KeyPair {
  const pair = keys.get(secret) ?? signingKeyOfSeed(unhex(secret));
  keys.set(secret, pair);
  return pair;
}

/** The session of `inputs`, by the real code. */
export function sessionOf(inputs: AttemptInputs): Session {
  const { runId, round, attempt, purpose, assumptions, minimum, shape, publicHash, coordinatorSecret, pods } = inputs;
  return openSession({
    ...{ runId, round, attempt, purpose, minimum, shape, wireBytes: shapeBytes(shape) },
    assumptions,
    publicHash: unhex(publicHash),
    coordinator: signingPair(coordinatorSecret).publicKey,
    roster: pods.map(({ name, identitySecret }) => ({ name, publicKey: signingPair(identitySecret).publicKey })),
    commitments: new Map(pods.map(({ name, nonce }) => [name, commitNonce(unhex(nonce))])),
  });
}

/** A pod of `inputs` that has just advertised. */
export function podOf(session: Session, pod: AttemptInputs['pods'][number]): ReturnType<typeof startClient> {
  const draws = [...pod.draws];
  return startClient(
    { session, self: pod.name, identity: signingPair(pod.identitySecret), nonce: unhex(pod.nonce) },
    () => unhex(draws.shift()!),
  );
}

/** The whole attempt by the real machines. */
export function replay(inputs: AttemptInputs): AttemptRecord {
  const session = sessionOf(inputs);
  const { n, colluding: c, k, t, signatures: s, minSurvivors: m, shape } = session;
  let server: ServerState = startServer(session, signingPair(inputs.coordinatorSecret));
  const sum = new Uint8Array(shapeBytes(shape));
  const clients = new Map<string, ClientState>();
  const messages: RecordedMessage[] = [];
  let requests: { readonly to: string; readonly bytes: Uint8Array }[] = [];
  let outcome: AttemptRecord['outcome'] | undefined;

  const tell = (event: ServerEvent, vector?: Uint8Array): void => {
    const step = stepServer(server, event);
    server = step.state;
    for (const output of step.outputs)
      if (output.type === 'send') requests.push(output);
      else if (output.type === 'accumulate') addVectors(sum, vector!, shape);
      else if (output.type === 'unmask') {
        applyMasks(sum, shape, output.masks);
        outcome = { survivors: output.survivors, sum: toHex(sum) };
      } else if (output.type === 'failed') outcome = { failed: output.error.code, spent: output.spent };
      else throw new Error(`unexpected ${output.type}: ${JSON.stringify(output)}`);
  };

  /** A pod's outputs reach the coordinator, unless it is lost by now. */
  const take = (
    pod: AttemptInputs['pods'][number],
    phase: number,
    outputs: readonly ClientOutput[],
    vector?: Uint8Array,
  ): void => {
    for (const output of outputs)
      if (output.type === 'mask') {
        const masked = unhex(pod.input);
        applyMasks(masked, shape, output.masks);
        const step = stepClient(clients.get(pod.name)!, { type: 'masked', sha256: sha256(masked) });
        clients.set(pod.name, step.state);
        take(pod, phase, step.outputs, masked);
      } else if (output.type === 'send') {
        if (pod.lostIn <= phase) continue;
        messages.push({ from: pod.name, message: toHex(output.bytes) });
        tell({ type: 'message', from: pod.name, bytes: output.bytes });
      } else if (output.type === 'upload') {
        if (pod.lostIn <= phase) continue;
        messages.push({ from: pod.name, message: toHex(output.manifest), vector: toHex(vector!) });
        tell({ type: 'upload', from: pod.name, manifest: output.manifest }, vector);
      } else throw output.error;
  };

  for (let phase = 0; phase < 5; phase++) {
    if (server.phase === 'failed') break;
    const asked = requests;
    requests = [];
    for (const { to, bytes } of asked) messages.push({ to, message: toHex(bytes) });
    for (const pod of inputs.pods) {
      if (phase === 0) {
        const started = podOf(session, pod);
        clients.set(pod.name, started.state);
        take(pod, 0, started.outputs);
        continue;
      }
      const request = asked.find(({ to }) => to === pod.name);
      if (!request) continue;
      const step = stepClient(clients.get(pod.name)!, { type: 'message', bytes: request.bytes });
      clients.set(pod.name, step.state);
      take(pod, phase, step.outputs);
    }
    tell({ type: 'close' });
  }
  return {
    base: toHex(session.base),
    ctx: toHex(session.ctx),
    thresholds: { n, c, k, t, s, m },
    messages,
    outcome: outcome!,
  };
}
