import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signingPair, unhex } from '../../../../test/support/secaggReplay.ts';
import { publicLine, transcriptOf } from '../../../../test/support/secaggTranscript.ts';
import { attemptInputs, vectorSeed } from '../../../../test/support/secaggVectors.ts';
import { commitNonce } from '../graph.ts';
import { type Bodies, COORDINATOR, encodeMessage, MESSAGE, type MessageType, rereadMessage } from '../messages.ts';
import { checkTranscript } from './checkTranscript.ts';
import { parseTranscript, type Transcript, type TranscriptEntry, transcriptLine } from './lines.ts';

type Of<T extends TranscriptEntry['type']> = Extract<TranscriptEntry, { type: T }>;
type WithMessage = Of<'sent'> | Of<'accepted'>;
const inputs = attemptInputs('transcript', 4, {}, { 2: 2 });
const { session, transcript: honest } = transcriptOf(inputs);

const wrongIn = (transcript: Transcript): string[] =>
  checkTranscript(transcript).findings.map(({ pod, what }) => (pod === null ? what : `${pod}: ${what}`));
const textOf = ({ session: first, entries }: Transcript): string => [first, ...entries].map(transcriptLine).join('\n');
const isOf = (entry: TranscriptEntry, type: MessageType, pod: string): entry is WithMessage =>
  'message' in entry &&
  entry.message[1] === MESSAGE[type] &&
  (entry.type === 'sent' ? entry.to.includes(pod) : entry.from === pod);
const isReleaseOf = (pod: string) => (entry: TranscriptEntry) => entry.type === 'released' && entry.from === pod;

/** The transcript with other entries. */
const withEntries = (entries: TranscriptEntry[]): Transcript => ({ ...honest, entries });
/** With the first entry that `matches` changed. */
function changed(matches: (entry: TranscriptEntry) => boolean, change: object): Transcript {
  const at = honest.entries.findIndex(matches);
  return withEntries(honest.entries.with(at, { ...honest.entries[at]!, ...change }));
}
const without = (matches: (entry: TranscriptEntry) => boolean): Transcript =>
  withEntries(honest.entries.toSpliced(honest.entries.findIndex(matches), 1));

/** With one message said otherwise, and signed by whoever says it. */
function forged<K extends MessageType>(type: K, pod: string, change: (body: Bodies[K]) => Bodies[K]): Transcript {
  const entries = honest.entries.map((entry) => {
    if (!isOf(entry, type, pod)) return entry;
    const sender = entry.type === 'sent' ? COORDINATOR : session.roster.findIndex(({ name }) => name === pod);
    const secret = entry.type === 'sent' ? inputs.coordinatorSecret : inputs.pods[sender]!.identitySecret;
    const body = change(rereadMessage(type, entry.message));
    return { ...entry, message: encodeMessage(session, type, sender, signingPair(secret), body) };
  });
  return withEntries(entries);
}

describe('a transcript', () => {
  it('of an honest attempt has nothing wrong, and says who was lost and what was released', () => {
    const report = checkTranscript(honest);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ outcome: 'sum', isSpent: true, signatures: 3, passedOver: 0 });
    expect(report.survivors).toEqual(['pod-00', 'pod-01', 'pod-03']);
    expect(report.pods.map(({ answered, selfShares, keyShares }) => [answered, selfShares, keyShares])).toEqual([
      ['release', 3, 0],
      ['release', 3, 0],
      ['share', 0, 3],
      ['release', 3, 0],
    ]);
    // sizes of the specification's table: 4 holders
    expect(report.pods[0]!.sentBytes).toEqual({
      ...{ advertise: 228, share: 134 + 158 * 4, upload: 136, sign: 132, release: 134 + 35 * 4 },
    });
    expect(report.pods[0]!.receivedBytes).toMatchObject({ share: 104 + 232 * 4, sign: 102 + 34 * 3 });
    expect(report.pods[2]!.vector).toBeNull();
  });

  it('is the same after it was written and read', () => {
    expect(parseTranscript(`${textOf(honest)}\n`)).toEqual(honest);
  });

  it('of any honest attempt has nothing wrong, whoever is lost whenever', () => {
    const lost = fc.array(fc.constantFrom(5, 5, 5, 0, 1, 2, 3, 4), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(lost, (lostIn) => {
        expect(wrongIn(transcriptOf(attemptInputs('any', 5, {}, lostIn)).transcript)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('has no share, seed or secret of anybody in it, whoever is lost whenever', () => {
    const lost = fc.array(fc.constantFrom(5, 5, 5, 2, 3, 4), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(lost, (lostIn) => {
        const secret = attemptInputs('secret', 5, {}, lostIn);
        const made = transcriptOf(secret);
        const shares = made.received
          .filter((message) => message[1] === MESSAGE.release)
          .flatMap((message) => rereadMessage('release', message).shares.map(({ share }) => share));
        const seeds = secret.pods.flatMap(({ draws, identitySecret, input }) =>
          [...draws, identitySecret, input].map(unhex),
        );
        expectAbsent(made.transcript, [...shares, ...seeds, unhex(secret.coordinatorSecret)]);
      }),
      { numRuns: 10 },
    );
  });

  it('is refused, naming the line and what is wrong there, when it is none', () => {
    const lines = textOf(honest).split('\n');
    const reading = (text: string) => (): unknown => parseTranscript(text);
    expect(reading('')).toThrow(/line 1 is no line/);
    expect(reading(`${lines[0]}\n{"type":"sent"}`)).toThrow(/line 2 is no line of a konsil-transcript-v1: at: /);
    expect(reading(lines[0]!.replace('transcript-v1', 'transcript-v2'))).toThrow(/line 1 .*format/);
    expect(reading(lines.join('\n').slice(0, -5))).toThrow(new RegExp(`line ${lines.length} is no line`));
    expect(reading(lines.toSpliced(3, 0, '').join('\n'))).toThrow(/line 4 is no line/);
    expect(reading(lines[0]!.replace('"round":3', '"round":-1'))).toThrow(/line 1 .*round/);
    expect(reading(lines[0]!.replace('"round":3', '"round":3,"share":"AA=="'))).toThrow(/line 1/);
  });
});

/** None of `secrets` is in the file as it is written, in base64, in hexadecimal or raw. */
function expectAbsent(transcript: Transcript, secrets: readonly Uint8Array[]): void {
  const text = textOf(transcript);
  const raw = Buffer.concat(transcript.entries.flatMap((entry) => ('message' in entry ? [entry.message] : [])));
  expect(secrets.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    expect(raw.includes(Buffer.from(secret))).toBe(false);
    expect(text).not.toContain(Buffer.from(secret).toString('hex'));
    // without the last characters, which depend on what follows
    expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 40));
  }
}

describe('a transcript among neighbours', () => {
  const assumptions = { colluding: 0, dropouts: 0 };
  const ring = attemptInputs('ring', 33, { assumptions }, { 4: 2, 9: 4 });
  const made = transcriptOf(ring);

  it('has nothing wrong, and no share or secret in it', () => {
    const report = checkTranscript(made.transcript);
    expect(report.findings).toEqual([]);
    expect(report.session!.k).toBeLessThan(32);
    expect(report).toMatchObject({ outcome: 'sum', isSpent: true });
    const shares = made.received
      .filter((message) => message[1] === MESSAGE.release)
      .flatMap((message) => rereadMessage('release', message).shares.map(({ share }) => share));
    expectAbsent(made.transcript, [
      ...shares,
      ...ring.pods.flatMap(({ draws, input }) => [...draws, input].map(unhex)),
    ]);
  });

  it('shows a nonce that was not committed to', () => {
    const { session: first, entries } = made.transcript;
    const at = entries.findIndex((entry) => isOf(entry, 'advertise', 'pod-07'));
    const body = rereadMessage('advertise', (entries[at] as WithMessage).message);
    const key = signingPair(ring.pods[7]!.identitySecret);
    const message = encodeMessage(made.session, 'advertise', 7, key, { ...body, nonce: new Uint8Array(32) });
    const entry = { ...(entries[at] as WithMessage), message };
    expect(wrongIn({ ...made.transcript, entries: entries.with(at, entry) })).toContain(
      'pod-07: pod pod-07 revealed another nonce than it had committed to',
    );
    const commitment = Buffer.from(commitNonce(body.nonce.toReversed())).toString('hex');
    const roster = first.roster.with(7, { ...first.roster[7]!, commitment });
    expect(wrongIn({ ...made.transcript, session: { ...first, roster } })).toContain(
      'its context hashes are not those of its parameters',
    );
    const { commitment: _none, ...bare } = first.roster[7]!;
    expect(wrongIn({ ...made.transcript, session: { ...first, roster: first.roster.with(7, bare) } })).toContain(
      'pod pod-07 has not committed to a nonce for the neighbour graph',
    );
  });

  it('shows that a pod was given neighbours that the nonces do not give', () => {
    const { session: its, transcript } = made;
    const entries = transcript.entries.map((entry) => {
      if (!isOf(entry, 'roster', 'pod-11')) return entry;
      const other = transcript.entries.find((candidate) => isOf(candidate, 'roster', 'pod-12')) as WithMessage;
      return { ...entry, message: other.message };
    });
    expect(wrongIn({ ...transcript, entries })).toContain('pod-11: was shown keys of other pods than its holders');
    const others = transcript.entries.map((entry) => {
      if (!isOf(entry, 'roster', 'pod-11')) return entry;
      const body = rereadMessage('roster', entry.message);
      const nonces = body.nonces.with(3, new Uint8Array(32));
      const key = signingPair(ring.coordinatorSecret);
      return { ...entry, message: encodeMessage(its, 'roster', COORDINATOR, key, { ...body, nonces }) };
    });
    expect(wrongIn({ ...transcript, entries: others })).toContain('pod-11: was shown other nonces than were revealed');
  });
});

describe('a tampered transcript', () => {
  it('shows any flipped bit of any message', () => {
    for (const [i, entry] of honest.entries.entries()) {
      if (!('message' in entry)) continue;
      for (const at of [(37 * i) % entry.message.length, i % 36, entry.message.length - 1 - (i % 64)]) {
        const message = entry.message.with(at, entry.message[at]! ^ (1 << (i % 8)));
        expect(
          wrongIn(withEntries(honest.entries.with(i, { ...entry, message }))),
          `message ${i}, byte ${at}`,
        ).not.toEqual([]);
      }
    }
  });

  it('shows any message that is missing and was answered', () => {
    for (const [i, entry] of honest.entries.entries()) {
      const isUnanswered = entry.type === 'sent' && entry.to[0] === 'pod-02' && entry.phase === 'upload';
      if (isUnanswered) continue; // as if it had not been asked: it was lost anyway
      const left = withEntries(honest.entries.toSpliced(i, 1));
      if (entry.type === 'sum') expect(checkTranscript(left).outcome).toBe('unfinished');
      else if (entry.type === 'released') expect(wrongIn(left), `entry ${i}`).toHaveLength(4);
      else expect(wrongIn(left), `entry ${i}: ${entry.type}`).not.toEqual([]);
    }
  });

  const other = '00'.repeat(32);
  const mallory = publicLine(vectorSeed('mallory'));
  it.each([
    ['run', { runId: 'another' }],
    ['round', { round: 4 }],
    ['attempt', { attempt: 1 }],
    ['purpose', { purpose: 'evaluation' }],
    ['minimum', { minimum: 4 }],
    ['thresholds', { assumptions: { colluding: 0 } }],
    ['thresholds that none can have', { assumptions: { colluding: 0.9 } }],
    ['shape', { shape: [{ bits: 16 as const, length: 6 }] }],
    ['vector size', { wireBytes: 999 }],
    ['task', { agreed: { ...honest.session.agreed, task: '{"epochs":1}' } }],
    ['model', { agreed: { ...honest.session.agreed, model: other } }],
    ['parameters', { agreed: { ...honest.session.agreed, parameters: other } }],
    ['standardisation', { agreed: { ...honest.session.agreed, mean: new Uint8Array(4) } }],
    ['scale', { agreed: { ...honest.session.agreed, scale: new Uint8Array(4) } }],
    ['layout', { agreed: { ...honest.session.agreed, layout: '11'.repeat(32) } }],
    ['coordinator', { coordinator: mallory }],
    ['coordinator that is none', { coordinator: 'mallory' }],
    ['key of a pod', { roster: honest.session.roster.with(1, { name: 'pod-01', public: mallory }) }],
    ['name of a pod', { roster: honest.session.roster.with(1, { ...honest.session.roster[1]!, name: 'pod-0x' }) }],
    ['roster', { roster: honest.session.roster.slice(1) }],
    ['base', { base: other }],
    ['context', { ctx: other }],
  ])('shows another %s in its first line', (_name, change) => {
    expect(wrongIn({ ...honest, session: { ...honest.session, ...change } })).not.toEqual([]);
  });

  it('shows who a message is said to be from, to or about, and when', () => {
    const mine = (entry: TranscriptEntry): boolean => isOf(entry, 'shares', 'pod-00');
    expect(wrongIn(changed(mine, { from: 'pod-01' }))).toContain('pod-01: message has another type or sender');
    expect(wrongIn(changed(mine, { from: 'nobody' }))).toContain('nobody: is not in the roster');
    expect(wrongIn(changed(mine, { phase: 'sign' }))).toContain(
      'pod-00: shares message in phase sign, it belongs to share',
    );
    const inbox = (entry: TranscriptEntry): boolean => isOf(entry, 'inbox', 'pod-00');
    expect(wrongIn(changed(inbox, { to: ['pod-01'] }))).toContain(
      'pod-01: was given other shares than pod-00 dealt to it',
    );
    expect(wrongIn(changed(inbox, { to: ['nobody'] }))).toContain('nobody: is not in the roster');
    expect(wrongIn(changed(inbox, { type: 'accepted', from: 'pod-00', to: undefined }))).toContain(
      'pod-00: no inbox message of a pod is kept as it was',
    );
    const lost: TranscriptEntry = { type: 'lost', at: honest.session.at, phase: 'upload', pod: 'nobody' };
    expect(wrongIn(withEntries([...honest.entries.slice(0, 10), lost, ...honest.entries.slice(10)]))).toContain(
      'nobody: is not in the roster',
    );
  });

  it('shows messages out of order, and after the end', () => {
    const last = honest.entries.findIndex((entry) => isOf(entry, 'consistency', 'pod-00'));
    const entries = [...honest.entries];
    expect(wrongIn(withEntries([entries[last]!, ...entries.toSpliced(last, 1)]))).toEqual(
      expect.arrayContaining([
        'phase advertise comes after sign',
        'pod-00: answered with consistency, but was not sent the survivors message before',
      ]),
    );
    expect(wrongIn(withEntries([...entries, entries[last]!]))).toContain('comes after the end of the attempt');
    expect(wrongIn(without((entry) => isOf(entry, 'proof', 'pod-00')))).toContain(
      'pod-00: released shares, but was not shown the signatures before',
    );
    expect(wrongIn(without((entry) => isOf(entry, 'consistency', 'pod-00')))).toContain(
      'pod-00: the proof quotes a signature that pod-00 did not send',
    );
  });

  it('shows a second list of survivors, and one that is too short', () => {
    const second = forged('survivors', 'pod-03', ({ uploads }) => ({ uploads: uploads.slice(1) }));
    expect(wrongIn(second)).toContainEqual(expect.stringMatching(/^second list of survivors, other than that of line/));
    const signed = forged('consistency', 'pod-03', () => ({ survivorsHash: new Uint8Array(32) }));
    expect(wrongIn(signed)).toContain('pod-03: signed another list of survivors');
    const short = forged('survivors', 'pod-00', ({ uploads }) => ({ uploads: uploads.slice(1) }));
    expect(wrongIn(short)).toContain('2 survivors, 3 are needed');
    const swapped = forged('survivors', 'pod-00', ({ uploads }) => ({
      uploads: uploads.with(1, { ...uploads[1]!, manifestHash: new Uint8Array(32) }),
    }));
    expect(wrongIn(swapped)).toContain('pod-01: is among the survivors with another manifest than it sent');
    const large = forged('manifest', 'pod-01', (body) => ({ ...body, bytes: 7 }));
    expect(wrongIn(large)).toContain('pod-01: is among the survivors with another manifest than it sent');
  });

  it('shows that both secrets of a pod were asked for', () => {
    const both = changed(isReleaseOf('pod-03'), { self: ['pod-01', 'pod-03'], key: ['pod-00', 'pod-02'] });
    expect(wrongIn(both)).toEqual([
      'pod-03: released a key share of pod-00, which survived',
      'pod-00: both its secrets were asked for: 2 self shares, 1 key shares',
    ]);
    const again = honest.entries.find(isReleaseOf('pod-00'))!;
    expect(wrongIn(withEntries([...honest.entries.slice(0, -1), again, honest.entries.at(-1)!]))).toContain(
      'pod-00: released shares twice',
    );
  });

  it('shows any other change of what was released', () => {
    const of = isReleaseOf('pod-03');
    expect(wrongIn(changed(of, { self: ['pod-00', 'pod-01'] }))).toEqual(
      expect.arrayContaining([
        'pod-03: a release message of 3 shares has 239 bytes, not 274',
        'pod-03: released shares of other pods than those whose shares it was given',
        'pod-03: 2 shares of it were released, a sum needs 3',
      ]),
    );
    expect(wrongIn(changed(of, { bytes: 275 }))).toEqual([
      'pod-03: a release message of 4 shares has 274 bytes, not 275',
    ]);
    expect(wrongIn(changed(of, { survivorsHash: other }))).toEqual([
      'pod-03: released shares for another list of survivors than the one that was signed',
    ]);
    expect(wrongIn(changed(of, { self: ['pod-00', 'pod-01', 'nobody'] }))).toContain('nobody: is not in the roster');
    expect(wrongIn(changed(of, { phase: 'sign' }))).toContain(
      'pod-03: release message in phase sign, it belongs to release',
    );
  });

  it('shows another end than the messages have', () => {
    const isEnd = ({ type }: TranscriptEntry): boolean => type === 'sum';
    expect(wrongIn(changed(isEnd, { survivors: ['pod-00', 'pod-01'] }))).toEqual([
      'the sum is said to be over others than the pods signed for',
    ]);
    expect(wrongIn(changed(isEnd, { type: 'failed', reason: 'no luck', spent: false }))).toEqual([
      'says that shares were not asked for, the messages say otherwise',
    ]);
  });

  it('shows keys, shares and proofs that differ between pods', () => {
    expect(wrongIn(forged('roster', 'pod-01', (body) => ({ ...body, messages: body.messages.slice(1) })))).toContain(
      'pod-01: was shown keys of other pods than its holders',
    );
    expect(wrongIn(forged('inbox', 'pod-01', ({ entries }) => ({ entries: entries.slice(1) })))).toContain(
      'pod-01: was given shares of other dealers than the others were',
    );
    const altered = forged('inbox', 'pod-01', ({ entries }) => ({
      entries: entries.with(0, { ...entries[0]!, keyCommitment: new Uint8Array(32) }),
    }));
    expect(wrongIn(altered)).toContain('pod-01: was given other shares than pod-00 dealt to it');
    expect(wrongIn(forged('shares', 'pod-01', (body) => ({ ...body, entries: body.entries.slice(1) })))).toContain(
      'pod-01: shares are not dealt to exactly the roster',
    );
    expect(wrongIn(forged('proof', 'pod-00', ({ messages }) => ({ messages: messages.slice(1) })))).toContain(
      'pod-00: the proof has the signatures of 2 pods, 3 are needed',
    );
    expect(wrongIn(forged('advertise', 'pod-03', (body) => ({ ...body, publicHash: new Uint8Array(32) })))).toContain(
      'pod-03: pod pod-03 signed that it works from another model or other public parameters',
    );
    expect(wrongIn(forged('advertise', 'pod-03', (body) => ({ ...body, maskKey: body.channelKey })))).toContain(
      'advertised key is used twice',
    );
  });
});
