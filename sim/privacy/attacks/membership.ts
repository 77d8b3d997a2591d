/**
 * Whether a row was trained on: the update of a pod that has the row points along the row's own descent.
 * @source Nasr, Shokri, Houmansadr (2019), "Comprehensive privacy analysis of deep learning", §III, in its passive,
 *   untrained form.
 * @module
 */
import type { Game, Sight } from '../games/game.ts';
import { cosine } from './inversion.ts';

/** Scores of games in which the victim has the row, and of those in which it has not. */
export interface MembershipScores {
  readonly members: readonly number[];
  readonly others: readonly number[];
}

/** @param gradients - Of the row in question, at the model each game starts from. */
export function membershipScores(
  games: readonly Game[],
  gradients: readonly Float32Array[],
  sight: Sight,
): MembershipScores {
  const scored = games.map(({ isFirst, sightings }, i) => {
    const gradient = gradients[i]!;
    const { victim } = sightings.get(sight)!;
    return { isFirst, score: -cosine(victim.subarray(0, gradient.length), gradient) };
  });
  const of = (isMember: boolean): number[] =>
    scored.flatMap(({ isFirst, score }) => (isFirst === isMember ? [score] : []));
  return { members: of(true), others: of(false) };
}
