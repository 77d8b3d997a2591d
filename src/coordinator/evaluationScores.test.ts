/**
 * Scores of rows that a pod has not signed, as a pod that lies would have them.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { acquainted } from '../../sim/acquainted.ts';
import { messageOf, toHex, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { signEvaluation } from '../protocols/index.ts';
import { type EvaluationAlgorithm, parseAnalysis } from '../tasks/index.ts';
import { zooModel } from '../training/index.ts';
import type { AnalysisSteps } from './analysisSteps.ts';
import { Evaluation } from './evaluation.ts';
import type { Member } from './members.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-taken-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'm.onnx');
writeFileSync(file, zooModel('logistic_regression').build({ inputs: 1, outputs: 2, seed: 1 }));

const TASK = `pods: { identifiers: [a/d, b/d, c/d] }
task:
  protocol: { name: ResultsOnly }
  algorithm:
    name: ModelEvaluation
    model: { konsil_model: { model_ref: ./m.onnx } }
    arguments: { site_figures: true, EXACT }
  aggregator: { secure: true }
  data_structure: { select: { include: [x] }, assign: { target: y }, categories: { y: [a, b] } }
`;
const GOOD = 'score,label\n0.25,0\n0.5,1\n';
const { a: pod, modeller } = acquainted(['modeller', 'a']);
const [peer] = modeller.peers.all();

/** What the coordinator takes of a pod that has signed the hash of `signed`, or nothing of scores, and sends `sent`. */
async function take(signed: string | null, sent: string, exact = 'exact: true') {
  const { algorithm } = parseAnalysis(TASK.replace('EXACT', exact), join(folder, 'task.yaml'));
  const evaluation = await Evaluation.open('run', algorithm as EvaluationAlgorithm, [file]);
  evaluation.sentAs('{}');
  const answer = JSON.stringify({
    format: 'konsil-site-evaluation-v1',
    policy: { results: 'site', minimumRows: 1, minimumClassRows: 1 },
    ...(signed !== null && { scores: { sha256: toHex(sha256(utf8(signed))), rows: 2 } }),
    groups: [{ rows: 2, metrics: {} }],
  });
  const view = {
    ...{ run: 'run', task: toHex(sha256(utf8('{}'))), model: evaluation.algorithm.models[0]!.sha256! },
    ...{ pod: pod.identity.public.id, answer },
  };
  const blobs = { answer: utf8(answer), scores: utf8(sent) };
  let reason = '';
  const steps = {
    pull: async (_member: Member, id: keyof typeof blobs) => blobs[id],
    each: async (_answers: unknown, one: (...given: unknown[]) => Promise<void>) => {
      const said = { result: 'answer', scores: 'scores', signature: signEvaluation(pod.identity.signing, view) };
      await one({ name: 'a', peer }, said, {}).catch((error: unknown) => (reason = messageOf(error)));
    },
  } as unknown as AnalysisSteps;
  await evaluation.takeAll(steps, { step: 0, answers: new Map() });
  return { answers: evaluation.outcome().answers[0]!, reason };
}

it('are taken when they are those that the pod has signed', async () => {
  const { answers, reason } = await take(GOOD, GOOD);
  expect(reason).toBe('');
  expect([...answers[0]!.exact!.scores.scores]).toEqual([0.25, 0.5]);
});

it.each([
  ['others were signed', GOOD.replace('0.25', '0.26'), GOOD, /pod a: its scores are not those it has signed/],
  ['none were signed', null, GOOD, /pod a: its scores are not those it has signed/],
  ['they are none', 'x', 'x', /pod a: its scores are none, at line 1/],
])('are left out when %s, and the answer stays', async (_what, signed, sent, expected) => {
  const { answers, reason } = await take(signed, sent);
  expect(reason).toMatch(expected);
  expect(answers.map(({ exact }) => exact)).toEqual([undefined]);
});

it('are not looked at when the task did not ask', async () => {
  const { answers, reason } = await take(GOOD, GOOD, 'exact: false');
  expect(reason).toBe('');
  expect(answers[0]!.exact).toBeUndefined();
});
