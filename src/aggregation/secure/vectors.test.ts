import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BadAnswer, BadRequest } from '../../../test/support/secaggBadVectors.ts';
import type { AttemptInputs, AttemptRecord } from '../../../test/support/secaggReference.ts';
import { podOf, replay, sessionOf, signingPair, unhex } from '../../../test/support/secaggReplay.ts';
import { type HashedRecord, hashMessages, vectorFiles } from '../../../test/support/secaggVectors.ts';
import { bytesOf, toHex } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { stepClient } from './client.ts';
import { type ServerState, startServer, stepServer } from './server.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../test/vectors/secagg/${name}.json`, import.meta.url), 'utf8'));
interface Vector {
  readonly inputs: AttemptInputs;
  readonly record: AttemptRecord;
}
const attempt = read('v2_attempt') as Vector;
const badRequests = read('v2_bad_requests') as BadRequest[];
const badAnswers = read('v2_bad_answers') as BadAnswer[];

// a change of these files is a change of the protocol: it needs another version label
describe('test vectors', () => {
  it('are what the reference implementation writes', () => {
    for (const [name, content] of Object.entries(vectorFiles())) expect(content, name).toEqual(read(name));
  });

  it.each(['v2_attempt', 'v2_lanes'])('of a whole attempt are reproduced byte for byte: %s', (name) => {
    const { inputs, record } = read(name) as Vector;
    expect(replay(inputs)).toEqual(record);
  });

  it('of an attempt with neighbours are reproduced byte for byte', () => {
    const { inputs, record } = read('v2_neighbours') as { inputs: AttemptInputs; record: HashedRecord };
    expect(hashMessages(replay(inputs))).toEqual(record);
  });

  it('give the sum of the survivors', () => {
    const { outcome } = attempt.record;
    const { survivors, sum } = outcome as Extract<typeof outcome, { sum: string }>;
    expect(survivors).toEqual(['pod-00', 'pod-01', 'pod-03']);
    const words = (text: string): Uint32Array => new Uint32Array(unhex(text).slice().buffer);
    const plain = words(sum).map(() => 0);
    for (const { name, input } of attempt.inputs.pods)
      if (survivors.includes(name)) words(input).forEach((word, i) => (plain[i] = plain[i]! + word));
    expect(toHex(bytesOf(plain))).toBe(sum);
  });
});

describe('a pod', () => {
  const session = sessionOf(attempt.inputs);
  const [self] = attempt.inputs.pods;
  const requests = attempt.record.messages.filter(({ to }) => to === 'pod-00').map(({ message }) => unhex(message));
  const vector = attempt.record.messages.find((entry) => entry.from === 'pod-00' && entry.vector)!.vector!;

  it.each(badRequests)('$outcome: $name', ({ answered, message, outcome, code, complaint }) => {
    let { state } = podOf(session, self!);
    for (const bytes of requests.slice(0, answered)) {
      state = stepClient(state, { type: 'message', bytes }).state;
      if (state.phase === 'masking') state = stepClient(state, { type: 'masked', sha256: sha256(unhex(vector)) }).state;
    }
    const { state: after, outputs } = stepClient(state, { type: 'message', bytes: unhex(message) });
    expect(outputs.at(-1)).toMatchObject({ type: outcome, error: { code } });
    expect(outputs.flatMap((output) => (output.type === 'send' ? [toHex(output.bytes)] : []))).toEqual(
      complaint ? [complaint] : [],
    );
    if (outcome === 'rejected') expect(after).toBe(state);
    else expect(after.phase).toBe('aborted');
  });
});

describe('a coordinator', () => {
  /** The coordinator in phase `phase` of the good attempt, with that phase's answers where `after`. */
  function serverIn(phase: number, after: boolean): ServerState {
    let state = startServer(sessionOf(attempt.inputs), signingPair(attempt.inputs.coordinatorSecret));
    const phases = [1, 3, 5, 7, 9]; // the type of message each collects
    for (const { from, message, vector } of attempt.record.messages) {
      const at = phases.indexOf(Number.parseInt(message.slice(2, 4), 16));
      if (from === undefined || at > phase || (at === phase && !after)) continue;
      while (phases.indexOf({ advertise: 1, share: 3, upload: 5, sign: 7, release: 9 }[state.phase as 'share']) < at)
        state = stepServer(state, { type: 'close' }).state;
      state = stepServer(
        state,
        vector ? { type: 'upload', from, manifest: unhex(message) } : { type: 'message', from, bytes: unhex(message) },
      ).state;
    }
    const names = ['advertise', 'share', 'upload', 'sign', 'release'];
    while (state.phase !== names[phase]) state = stepServer(state, { type: 'close' }).state;
    return state;
  }

  it.each(badAnswers)('rejects: $name', ({ phase, after, from, message, upload, code }) => {
    const state = serverIn(phase, after);
    const bytes = unhex(message);
    const step = stepServer(
      state,
      upload ? { type: 'upload', from, manifest: bytes } : { type: 'message', from, bytes },
    );
    expect(step.outputs).toMatchObject([{ type: 'rejected', from, error: { code } }]);
    expect(step.state).toBe(state);
  });
});
