/**
 * The privacy tests of a scenario: games with the model and the rows of a run, attacks on them, and the run's own bytes.
 * @module
 */

import { tailWords } from '../../src/aggregation/vectorSpec.ts';
import { throwIfCancelled } from '../../src/base/index.ts';
import { checkedSignatures, type MaskPool, readIdentities } from '../../src/crypto/index.ts';
import type { Site } from '../data/partition.ts';
import type { PrivacySettings } from '../scenario/schema.ts';
import type { KnownGradients } from './attacks/membership.ts';
import { attackByDistinguishing, attackByInversion, attackByMembership } from './attacks/run.ts';
import { checkPrivacy, FALSE_ALARM, isControl } from './checks.ts';
import { type AttackedRun, Field } from './games/field.ts';
import {
  type Game,
  type GameOptions,
  type InversionGame,
  playGame,
  playInversion,
  SIGHTS,
  type Sight,
} from './games/game.ts';
import type { AttackResult, PrivacyTestResult, UniformityResult } from './result.ts';
import { testUniformity } from './statistics/uniformity.ts';
import { makeCohort } from './views/sum.ts';
import type { RunTap } from './views/tap.ts';

/** What privacy tests need. */
export interface PrivacyOptions {
  readonly settings: PrivacySettings;
  readonly seed: number;
  /** The run whose model is attacked, and its sites. */
  readonly variant: string;
  readonly outcome: AttackedRun;
  readonly sites: readonly Site[];
  /** What was overheard of the run. */
  readonly tap?: RunTap;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
  /** A broken masking, to see that it is found. @default as programs do */
  readonly podPool?: MaskPool;
}

/** Games that are played at a time: training is on another thread. */
const AT_ONCE = 4;

/** Plays all games and mounts all attacks. @throws KonsilError as {@link Field.open}; MODEL_UNSUPPORTED; CANCELLED. */
export async function testPrivacy(options: PrivacyOptions): Promise<PrivacyTestResult> {
  const { settings, outcome, sites, tap, signal, variant } = options;
  const started = performance.now();
  const { games: count, inversions, rows, pods } = settings.games;
  const seed = settings.games.seed ?? options.seed;
  const wanted = new Set(settings.tests);
  // everybody plays in this process and checks the same keys
  const forget = [checkedSignatures.start(), readIdentities.start()];
  const field = await Field.open(outcome, sites, { rows, pods }, signal);
  try {
    const isAttacked = settings.tests.some((test) => test !== 'uniformity');
    const sights = SIGHTS.filter((sight) =>
      isControl(sight) ? isAttacked : settings.views.some((view) => view === sight),
    );
    const setting: GameOptions = {
      ...{ field, cohort: makeCohort(pods), seed, rows, sights },
      ...(options.podPool && { podPool: options.podPool }),
    };
    const layer = wanted.has('inversion') ? field.firstLayer : null;
    const total = count + (layer ? inversions : 0);
    let done = 0;
    const played = async <T>(n: number, play: (index: number, own: GameOptions) => Promise<T>): Promise<T[]> => {
      const all: T[] = [];
      for (let from = 0; from < n; from += AT_ONCE) {
        throwIfCancelled(signal);
        const batch = Array.from({ length: Math.min(AT_ONCE, n - from) }, (_, i) => play(from + i, setting));
        all.push(...(await Promise.all(batch)));
        options.onProgress?.((done += batch.length), total);
      }
      return all;
    };
    const games = await played(count, playGame);
    const steps = layer ? await played(inversions, playInversion) : [];
    const training = Math.floor(count / 3);
    const attacks: AttackResult[] = [
      ...(wanted.has('distinguishing') ? attackByDistinguishing(games, sights, training, field.spec.bits ?? 32) : []),
      ...(layer ? attackByInversion(steps, layer, sights) : []),
      ...(wanted.has('membership') ? attackByMembership(games, await gradientsOf(games, field), sights) : []),
    ];
    const uniformity = wanted.has('uniformity')
      ? uniformityOf(games, steps, sights, tap?.vectors(4 * tailWords(field.spec)) ?? [])
      : [];
    const checks = checkPrivacy(attacks, uniformity, settings.expect);
    return {
      ...{
        format: 'konsil-privacy-tests-v1',
        variant,
        seed,
        games: count,
        training,
        inversions: steps.length,
        pods,
        rows,
      },
      ...{ threshold: games[0]!.threshold, parameters: field.spec.updateLength, falseAlarm: FALSE_ALARM },
      ...{ uniformity, attacks, traffic: (settings.views.includes('broker') && tap?.traffic()) || null },
      ...{ wallSeconds: (performance.now() - started) / 1_000, checks, passed: checks.every(({ passed }) => passed) },
    };
  } finally {
    await field.close();
    for (const end of forget) end();
  }
}

async function gradientsOf(games: readonly Game[], field: Field): Promise<KnownGradients[]> {
  return Promise.all(
    games.map(async ({ start, row, reference }) => {
      const own = await field.gradient(start, Uint32Array.of(row));
      return { row: own, usual: reference.length === 0 ? own.map(() => 0) : await field.gradient(start, reference) };
    }),
  );
}

function uniformityOf(
  games: readonly Game[],
  steps: readonly InversionGame[],
  sights: readonly Sight[],
  overheard: ReturnType<RunTap['vectors']>,
): UniformityResult[] {
  const tested = (
    sight: UniformityResult['sight'],
    what: string,
    vectors: readonly Uint8Array[],
  ): UniformityResult => ({
    ...{ sight, what, vectors: vectors.length, bytes: vectors.reduce((sum, { length }) => sum + length, 0) },
    tests: testUniformity(vectors, FALSE_ALARM),
  });
  const seen = (sight: Sight): Uint8Array[] =>
    [...games, ...steps].flatMap(({ sightings }) => sightings.get(sight)?.bytes ?? []);
  const results: UniformityResult[] = [];
  if (sights.includes('coordinator')) {
    // both orders: beside each other are two pods of one sum, then one pod in two sums
    results.push(
      tested(
        'coordinator',
        'vectors as they arrive, two pods of a sum',
        games.flatMap(({ wires }) => [...wires]),
      ),
    );
    results.push(
      tested(
        'coordinator',
        'vectors as they arrive, one pod in two sums',
        games.map(({ wires }) => wires[0]!),
      ),
    );
    results.push(tested('coordinator', 'vectors without their self masks', seen('coordinator')));
  }
  if (sights.includes('colluding'))
    results.push(tested('colluding', 'vectors without the masks of t − 1 pods', seen('colluding')));
  if (sights.includes('broker')) {
    const sealed = games.map(({ sightings }) => sightings.get('broker')!.bytes[0]!);
    const length = Math.min(...sealed.map((bytes) => bytes.length));
    results.push(
      tested(
        'broker',
        'sealed parts of envelopes',
        sealed.map((bytes) => bytes.subarray(0, length)),
      ),
    );
  }
  for (const { what, vectors } of overheard) results.push(tested('run', what, vectors));
  return results;
}
