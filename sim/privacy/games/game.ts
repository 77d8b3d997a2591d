/**
 * One game: two pods hold two data sets that differ in one row, a coin says which holds which, and everybody's programs
 * form a secure sum. The sum is the same either way, so whatever tells the two cases apart has leaked past it.
 *
 * The seed decides rows, models and coins. Masks, keys and nonces come from the system's randomness, as in real life.
 * @module
 */
import { type PodInput, packLanes, shapeOf, type VectorSpec } from '../../../src/aggregation/index.ts';
import { concatBytes, permutation, seededRng } from '../../../src/base/index.ts';
import type { MaskPool } from '../../../src/crypto/index.ts';
import { decodePlain, encodePlain } from '../../../src/protocols/index.ts';
import { sealTraffic, UNSEALED_BYTES } from '../views/envelopes.ts';
import { type Peeled, peel } from '../views/peel.ts';
import { type Cohort, runSum, type SumView } from '../views/sum.ts';
import { bytesOfLanes, lanesOf, lanesWithout, maskedPart, wordsOf, wordsOfInput } from '../views/words.ts';
import type { Field } from './field.ts';

/** Whose eyes an attacker has. The last three are no part of what masks promise: they show that attacks work. */
export const SIGHTS = ['coordinator', 'colluding', 'broker', 'plain', 'everybody', 'sum'] as const;
export type Sight = (typeof SIGHTS)[number];

/** What one pair of eyes has of the two pods: what would be their words, were they not masked. */
export interface Sighting {
  readonly victim: Int32Array;
  readonly partner: Int32Array;
  /** Masks still on the victim's vector. */
  readonly masks: number;
  /** The same before any mask was taken off, where some were. */
  readonly raw?: { readonly victim: Int32Array; readonly partner: Int32Array };
  /** Numbers that only this view has, such as sizes. */
  readonly more: readonly number[];
  /** The victim's bytes, for tests of uniformity; and the partner's in the same sum, where no sum ties them together. */
  readonly bytes: readonly Uint8Array[];
}

export interface GameOptions {
  readonly field: Field;
  readonly cohort: Cohort;
  readonly seed: number;
  readonly rows: number;
  readonly sights: readonly Sight[];
  /** A broken masking. @default as programs do */
  readonly podPool?: MaskPool;
}

/** A game as attackers see it, and its solution. */
export interface Game {
  /** Whether the victim holds the first data set. */
  readonly isFirst: boolean;
  /** The start of the round: public. */
  readonly start: Float32Array;
  /** The row in which the first data set differs from the second. */
  readonly row: number;
  /** Rows of nobody in this game, as an attacker may have of its own; at most {@link REFERENCE_ROWS}. */
  readonly reference: Uint32Array;
  /** Words of both data sets' updates, which the attacker of the distinguishing game can compute. */
  readonly candidates: readonly [Int32Array, Int32Array];
  readonly sightings: ReadonlyMap<Sight, Sighting>;
  /** Vectors of victim and partner as they went over the wire. */
  readonly wires: readonly Uint8Array[];
  /** The protocol's thresholds in this game. */
  readonly threshold: number;
}

/** Enough for a mean that single rows hardly move. */
const REFERENCE_ROWS = 16;

/** Two data sets that differ in one row. */
export async function playGame(index: number, options: GameOptions): Promise<Game> {
  const { field, cohort, seed, rows } = options;
  const rng = seededRng(seed, `game ${index}`);
  const order = permutation(field.rows, rng);
  const isFirst = rng() < 0.5;
  const start = field.start(rng);
  const shared = order.subarray(2, rows + 1);
  const [first, second] = [Uint32Array.of(order[0]!, ...shared), Uint32Array.of(order[1]!, ...shared)];
  const others = [...cohort.pods.keys()]
    .slice(2)
    .map((_, i) => order.slice(rows + 1 + i * rows, rows + 1 + (i + 1) * rows));
  const inputs = await Promise.all([first, second, ...others].map((own) => field.input(start, own)));
  const held = isFirst ? inputs : [inputs[1]!, inputs[0]!, ...inputs.slice(2)];
  const seen = await seeSum(index, held, options);
  const candidates = [wordsOfInput(inputs[0]!, field.spec), wordsOfInput(inputs[1]!, field.spec)] as const;
  const used = rows * cohort.pods.size + 1;
  const reference = order.slice(used, used + REFERENCE_ROWS);
  return { isFirst, start, row: order[0]!, reference, candidates, ...seen };
}

/** A step of one row at every pod, as gradients are inverted. */
export interface InversionGame {
  readonly features: Float32Array;
  /** Another row, as good a guess as any. */
  readonly guess: Float32Array;
  readonly sightings: ReadonlyMap<Sight, Sighting>;
}

export async function playInversion(index: number, options: GameOptions): Promise<InversionGame> {
  const { field, cohort, seed } = options;
  const rng = seededRng(seed, `inversion ${index}`);
  const order = permutation(field.rows, rng);
  const start = field.start(rng);
  const inputs = await Promise.all(
    [...cohort.pods.keys()].map((_, i) => field.input(start, order.slice(i, i + 1), true)),
  );
  const { sightings } = await seeSum(ROUND_OF_INVERSION + index, inputs, options);
  return { features: field.features(order[0]!), guess: field.features(order[cohort.pods.size]!), sightings };
}

/** Rounds of the two kinds of games are told apart. */
const ROUND_OF_INVERSION = 1 << 30;

/** Runs the sum of `inputs`, one a pod, and looks at it with all eyes that are asked for. */
async function seeSum(
  round: number,
  inputs: readonly PodInput[],
  { field, cohort, sights, podPool }: GameOptions,
): Promise<Pick<Game, 'sightings' | 'wires' | 'threshold'>> {
  const { spec } = field;
  const names = [...cohort.pods.keys()];
  const [victim, partner] = [names[0]!, names[1]!];
  const view = await runSum({
    ...{ cohort, spec, round, colluding: names.slice(1), ...(podPool && { podPool }) },
    inputs: new Map(names.map((name, i) => [name, inputs[i]!])),
  });
  const rawOf = (name: string): Int32Array => wordsOf(lanesOf(view.masked.get(name)!, spec), spec);
  const raw = { victim: rawOf(victim), partner: rawOf(partner) };
  const peeled = (coalition: readonly string[]): Sighting => {
    const [own, other] = [
      peel(view, victim, coalition),
      peel(
        view,
        partner,
        coalition.filter((name) => name !== partner),
      ),
    ];
    // with colluders the two vectors add up to a known sum: only one of them is free
    const lanes = coalition.length === 0 ? [own.lanes, other.lanes] : [own.lanes];
    return {
      ...{ victim: wordsOf(own.lanes, spec), partner: wordsOf(other.lanes, spec), masks: own.left, raw, more: [] },
      bytes: lanes.map((each) => bytesOfLanes(each, spec)),
    };
  };
  const unmasked = ({ lanes, left }: Peeled): Omit<Sighting, 'partner'> => ({
    ...{ victim: wordsOf(lanes, spec), masks: left, more: [], bytes: [] },
  });
  const look: Readonly<Record<Sight, () => Sighting>> = {
    coordinator: () => peeled([]),
    colluding: () => peeled(names.slice(-(view.session.t - 1))),
    // the partner is one of them and shows its own words
    everybody: () => ({ ...unmasked(peel(view, victim, names.slice(1))), partner: wordsOfInput(inputs[1]!, spec) }),
    broker: () => brokerSees(view, cohort, [victim, partner]),
    plain: () => {
      const [own, other] = [inputs[0]!, inputs[1]!].map((input, i) =>
        decodePlain(encodePlain(input, spec), spec, names[i]!),
      );
      return { victim: wordsOfInput(own!, spec), partner: wordsOfInput(other!, spec), masks: 0, more: [], bytes: [] };
    },
    sum: () => {
      const known = inputs.map((input) => packLanes(input, spec, { seed: new Uint8Array(32) }));
      const left = lanesWithout(view.lanes, known.slice(1), shapeOf(spec));
      return { victim: wordsOf(left, spec), partner: wordsOf(known[1]!, spec), masks: 0, more: [], bytes: [] };
    },
  };
  const wires = [victim, partner].map((name) => maskedPart(view.masked.get(name)!, spec));
  return { sightings: new Map(sights.map((sight) => [sight, look[sight]()])), wires, threshold: view.session.t };
}

/** Where the vector must be in the stream of envelopes is no secret; what is there is sealed. */
function brokerSees(view: SumView, cohort: Cohort, pods: readonly string[]): Sighting {
  const envelopes = sealTraffic(view, cohort, pods);
  const [victim, partner] = pods.map((pod) => {
    const pieces = envelopes.flatMap((one) => (one.pod === pod && one.vector ? [one.vector] : []));
    return wordsOf(lanesOf(unpadded(concatBytes(...pieces), view.spec), view.spec), view.spec);
  });
  const sealed = envelopes.map(({ bytes }) => bytes.subarray(UNSEALED_BYTES));
  const own = envelopes.filter(({ pod }) => pod === pods[0]);
  return {
    ...{ victim: victim!, partner: partner!, masks: view.session.n },
    more: [
      envelopes.length,
      own.reduce((sum, { bytes }) => sum + bytes.length, 0),
      ...own.map(({ bytes }) => bytes.length),
    ],
    // one string of sealed bytes a game, of the victim's envelopes
    bytes: [wholeWords(concatBytes(...sealed))],
  };
}

/** Bits that pad a packed vector must be clear to be read; under a seal they are anything. */
function unpadded(wire: Uint8Array, { updateLength, bits = 32 }: VectorSpec): Uint8Array {
  const used = (updateLength * bits) % 8;
  const last = Math.ceil((updateLength * bits) / 8) - 1;
  return used === 0 ? wire : wire.with(last, wire[last]! & ((1 << used) - 1));
}

function wholeWords(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length - (bytes.length % 4));
}
