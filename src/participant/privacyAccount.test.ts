/**
 * What a site remembers of its privacy: over restarts, power cuts and damage.
 * @module
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PrivacyTerms } from '../aggregation/index.ts';
import { privacyTermsOf } from '../protocols/index.ts';
import { parseTask, type Task } from '../tasks/index.ts';
import { Ledger } from './ledger.ts';
import { PrivacyAccount, type RoundCost } from './privacyAccount.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-account-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const task = (noiseMultiplier: number, epochs: number): Task =>
  parseTask(
    `pods: {identifiers: [a/x, b/x, c/x, d/x, e/x]}
task:
  protocol: {name: FederatedAveraging, arguments: {epochs_between_parameter_updates: 1}}
  algorithm:
    name: FederatedModelTraining
    model: {konsil_model: {model_ref: builtin:mlp}, hyperparameters: {epochs: ${epochs}}}
  aggregator: {privacy: {noise_multiplier: ${noiseMultiplier}, clip_norm: 1, delta: 1.0e-5}}
  data_structure: {assign: {target: outcome}}
`,
    'task.yaml',
  );
const PARAMETERS = 1_000;
const policy = { required: true, epsilonBudget: 5, delta: 1e-5 };
const account = (dataset = 'x', limit: typeof policy | null = policy): PrivacyAccount =>
  new PrivacyAccount(new Ledger(folder), { run: 'r', modeller: 'm', dataset, unit: 'site' }, limit ?? undefined, 1e-5);

const cost = ({ events }: PrivacyTerms): RoundCost => ({ events, times: 1 });

it('goes on from what was spent, for each dataset by itself', () => {
  const terms = privacyTermsOf(task(4, 3), PARAMETERS)!;
  const first = account().charge(cost(terms), 'update 1').epsilon;
  const second = account().charge(cost(terms), 'update 2').epsilon;
  expect(second).toBeGreaterThan(first);
  expect(account('y').charge(cost(terms), 'update 1').epsilon).toBe(first);
  expect(account().charge(cost(terms), 'update 3').epsilon).toBeGreaterThan(second);
});

it('refuses what does not fit, and what it advises instead does fit', () => {
  const greedy = task(1, 20);
  const check = (asked: Task): void => account().checkTask(asked, privacyTermsOf(asked, PARAMETERS)!, PARAMETERS);
  expect(() => check(greedy)).toThrow(/1 of its 20 rounds still fit; noise_multiplier [\d.]+ would make all/);
  let advice = '';
  try {
    check(greedy);
  } catch (error) {
    advice = /noise_multiplier ([\d.]+)/.exec(String(error))![1]!;
  }
  check(task(Number(advice), 20));
  check(task(1, 1));
  expect(() => check(task(Number(advice) * 0.95, 20))).toThrow('still fit');
  // without a budget everything is only recorded
  const open = account('x', null);
  open.checkTask(greedy, privacyTermsOf(greedy, PARAMETERS)!, PARAMETERS);
});

it('stops a run whose next round does not fit', () => {
  const terms = privacyTermsOf(task(1, 20), PARAMETERS)!;
  const opened = account();
  opened.checkRound(cost(terms));
  opened.charge(cost(terms), 'update 1');
  expect(() => opened.checkRound(cost(terms))).toThrow('ε = 5 at δ = 0.00001 is spent');
});

it('forgets a line that a power cut left unfinished, and nothing else', () => {
  const terms = privacyTermsOf(task(4, 3), PARAMETERS)!;
  const spent = account().charge(cost(terms), 'update 1').epsilon;
  const file = join(folder, 'ledger.jsonl');
  appendFileSync(file, '{"at":"2026-01-01T00:00:00.000Z","event":"priv');
  expect(account().charge(cost(terms), 'update 2').epsilon).toBeGreaterThan(spent);
  expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
});

it('does not take a damaged ledger for an unspent one', () => {
  const terms = privacyTermsOf(task(4, 3), PARAMETERS)!;
  account().charge(cost(terms), 'update 1');
  const file = join(folder, 'ledger.jsonl');
  const whole = readFileSync(file, 'utf8');
  for (const damaged of [whole.replace('"kind":"skellam"', '"kind":"?"'), `\u0000${whole}`]) {
    writeFileSync(file, damaged);
    expect(() => account()).toThrow(
      expect.objectContaining({ code: 'DATA_INVALID', message: expect.stringContaining('ledger.jsonl:1: ') }),
    );
  }
});
