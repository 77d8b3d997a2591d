/**
 * The tests of privacy tested: on the real masking nothing is found, on broken ones each is found by what should find it.
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveTask } from '../../src/coordinator/initialModel.ts';
import { type MaskKey, MaskPool, type VectorShape } from '../../src/crypto/index.ts';
import { sumFacts, trainerOptions } from '../../src/protocols/index.ts';
import { compile } from '../../src/training/index.ts';
import { generate } from '../data/generate.ts';
import { MemorySource } from '../data/memorySource.ts';
import { partition, type Site } from '../data/partition.ts';
import { taskOf } from '../scenario/scenario.ts';
import { type PrivacySettings, scenarioFile } from '../scenario/schema.ts';
import { type AttackedRun, Field } from './games/field.ts';
import { playGame } from './games/game.ts';
import type { AttackResult, PrivacyTestResult } from './result.ts';
import { testPrivacy } from './run.ts';
import { makeCohort } from './views/sum.ts';

const FILE = {
  ...{ name: 'maskings', pods: 4, rounds: 1 },
  data: { kind: 'blobs', rows: 200, features: 12 },
  task: {
    algorithm: {
      model: {
        konsil_model: { model_ref: 'builtin:logistic_regression' },
        hyperparameters: { learning_rate: 0.1, batch_size: 6 },
      },
    },
  },
};

const settingsOf = (privacy: object): PrivacySettings => scenarioFile.parse({ ...FILE, privacy }).privacy!;

/** A run as it is before its first round, and its sites. */
function makeRun(): { run: AttackedRun; sites: Site[] } {
  const { data, task: part } = scenarioFile.parse(FILE);
  if (data.kind === 'csv' || data.kind === 'images') throw new TypeError('rows are generated here');
  const table = generate(data, 1);
  const sites = partition(table, { kind: 'iid' }, 4, 1);
  const names = sites.map(({ name }) => name);
  const composed = taskOf(
    { ...table, seed: 1, rounds: 1, file: 'maskings.yaml' },
    part as Record<string, unknown>,
    names,
  );
  if ('problems' in composed) throw new TypeError(JSON.stringify(composed.problems));
  const resolved = resolveTask(composed.task, new MemorySource('data', table).schema, names[0]!);
  const { model: _model, ...options } = trainerOptions(resolved.task, resolved.model, resolved.source);
  const { layout, initial } = compile(resolved.model, options);
  const facts = sumFacts(resolved.task, layout, resolved.features.length);
  return { sites, run: { resolved, facts, parameters: initial, standardiser: null } };
}

/** Masks that go into the lanes instead of those given, and what is done to the lanes afterwards. */
interface Breakage {
  readonly masks?: (given: readonly MaskKey[]) => readonly MaskKey[];
  readonly after?: (masked: Uint8Array, plain: Uint8Array) => void;
}

/** Where masks are applied, wrongly. */
class BrokenPool extends MaskPool {
  readonly #breakage: Breakage;

  constructor(breakage: Breakage) {
    super({ threads: 1 });
    this.#breakage = breakage;
  }

  override async applyMasks(lanes: Uint8Array, shape: VectorShape, masks: readonly MaskKey[]): Promise<void> {
    const plain = lanes.slice();
    await super.applyMasks(lanes, shape, this.#breakage.masks?.(masks) ?? masks);
    this.#breakage.after?.(lanes, plain);
  }
}

const stuckBit = new BrokenPool({ after: (masked) => void (masked[21]! |= 8) });
/** The fourth word travels as it is. */
const missingLane = new BrokenPool({ after: (masked, plain) => masked.set(plain.subarray(12, 16), 12) });
/** Everybody applies the masks that somebody drew first. */
let first: readonly MaskKey[] | undefined;
const oneMask = new BrokenPool({
  masks: (given) => (first ??= given.map(({ key, sign }) => ({ key: key.slice(), sign }))),
});

let made: ReturnType<typeof makeRun>;
beforeAll(() => {
  made = makeRun();
});
afterAll(() => Promise.all([stuckBit, missingLane, oneMask].map((pool) => pool.close())).then(() => undefined));

async function tested(privacy: object, podPool?: MaskPool): Promise<PrivacyTestResult> {
  const { run: outcome, sites } = made;
  const options = { settings: settingsOf(privacy), seed: 2, variant: 'run', outcome, sites };
  return testPrivacy({ ...options, ...(podPool && { podPool }) });
}
const attackOf = ({ attacks }: PrivacyTestResult, attack: string, sight: string): AttackResult =>
  attacks.find((one) => one.attack === attack && one.sight === sight)!;
const failures = ({ checks }: PrivacyTestResult): string[] =>
  checks.filter(({ passed }) => !passed).map(({ name }) => name);

describe('attacks on the real masking', () => {
  it('find nothing, and succeed where masks promise nothing', async () => {
    const result = await tested({
      games: { games: 60, inversions: 12, rows: 3 },
      expect: { distinguishing: 0.85, membership: 0.5 },
    });
    expect(failures(result)).toEqual([]);
    expect(result).toMatchObject({ threshold: 3, pods: 4, training: 20, passed: true });
    for (const sight of ['coordinator', 'colluding'])
      for (const attack of ['distinguishing', 'inversion', 'membership']) {
        const { checked, chance, masks, detectable } = attackOf(result, attack, sight);
        expect(masks).toBe(sight === 'coordinator' ? 3 : 1);
        expect(checked.low).toBeLessThanOrEqual(chance);
        expect(detectable).toBeGreaterThan(chance);
      }
    for (const sight of ['plain', 'everybody', 'sum']) {
      expect(attackOf(result, 'distinguishing', sight)).toMatchObject({ estimate: { n: 40 }, masks: 0 });
      expect(attackOf(result, 'distinguishing', sight).checked.low).toBeGreaterThan(0.5);
      expect(attackOf(result, 'inversion', sight).estimate.low).toBeGreaterThan(0.99);
    }
    // a check that must succeed says its interval too
    expect(result.checks.every(({ detail }) => /\[.+\]|p = /.test(detail))).toBe(true);
  });

  it('play the same games from the same seed, under other masks', async () => {
    const { run, sites } = made;
    const field = await Field.open(run, sites, { rows: 6, pods: 4 });
    try {
      const options = { field, cohort: makeCohort(4), seed: 7, rows: 6, sights: ['plain', 'coordinator'] as const };
      const [first, again] = [await playGame(3, options), await playGame(3, options)];
      expect(again.candidates).toEqual(first.candidates);
      expect(again.isFirst).toBe(first.isFirst);
      expect(again.sightings.get('plain')).toEqual(first.sightings.get('plain'));
      expect(again.wires[0]).not.toEqual(first.wires[0]);
    } finally {
      await field.close();
    }
  });

  it('need rows and a first layer', async () => {
    await expect(tested({ games: { rows: 60 } })).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    const { run } = made;
    made = { ...made, run: { ...run, parameters: null } };
    await expect(tested({})).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    made = { ...made, run };
  });
});

describe('a broken masking is found:', () => {
  const few = {
    games: { games: 60, rows: 6 },
    views: ['coordinator'],
    tests: ['uniformity', 'distinguishing'],
    expect: { distinguishing: 0.5 },
  };

  it('a stuck bit, by tests of uniformity', async () => {
    const result = await tested({ ...few, games: { games: 30, rows: 6 }, tests: ['uniformity'] }, stuckBit);
    expect(failures(result).join()).toContain('each bit of the vector');
  });

  it('a lane without a mask, by both', async () => {
    const result = await tested(few, missingLane);
    expect(failures(result).join()).toMatch(
      /each bit of the vector.*distinguishing, coordinator: no better than chance/,
    );
  });

  it('one mask for everybody, by differences and by the distinguisher', async () => {
    const result = await tested(few, oneMask);
    expect(failures(result).join()).toMatch(
      /differences of vectors.*distinguishing, coordinator: no better than chance/,
    );
    expect(attackOf(result, 'distinguishing', 'coordinator').checked.low).toBeGreaterThan(0.5);
  });
});
