/**
 * Whether a row was trained on: the update of a pod that has the row points along the row's own descent.
 * @source Nasr, Shokri, Houmansadr (2019), "Comprehensive privacy analysis of deep learning", §III, in its passive,
 *   untrained form; the usual direction is taken out as Murakonda and Shokri (2020) take out a reference model.
 * @module
 */
import type { Game, Sight } from '../games/game.ts';
import { cosine } from './inversion.ts';

/** Scores of games in which the victim has the row, and of those in which it has not. */
export interface MembershipScores {
  readonly members: readonly number[];
  readonly others: readonly number[];
}

/** Gradients at the model a game starts from: of the row in question, and the mean over rows of the attacker's own. */
export interface KnownGradients {
  readonly row: Float32Array;
  readonly usual: Float32Array;
}

/** Scores of all games. @param gradients - As the attacker computes them, one a game. */
export function membershipScores(
  games: readonly Game[],
  gradients: readonly KnownGradients[],
  sight: Sight,
): MembershipScores {
  const scored = games.map(({ isFirst, sightings }, i) => {
    const { row, usual } = gradients[i]!;
    const update = sightings.get(sight)!.victim.subarray(0, row.length);
    // what every row has in common says nothing about this one
    return { isFirst, score: -cosine(without(update, usual), without(row, usual)) };
  });
  const of = (isMember: boolean): number[] =>
    scored.flatMap(({ isFirst, score }) => (isFirst === isMember ? [score] : []));
  return { members: of(true), others: of(false) };
}

/** The part of `vector` that is at right angles to `direction`. */
function without(vector: ArrayLike<number>, direction: ArrayLike<number>): Float64Array {
  let [along, length] = [0, 0];
  for (let i = 0; i < vector.length; i++) {
    along += vector[i]! * direction[i]!;
    length += direction[i]! ** 2;
  }
  const share = length === 0 ? 0 : along / length;
  return Float64Array.from(vector, (value, i) => value - share * direction[i]!);
}
