import { describe, expect, it } from 'vitest';
import { signingPair } from '../../test/support/secaggReplay.ts';
import { publicLine, transcriptOf } from '../../test/support/secaggTranscript.ts';
import { attemptInputs, vectorSeed } from '../../test/support/secaggVectors.ts';
import { checkTranscript, type Transcript } from '../aggregation/index.ts';
import { signResult } from './resultDigest.ts';
import { type CheckedFile, checkTogether, parseResult, type ResultTranscript, resultLine } from './runTranscripts.ts';

type Inputs = ReturnType<typeof attemptInputs>;
const model = 'aa'.repeat(32);
const inputs = attemptInputs('together', 4);
/** The same pods with fresh secrets, as honest ones have. */
const fresh = (label: string, change: Partial<Inputs>): Inputs => ({
  ...inputs,
  pods: inputs.pods.map((pod, i) => ({ ...pod, ...pick(attemptInputs(label, 4).pods[i]!) })),
  ...change,
});
const pick = ({ draws, nonce }: Inputs['pods'][number]): Pick<Inputs['pods'][number], 'draws' | 'nonce'> => ({
  draws,
  nonce,
});
const checked = (file: string, transcript: Transcript): CheckedFile => ({ file, report: checkTranscript(transcript) });
const made = (file: string, of: Inputs, parametersId = 'bb'.repeat(32), rest = {}): CheckedFile =>
  checked(file, transcriptOf(of, { parametersId, ...rest }).transcript);

const first = made('first', inputs);
const second = made('second', fresh('second', { round: 4 }), 'cc'.repeat(32));
const evaluation = made('last', fresh('last', { round: 5, purpose: 'evaluation' }), 'dd'.repeat(32));
const wrong = (files: readonly CheckedFile[], ...results: ResultTranscript[]): string[] =>
  checkTogether(
    files,
    results.map((result) => ({ file: 'result', result })),
  ).wrong.map(({ file, what }) => `${file}: ${what}`);

describe('transcripts of a run, seen together', () => {
  it('have nothing wrong when keys are fresh and each sum is asked for once', () => {
    for (const { report } of [first, second, evaluation]) expect(report.findings).toEqual([]);
    expect(wrong([evaluation, first, second])).toEqual([]);
    const zero = fresh('zero', { round: 4 });
    const failed = made('zero', { ...zero, pods: zero.pods.map((pod) => ({ ...pod, lostIn: 2 })) });
    const retried = made('one', fresh('one', { round: 4, attempt: 1 }));
    expect(failed.report).toMatchObject({ outcome: 'failed', isSpent: false });
    expect(wrong([first, failed, retried])).toEqual([]);
  });

  it('show that shares were asked for again, or that keys and nonces came again', () => {
    const again = made('again', fresh('again', { attempt: 1 }));
    expect(wrong([first, again])).toEqual(['again: tries the sum of first again, for which shares were asked already']);
    expect(wrong([first, made('copy', fresh('copy', {}))])).toEqual(['copy: is of the same attempt as first']);
    const reused = made('reused', { ...inputs, round: 9 });
    expect(wrong([reused, first])).toEqual([
      'reused: a pod used a key or nonce of first again: masks under it no longer hide',
    ]);
    const nonces = made('nonces', {
      ...fresh('nonces', { round: 9 }),
      pods: fresh('nonces', {}).pods.map((pod, i) => ({ ...pod, nonce: inputs.pods[i]!.nonce })),
    });
    expect(wrong([nonces, first])).toHaveLength(1);
    expect(wrong([made('fifth', fresh('fifth', { attempt: 4 }))])).toEqual([
      'fifth: attempt 4 is one too many: 4 are allowed',
    ]);
    const both = made('both', fresh('both', { purpose: 'evaluation' }));
    expect(wrong([first, both])).toEqual(['both: uses the protocol round of first for another purpose']);
  });

  it('show another task, model, coordinator or key of a pod', () => {
    const later = fresh('later', { round: 7 });
    expect(wrong([first, made('later', later, '', { task: '[]' })])).toEqual(['later: has another task than first']);
    expect(wrong([first, made('later', later, '', { modelId: '' })])).toEqual(['later: has another model than first']);
    expect(wrong([first, made('later', { ...later, coordinatorSecret: vectorSeed('mallory') })])).toEqual([
      'later: has another coordinator than first',
    ]);
    const pods = later.pods.with(2, { ...later.pods[2]!, identitySecret: vectorSeed('mallory') });
    expect(wrong([first, made('later', { ...later, pods })])).toEqual(['later: has another key of pod-02 than first']);
    expect(wrong([first, made('later', { ...later, pods, runId: 'another' })])).toEqual([]);
  });

  it('tell of cohorts that differ by one pod, and of what is not there', () => {
    const notes = (...files: CheckedFile[]): string[] => checkTogether(files, []).notes.map(({ what }) => what);
    const absent = 'there is no result.jsonl of its run: nobody is shown to have got the final parameters';
    const lossy = { ...fresh('lossy', { round: 4 }) };
    const pods = lossy.pods.with(1, { ...lossy.pods[1]!, lostIn: 2 });
    expect(notes(first, made('lossy', { ...lossy, pods }, 'cc'.repeat(32)))).toEqual([
      'its sum and that of first differ by pod-01 alone; their inputs come from different parameters',
      'protocol rounds before it that are not among these files: 0, 1, 2',
      absent,
    ]);
    expect(notes(first, made('lossy', { ...lossy, pods }))[0]).toMatch(/their inputs come from the same parameters$/);
    expect(notes(made('second', fresh('x', { round: 0, attempt: 1 })))).toEqual([
      'the attempt before it is not among these files',
      absent,
    ]);
  });
});

describe('the result of a run', () => {
  const view = { run: inputs.runId, modelId: model, parametersId: 'dd'.repeat(32) };
  const result: ResultTranscript = {
    ...{ at: '2026-01-01T00:00:00.000Z', runId: view.run, model, parameters: view.parametersId },
    statements: inputs.pods.slice(1).map(({ name, identitySecret }) => {
      return { name, public: publicLine(identitySecret), signature: signResult(signingPair(identitySecret), view) };
    }),
  };
  const files = [first, second, evaluation];
  const withStatement = (change: object): ResultTranscript => ({
    ...result,
    statements: result.statements.with(0, { ...result.statements[0]!, ...change }),
  });

  it('is the same after it was written and read, and other files are none', () => {
    expect(parseResult(`${resultLine(result)}\n`)).toEqual(result);
    expect(parseResult('{"type":"session"}')).toBeNull();
    expect(() => parseResult(resultLine(result).slice(0, -2))).toThrow(/line 1 is no line/);
  });

  it('says who signed for the parameters that were evaluated', () => {
    const report = checkTogether(files, [{ file: 'result', result }]);
    expect(report.wrong).toEqual([]);
    expect(report.confirmedBy.get('result')).toEqual(['pod-01', 'pod-02', 'pod-03']);
  });

  it('shows other parameters, another model, another key and a signature for something else', () => {
    const invalid = [1, 2, 3].map((i) => `result: the signature of pod-0${i} is not valid for these parameters`);
    expect(wrong(files, { ...result, parameters: 'ee'.repeat(32) })).toEqual([
      'result: its parameters are not those that pods worked from in last',
      ...invalid,
    ]);
    expect(wrong(files, { ...result, model: 'ee'.repeat(32) })).toEqual([
      'result: has another model than first',
      ...invalid,
    ]);
    const signature = result.statements[0]!.signature.with(3, result.statements[0]!.signature[3]! ^ 1);
    expect(wrong(files, withStatement({ signature }))).toEqual(invalid.slice(0, 1));
    expect(wrong(files, withStatement({ name: 'pod-02' }))).toContain(
      'result: has another key of pod-02 than its sums',
    );
    const secret = vectorSeed('mallory');
    const mallory = { public: publicLine(secret), signature: signResult(signingPair(secret), view) };
    expect(wrong(files, withStatement(mallory))).toEqual(['result: has another key of pod-01 than its sums']);
    expect(wrong(files, withStatement({ public: 'nobody' }))).toEqual([
      'result: has another key of pod-01 than its sums',
      ...invalid.slice(0, 1),
    ]);
  });
});
