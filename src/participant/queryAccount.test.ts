/**
 * Budgets of single modellers: who is charged, what one modeller learns of another, and attempts to get more.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { budgetOfModeller, parsePodConfig } from '../tasks/index.ts';
import { siteRanges } from './analysis/siteRanges.ts';
import { Ledger } from './ledger.ts';
import { PrivacyAccount, type RoundCost } from './privacyAccount.ts';
import { ModellerAccount } from './queryAccount.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-queries-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const DELTA = 1e-6;
const costs = (epsilon: number): RoundCost => ({ events: [{ kind: 'approximate', epsilon, delta: 0 }], times: 1 });
const accountOf = (ledger: Ledger, modeller: string, own = 2, all = 5, dataset = 'x'): ModellerAccount => {
  const total = { required: false, epsilonBudget: all, delta: DELTA };
  const entry = { run: 'r', modeller, dataset, unit: 'record' } as const;
  const limit = { epsilonBudget: own, delta: DELTA };
  return new ModellerAccount(new PrivacyAccount(ledger, entry, total, DELTA), ledger, { modeller, dataset }, limit);
};

describe('the account of one modeller', () => {
  it('is its own, for each dataset, and outlives the program', () => {
    const ledger = new Ledger(folder);
    accountOf(ledger, 'ann').charge(costs(1.5), 'query');
    accountOf(ledger, 'bob').checkRound(costs(1.5));
    accountOf(ledger, 'ann', 2, 5, 'y').checkRound(costs(1.5));
    ledger.close();
    const reopened = new Ledger(folder);
    expect(() => accountOf(reopened, 'ann').checkRound(costs(1))).toThrow(
      expect.objectContaining({ code: 'PRIVACY_BUDGET', message: expect.stringMatching(/of which 0\.5 is left/) }),
    );
    accountOf(reopened, 'ann').checkRound(costs(0.5));
    expect(reopened.modellersOf('x')).toEqual(['ann']);
  });

  it('is charged at once for runs at the same time: both were opened before either asked', () => {
    const ledger = new Ledger(folder);
    const [one, other] = [accountOf(ledger, 'ann'), accountOf(ledger, 'ann')];
    one.checkRound(costs(1.5));
    one.charge(costs(1.5), 'query');
    expect(() => other.checkRound(costs(1.5))).toThrow(/take your ε to 3/);
    const [third, fourth] = [accountOf(ledger, 'bob', 9), accountOf(ledger, 'eve', 9)];
    third.charge(costs(3), 'query');
    expect(() => fourth.checkRound(costs(3))).toThrow(/this site's privacy budget of ε = 5/);
  });

  it('does not tell one modeller what others have spent', () => {
    const ledger = new Ledger(folder);
    accountOf(ledger, 'ann', 4).charge(costs(3.25), 'query');
    const refusal = (own: number): string => {
      try {
        accountOf(ledger, 'bob', own).checkRound(costs(1.9));
      } catch (error) {
        return (error as Error).message;
      }
      throw new TypeError('not refused');
    };
    // the modeller's own limit comes first, and its words depend on nothing else
    expect(refusal(1)).toMatch(/of which 1 is left/);
    expect(refusal(2)).toBe("this site's privacy budget of ε = 5 at δ = 0.000001 a row is spent");
  });

  it('has no room for names with spaces that look like another modeller and dataset', () => {
    const ledger = new Ledger(folder);
    accountOf(ledger, 'ann x', 2, 5, 'y').charge(costs(2), 'query');
    accountOf(ledger, 'ann', 2, 5, 'x y').checkRound(costs(2));
  });
});

describe('policy.private_query', () => {
  const config = (rules: string): ReturnType<typeof parsePodConfig> =>
    parsePodConfig(
      `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources: [{name: visits, datasource: CSVSource, datasource_args: {path: ./a.csv}}]
approved_modellers: [ann, bob]
policy:
  private_query: ${rules}
`,
      'pod.yaml',
    );

  it('has a default, others for single modellers, and ranges', () => {
    const { privateQuery } = config(
      '{budget: {epsilon_budget: 2, delta: 1.0e-6}, modellers: {bob: {epsilon_budget: 4, delta: 1.0e-6}}, ranges: {visits: {age: {lower: 18, upper: 90}}}}',
    ).policy;
    expect(budgetOfModeller(privateQuery!, ['ann', 'A1'])?.epsilonBudget).toBe(2);
    expect(budgetOfModeller(privateQuery!, ['bob', 'B1'])?.epsilonBudget).toBe(4);
    // what every object has is no budget
    expect(budgetOfModeller({ modellers: {}, ranges: {} }, ['constructor'])).toBeUndefined();
  });

  it.each([
    ['{modellers: {eve: {epsilon_budget: 4, delta: 0.1}}}', /modellers\.eve: is not in approved_modellers/],
    ['{ranges: {vists: {age: {lower: 0, upper: 1}}}}', /ranges\.vists: is no data source; expected one of visits/],
    ['{ranges: {visits: {age: {lower: 1, upper: 1}}}}', /ranges\.visits\.age: expected two numbers or two dates/],
  ])('is refused where it says %s', (rules, reason) => {
    expect(() => config(rules)).toThrow(reason);
  });

  it('narrows ranges of queries, never widens them', () => {
    const own = { age: { lower: 18, upper: 90 } };
    expect(siteRanges({ AGE: { lower: 0, upper: 50 }, sex: {} }, own)).toEqual({
      AGE: { lower: 18, upper: 50 },
      sex: {},
    });
    expect(siteRanges({}, own)).toEqual(own);
    expect(siteRanges({ age: { lower: 20, upper: 30 } }, own)).toEqual({ age: { lower: 20, upper: 30 } });
    expect(() => siteRanges({ age: { lower: 95, upper: 99 } }, own)).toThrow(/nothing in common with this site's/);
    expect(() => siteRanges({ age: { lower: '2020-01-01' } }, own)).toThrow(/another type/);
  });
});
