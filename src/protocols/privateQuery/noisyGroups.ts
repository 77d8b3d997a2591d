/**
 * Noise on exact figures: here alone they meet, as whole numbers. What is made of noisy ones (means, clamping, sorting) is
 * post-processing.
 * @module
 */
import { chooseByPenalty, RandomWords } from '../../aggregation/index.ts';
import { throwIfCancelled } from '../../base/index.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import { type BoundedTable, type ExactGroup, type Key, sqlRefused } from '../../datasources/index.ts';
import { drawer } from './noise.ts';
import { penaltiesOf } from './places.ts';
import { MOST_GROUPS, type PrivateQueryPlan } from './planPrivateQuery.ts';
import type { NoisyGroup } from './privateResult.ts';

/** What of a {@link BoundedTable} is read. */
export type ExactFigures = Pick<BoundedTable, 'groups' | 'histograms'>;

/**
 * Every group that may be shown, in no order that means anything.
 * @throws KonsilError SQL_REFUSED for too many groups, CANCELLED, and what the table throws.
 */
export async function noisyGroups(
  plan: PrivateQueryPlan,
  table: ExactFigures,
  randomBytes: RandomBytes,
  signal: AbortSignal | undefined,
): Promise<NoisyGroup[]> {
  const exact = plan.declared ? declaredGroups(plan, plan.declared, table) : table.groups();
  const noisy = await addNoise(plan, exact, randomBytes, signal);
  const words = new RandomWords(randomBytes);
  try {
    await choosePlaces(plan, noisy, table, words, signal);
  } finally {
    words.wipe();
  }
  return [...noisy.values()];
}

/** All that are declared, those without anybody too. */
async function* declaredGroups(
  plan: PrivateQueryPlan,
  declared: readonly (readonly Key[])[],
  table: ExactFigures,
): AsyncGenerator<ExactGroup> {
  const present = new Map<string, ExactGroup>();
  for await (const group of table.groups()) present.set(JSON.stringify(group.keys), group);
  const zeros = plan.grids.map(() => 0n);
  let all: readonly (readonly Key[])[] = [[]];
  for (const values of declared) all = all.flatMap((keys) => values.map((value) => [...keys, value]));
  for (const keys of all) yield present.get(JSON.stringify(keys)) ?? { keys, people: 0n, counts: zeros, sums: zeros };
}

/** Noise on all numbers; of groups that are not declared, only those that then pass the threshold. */
async function addNoise(
  plan: PrivateQueryPlan,
  groups: AsyncIterable<ExactGroup>,
  randomBytes: RandomBytes,
  signal: AbortSignal | undefined,
): Promise<Map<string, NoisyGroup>> {
  const drawers = plan.releases.map((planned) => ('noise' in planned ? drawer(planned.noise, randomBytes) : undefined));
  const noisy = new Map<string, NoisyGroup>();
  try {
    for await (const { keys, people, counts, sums } of groups) {
      throwIfCancelled(signal);
      const numbers = plan.releases.map(({ release }, i) => {
        if (release.kind === 'place') return 0n;
        const noise = drawers[i]!.draw();
        if (release.kind === 'people') return people + noise;
        const count = counts[release.column]!;
        if (release.kind === 'count') return count + noise;
        return sums[release.column]! - BigInt(release.centre) * count + noise;
      });
      // the number of people is the first release where there is a threshold
      if (plan.threshold !== null && numbers[0]! < BigInt(plan.threshold)) continue;
      if (noisy.size === MOST_GROUPS) throw sqlRefused(`it has more than ${MOST_GROUPS} groups above the threshold`);
      noisy.set(JSON.stringify(keys), { keys, numbers });
    }
  } finally {
    for (const one of drawers) one?.wipe();
  }
  return noisy;
}

/** Puts the bin of every place into the groups' numbers. */
async function choosePlaces(
  plan: PrivateQueryPlan,
  groups: ReadonlyMap<string, NoisyGroup>,
  table: ExactFigures,
  words: RandomWords,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [index, planned] of plan.releases.entries()) {
    if (!('place' in planned)) continue;
    const { place, release } = planned;
    const empty = (): bigint[] => Array.from({ length: place.bins.count }, () => 0n);
    const choose = ({ numbers }: NoisyGroup, people: readonly bigint[]): void => {
      throwIfCancelled(signal);
      numbers[index] = BigInt(chooseByPenalty(penaltiesOf(place, people), place.rate, words));
    };
    const open = new Map(groups);
    for await (const { keys, bins } of table.histograms(release.column, place.bins.width)) {
      const group = open.get(JSON.stringify(keys));
      if (group === undefined) continue;
      const people = empty();
      for (const { bin, people: count } of bins) people[bin] = count;
      choose(group, people);
      open.delete(JSON.stringify(keys));
    }
    for (const group of open.values()) choose(group, empty());
  }
}
