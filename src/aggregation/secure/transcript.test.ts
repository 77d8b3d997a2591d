import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signingPair } from '../../../test/support/secaggReplay.ts';
import { publicLine, transcriptOf } from '../../../test/support/secaggTranscript.ts';
import { attemptInputs, vectorSeed } from '../../../test/support/secaggVectors.ts';
import { commitNonce } from './graph.ts';
import { type Bodies, COORDINATOR, encodeMessage, MESSAGE, type MessageType, rereadMessage } from './messages.ts';
import { parseTranscript, type Transcript, type TranscriptEntry, transcriptLine } from './transcript.ts';
import { checkTogether, checkTranscript } from './transcriptCheck.ts';

type Message = Extract<TranscriptEntry, { type: 'sent' | 'received' }>;
const inputs = attemptInputs('transcript', 4, {}, { 2: 2 });
const { session, transcript: whole } = transcriptOf(inputs, 'whole');
const { transcript: open } = transcriptOf(inputs, 'public');
const wrongIn = (transcript: Transcript): string[] =>
  checkTranscript(transcript).findings.map(({ pod, what }) => (pod === null ? what : `${pod}: ${what}`));
const isOf = (entry: TranscriptEntry, type: MessageType, pod: string): entry is Message =>
  'message' in entry &&
  entry.message[1] === MESSAGE[type] &&
  (entry.type === 'sent' ? entry.to.includes(pod) : entry.from === pod);

/** The transcript with one message said otherwise, and signed by whoever says it. */
function forged<K extends MessageType>(type: K, pod: string, change: (body: Bodies[K]) => Bodies[K]): Transcript {
  const entries = whole.entries.map((entry) => {
    if (!isOf(entry, type, pod)) return entry;
    const sender = entry.type === 'sent' ? COORDINATOR : session.roster.findIndex(({ name }) => name === pod);
    const secret = entry.type === 'sent' ? inputs.coordinatorSecret : inputs.pods[sender]!.identitySecret;
    const body = change(rereadMessage(type, entry.message));
    return { ...entry, message: encodeMessage(session, type, sender, signingPair(secret), body) };
  });
  return { ...whole, entries };
}

describe('a transcript', () => {
  it('of an honest attempt has nothing wrong, and says who was lost and what the coordinator holds', () => {
    for (const transcript of [whole, open]) {
      const report = checkTranscript(transcript);
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ outcome: 'sum', isSpent: true, signatures: 3, passedOver: 0 });
      expect(report.withoutShares).toBe(transcript === open ? 3 : 0);
      expect(report.survivors).toEqual(['pod-00', 'pod-01', 'pod-03']);
      expect(report.pods.map(({ answered, selfShares, keyShares }) => [answered, selfShares, keyShares])).toEqual([
        ['release', 3, 0],
        ['release', 3, 0],
        ['share', 0, 3],
        ['release', 3, 0],
      ]);
    }
  });

  it('is the same after it was written and read, and a public one has no share in it', () => {
    for (const transcript of [whole, open]) {
      const text = [transcript.session, ...transcript.entries].map(transcriptLine).join('\n');
      expect(parseTranscript(text)).toEqual(transcript);
    }
    const released = whole.entries.filter((entry): entry is Message => isOf(entry, 'release', 'pod-00'));
    const [{ share }] = rereadMessage('release', released[0]!.message).shares as [{ share: Uint8Array }];
    const holds = (entries: readonly TranscriptEntry[]): boolean =>
      entries.some((entry) => 'message' in entry && Buffer.from(entry.message).includes(share));
    expect([holds(whole.entries), holds(open.entries)]).toEqual([true, false]);
  });

  it('of any honest attempt has nothing wrong, whoever is lost whenever', () => {
    const lost = fc.array(fc.constantFrom(5, 5, 5, 0, 1, 2, 3, 4), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(lost, fc.constantFrom('public', 'whole'), (lostIn, kind) => {
        const made = transcriptOf(attemptInputs('any', 5, {}, lostIn), kind as 'public').transcript;
        expect(wrongIn(made)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('among neighbours has nothing wrong, and a nonce that was not committed to is found', () => {
    const assumptions = { colluding: 0, dropouts: 0 };
    const { transcript } = transcriptOf(attemptInputs('ring', 33, { assumptions }, { 4: 2 }), 'whole');
    expect(wrongIn(transcript)).toEqual([]);
    const commitment = Buffer.from(commitNonce(new Uint8Array(32))).toString('hex');
    const roster = transcript.session.roster.with(7, { ...transcript.session.roster[7]!, commitment });
    expect(wrongIn({ ...transcript, session: { ...transcript.session, roster } })).toContain(
      'pod-07: pod pod-07 revealed another nonce than it had committed to',
    );
  });

  it('is refused, naming the line, when it is none', () => {
    expect(() => parseTranscript('')).toThrow(/line 1 is no line/);
    const first = transcriptLine(whole.session);
    expect(() => parseTranscript(`${first}\n{"type":"sent"}`)).toThrow(/line 2 is no line/);
    expect(() => parseTranscript(first.replace('transcript-v1', 'transcript-v2'))).toThrow(/line 1 is no line/);
  });
});

describe('a tampered transcript', () => {
  it('shows any flipped bit of any message', () => {
    for (const transcript of [whole, open])
      for (const [i, entry] of transcript.entries.entries()) {
        if (!('message' in entry)) continue;
        const at = (37 * i) % entry.message.length;
        const message = entry.message.with(at, entry.message[at]! ^ (1 << (i % 8)));
        const altered = { ...transcript, entries: transcript.entries.with(i, { ...entry, message }) };
        expect(wrongIn(altered), `message ${i}, byte ${at}`).not.toEqual([]);
      }
  });

  it.each([
    ['another round', { round: 4 }],
    ['another attempt', { attempt: 1 }],
    ['another minimum', { minimum: 4 }],
    ['other thresholds', { assumptions: { colluding: 0 } }],
    ['another model', { publicHash: '00'.repeat(32) }],
    ['another coordinator', { coordinator: publicLine(vectorSeed('mallory')) }],
  ])('shows %s in its first line', (_name, change) => {
    expect(wrongIn({ ...whole, session: { ...whole.session, ...change } })).not.toEqual([]);
  });

  it('shows a message that another pod sent, one out of order, and one that is missing', () => {
    const { entries } = whole;
    const mine = entries.findIndex((entry) => isOf(entry, 'shares', 'pod-00'));
    const swapped = { ...(entries[mine] as Extract<Message, { type: 'received' }>), from: 'pod-01' };
    expect(wrongIn({ ...whole, entries: entries.with(mine, swapped) })).toContain(
      'pod-01: message has another type or sender',
    );
    const last = entries.findIndex((entry) => isOf(entry, 'consistency', 'pod-00'));
    expect(wrongIn({ ...whole, entries: [entries[last]!, ...entries.toSpliced(last, 1)] })).toContain(
      'phase advertise comes after sign',
    );
    expect(wrongIn({ ...whole, entries: entries.toSpliced(last, 1) })).toContain(
      'pod-00: the proof quotes a signature that this pod did not send',
    );
    const vector = entries.findIndex((entry) => isOf(entry, 'manifest', 'pod-03'));
    const other = { ...(entries[vector] as Extract<Message, { type: 'received' }>), vector: '00'.repeat(32) };
    expect(wrongIn({ ...whole, entries: entries.with(vector, other) })).toEqual([
      'pod-03: its masked vector is not the one that its manifest names',
    ]);
    const end = { type: 'outcome', at: '', survivors: ['pod-00', 'pod-01'] } as const;
    expect(wrongIn({ ...whole, entries: [...entries.slice(0, -1), end] })).toEqual([
      'the sum is said to be over others than the pods signed for',
    ]);
  });

  it('shows a second list of survivors', () => {
    const second = forged('survivors', 'pod-03', ({ uploads }) => ({ uploads: uploads.slice(1) }));
    expect(wrongIn(second)).toContainEqual(expect.stringMatching(/^second list of survivors, other than that of line/));
    const signed = forged('consistency', 'pod-03', () => ({ survivorsHash: new Uint8Array(32) }));
    expect(wrongIn(signed)).toContain('pod-03: signed another list of survivors');
  });

  it('shows both kinds of shares of one pod', () => {
    const both = forged('release', 'pod-03', ({ survivorsHash, shares }) => ({
      survivorsHash,
      shares: shares.with(0, { ...shares[0]!, kind: 'key' }),
    }));
    expect(wrongIn(both)).toEqual([
      'pod-03: released a key share of pod-00, which survived',
      'pod-03: released another share of pod-00 than it was dealt',
      'pod-00: the coordinator holds both kinds of shares of it: 2 self, 1 key',
    ]);
    const again = whole.entries.find((entry) => isOf(entry, 'release', 'pod-00'))!;
    expect(wrongIn({ ...whole, entries: [...whole.entries.slice(0, -1), again, whole.entries.at(-1)!] })).toContain(
      'pod-00: released shares twice',
    );
  });

  it('shows keys, shares and proofs that differ between pods', () => {
    expect(wrongIn(forged('roster', 'pod-01', (body) => ({ ...body, messages: body.messages.slice(1) })))).toContain(
      'pod-01: was shown keys of other pods than the others were',
    );
    expect(wrongIn(forged('inbox', 'pod-01', ({ entries }) => ({ entries: entries.slice(1) })))).toContain(
      'pod-01: was given shares of other dealers than the others were',
    );
    const other = forged('inbox', 'pod-01', ({ entries }) => ({
      entries: entries.with(0, { ...entries[0]!, keyCommitment: new Uint8Array(32) }),
    }));
    expect(wrongIn(other)).toContain('pod-01: was given other shares than pod-00 dealt to it');
    expect(wrongIn(forged('proof', 'pod-00', ({ messages }) => ({ messages: messages.slice(1) })))).toContain(
      'pod-00: the proof has 2 good signatures, 3 are needed',
    );
    expect(wrongIn(forged('advertise', 'pod-03', (body) => ({ ...body, publicHash: new Uint8Array(32) })))).toContain(
      'pod-03: pod pod-03 signed that it works from another model or other public parameters',
    );
  });

  it('shows, beside others of its run, a sum that was opened twice and keys that came again', () => {
    const report = checkTranscript(whole);
    const later = checkTranscript(transcriptOf({ ...inputs, attempt: 1 }, 'whole').transcript);
    expect(later.findings).toEqual([]);
    expect(checkTogether([{ file: 'a', report }])).toEqual([]);
    expect(
      checkTogether([
        { file: 'a', report },
        { file: 'b', report: later },
      ]).map(({ what }) => what),
    ).toEqual([
      'pods were asked for shares a second time for the sum of a',
      'a pod used a key of a again: masks under it no longer hide',
    ]);
  });
});
