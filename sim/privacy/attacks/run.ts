/**
 * Every attack on every view of the games that were played.
 * @module
 */
import { FALSE_ALARM } from '../checks.ts';
import type { FirstLayer } from '../games/field.ts';
import type { Game, InversionGame, Sight } from '../games/game.ts';
import type { AttackResult } from '../result.ts';
import {
  aucInterval,
  detectableAccuracy,
  detectableAuc,
  detectableMean,
  meanInterval,
  nullAucInterval,
  shareInterval,
} from '../statistics/intervals.ts';
import { distinguish } from './distinguisher.ts';
import { cosine, invertStep, relativeError } from './inversion.ts';
import { type KnownGradients, membershipScores } from './membership.ts';

const REPORTED = 0.95;
const CHECKED = 1 - FALSE_ALARM;
/** A row counts as recovered when it is off by no more than this share of its length. */
const RECOVERED = 0.05;

/** What each attacker had, in a sentence for people. */
export const HAD: Readonly<Record<Sight, string>> = {
  coordinator:
    'all messages and masked vectors as they arrived, the shares that were released, the self masks they give (taken off), and the sum',
  colluding:
    'all that the coordinator has, and all secrets of t − 1 pods: their masks with the victim (taken off) and their shares of its secrets',
  broker: 'sealed envelopes: their bytes, number, sizes and order',
  plain: 'the update itself, as without secure aggregation',
  everybody:
    'the secrets of all other pods, more than the threshold allows: enough shares to rebuild the victim’s mask key',
  sum: 'the sum, and the updates of all other pods: secure aggregation does not protect against this',
};

/** Guesses of which of two neighbouring data sets the victim holds. */
export function attackByDistinguishing(
  games: readonly Game[],
  sights: readonly Sight[],
  training: number,
  bits: number,
): AttackResult[] {
  return sights.map((sight) => {
    const { hits, tested } = distinguish(games, sight, training, bits);
    return {
      ...{ attack: 'distinguishing', sight, had: HAD[sight], measure: 'accuracy', chance: 0.5 },
      estimate: shareInterval(hits, tested, REPORTED),
      checked: shareInterval(hits, tested, CHECKED),
      detectable: detectableAccuracy(tested, CHECKED),
      masks: games[0]!.sightings.get(sight)!.masks,
      note: `trained on ${training} games, ${hits} of ${tested} others solved`,
    };
  });
}

/** Guesses of whether the victim has a row. */
export function attackByMembership(
  games: readonly Game[],
  gradients: readonly KnownGradients[],
  sights: readonly Sight[],
): AttackResult[] {
  return sights.map((sight) => {
    const { members, others } = membershipScores(games, gradients, sight);
    return {
      ...{
        attack: 'membership',
        sight,
        had: `${HAD[sight]}; the row in question, and rows of the attacker’s own`,
        measure: 'area under ROC',
        chance: 0.5,
      },
      estimate: aucInterval(members, others, REPORTED),
      checked: nullAucInterval(members, others, CHECKED),
      detectable: detectableAuc(members.length, others.length, CHECKED),
      masks: games[0]!.sightings.get(sight)!.masks,
      note: `${members.length} games with the row, ${others.length} without`,
    };
  });
}

/** Reconstructions of the one row behind a step. */
export function attackByInversion(
  games: readonly InversionGame[],
  layer: FirstLayer,
  sights: readonly Sight[],
): AttackResult[] {
  const guesses = meanInterval(
    games.map(({ features, guess }) => cosine(guess, features)),
    REPORTED,
  );
  return sights.map((sight) => {
    const found = games.map(({ features, sightings }) => {
      const row = invertStep(sightings.get(sight)!.victim, layer);
      return { cosine: cosine(row, features), error: relativeError(row, features) };
    });
    const cosines = found.map((one) => one.cosine);
    const recovered = shareInterval(found.filter(({ error }) => error <= RECOVERED).length, found.length, REPORTED);
    const errors = found.map(({ error }) => error).sort((a, b) => a - b);
    return {
      ...{ attack: 'inversion', sight, had: HAD[sight], measure: 'cosine with the true row', chance: 0 },
      estimate: meanInterval(cosines, REPORTED),
      checked: meanInterval(cosines, CHECKED),
      detectable: Math.min(1, detectableMean(cosines, CHECKED)),
      masks: games[0]!.sightings.get(sight)!.masks,
      note:
        `${(100 * recovered.value).toFixed(0)} % [${(100 * recovered.low).toFixed(0)}, ${(100 * recovered.high).toFixed(0)}] of rows within 5 %, ` +
        `median error ${errors[errors.length >> 1]!.toPrecision(2)}; another row as a guess: cosine ${guesses.value.toFixed(2)} [${guesses.low.toFixed(2)}, ${guesses.high.toFixed(2)}]`,
    };
  });
}
