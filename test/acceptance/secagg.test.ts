/**
 * The ten acceptance tests of a secure sum. Each is also tested closer, case by case, beside the code and in
 * test/attacks; here they stand together.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type PodName, withDeadlines } from '../../sim/federation.ts';
import { type Bodies, encodeMessage, type MessageType, openMessage } from '../../src/aggregation/secure/messages.ts';
import { packLanes, unpackLanes } from '../../src/aggregation/vector.ts';
import { shapeOf, type VectorSpec } from '../../src/aggregation/vectorSpec.ts';
import { frame } from '../../src/base/index.ts';
import { addVectors, sha256 } from '../../src/crypto/index.ts';
import {
  type Cohort,
  deliverToPod,
  deliverToServer,
  failureOf,
  identityOf,
  makeCohort,
  plainSum,
  podNames,
  runPhases,
  seededBytes,
  sumOf,
  testSession,
} from '../support/secaggCohort.ts';
import { codes, cohortAt, requestTo, say } from '../support/secaggSpeech.ts';

const POD = 'pod-00';
let federation: Federation | undefined;
afterEach(async () => {
  await federation?.close();
  federation = undefined;
});

/** What `pod` says to a request of the coordinator, which says what it likes. */
function answersTo<K extends MessageType>(cohort: Cohort, pod: string, type: K, body: Bodies[K]): string[] {
  return codes(deliverToPod(cohort, pod, say(cohort.session, type, body)));
}
describe('1. the sum is bit for bit that of the survivors', () => {
  const cohorts = [
    ...[3, 5, 10, 32].map((n) => [n, 'auto'] as const),
    ...(['auto', 'complete'] as const).map((graph) => [100, graph] as const),
  ];
  it.each(cohorts)('%i pods, graph %s, one lost in each phase and none', (n, graph) => {
    for (const lostIn of graph === 'complete' ? [2] : n === 100 ? [2, 4, null] : [0, 1, 2, 3, 4, null])
      for (const length of n > 10 ? [65] : [1, 63, 130]) {
        const session = testSession(n, length, { assumptions: { graph } });
        const cohort = makeCohort(session);
        const last = podNames(n).at(-1)!;
        runPhases(cohort, { answers: (pod, phase) => lostIn === null || pod !== last || phase < lostIn });
        const counted = lostIn === null || lostIn > 2 ? podNames(n) : podNames(n).slice(0, -1);
        // neighbours' graph cannot be drawn without a nonce; three pods cannot lose one before their inputs are in
        const impossible = (session.k < n - 1 && lostIn === 0) || counted.length < session.minSurvivors;
        if (impossible) {
          expect(sumOf(cohort)).toBeUndefined();
          expect(failureOf(cohort)).toMatchObject({ spent: false });
        } else {
          expect(sumOf(cohort)!.survivors).toEqual(counted);
          expect(sumOf(cohort)!.words).toEqual(plainSum(counted, length));
        }
      }
  });
});

describe('2. a pod stopped and started again in the middle', () => {
  const PHASES = ['keys', 'shares', 'masked input', 'consistency', 'unmasking'];
  const D: PodName = 'hospital-d';
  it.each(PHASES)('of %s answers nothing twice, and the run ends with the right sums', async (phase) => {
    federation = await Federation.open();
    const world = federation;
    let restarted: Promise<void> | undefined;
    world.onEvent = (event) => {
      if (event.type !== 'phase' || event.purpose !== 'update' || event.completed !== 1 || event.phase !== phase)
        return;
      restarted ??= (async () => {
        world.kill(D);
        await world.running.get(D)!.pod.stop('power cut');
        await world.startPod(D);
      })();
    };
    const outcome = await world.run();
    await restarted;
    expect(restarted).toBeDefined();
    expect(outcome.status, outcome.reason).toBe('complete');
    const [first, second] = outcome.rounds;
    expect(first!.survivors).toContain(D);
    // in the sum exactly when its masked input had arrived
    const uploaded = phase === 'consistency' || phase === 'unmasking';
    expect(second!.survivors.includes(D)).toBe(uploaded);
    const rows = (names: readonly string[]): boolean => names.includes(D);
    expect(second!.trainingRows === first!.trainingRows).toBe(rows(second!.survivors));
    // whatever it was in the middle of, it refused to do that sum a second time or was not asked to
    const released = world
      .noticesOf(D, 'sum')
      .filter(({ what, purpose }) => what === 'released' && purpose === 'update');
    expect(new Set(released.map(({ round }) => round)).size).toBe(released.length);
  });
});

describe('3. a second list of survivors', () => {
  it.each([4, 5])('is refused after %i phases, and what was signed before stands', (phases) => {
    const cohort = cohortAt(phases - 1);
    if (phases === 4) {
      const honest = requestTo(cohort, POD, 'survivors');
      expect(answersTo(cohort, POD, 'survivors', honest)).toEqual(['send']);
      expect(answersTo(cohort, POD, 'survivors', { uploads: honest.uploads.slice(0, 3) })).toEqual([
        'aborted AGG_EQUIVOCATION',
      ]);
    } else {
      const proof = requestTo(cohort, POD, 'proof');
      expect(answersTo(cohort, POD, 'proof', proof)).toEqual(['send']);
      const uploads = [0, 1, 2].map((pod) => ({ pod, manifestHash: sha256(frame(pod)) }));
      expect(answersTo(cohort, POD, 'survivors', { uploads }).join()).toMatch(/^rejected/);
      // the identical request is answered identically
      expect(answersTo(cohort, POD, 'proof', proof)).toEqual(['send']);
    }
  });
});

describe('4. lists with a name twice, without the receiver, or of strangers', () => {
  const stranger = 9;
  it('end the attempt for whoever got them', () => {
    const lists = {
      roster: (cohort: Cohort) => {
        const { nonces, messages } = requestTo(cohort, POD, 'roster');
        const other = makeCohort(testSession(5, 6)).toServer.at(-1) as { bytes: Uint8Array };
        return [
          [...messages, messages[1]!].map((each, i, all) => (i === 2 ? all[1]! : each)),
          messages.slice(1),
          [...messages.slice(0, 3), other.bytes],
        ].map((changed) => ({ nonces, messages: changed }));
      },
      inbox: (cohort: Cohort) => {
        const { entries } = requestTo(cohort, POD, 'inbox');
        return [
          [...entries, entries[3]!],
          entries.slice(1),
          entries.map((entry, i) => (i === 3 ? { ...entry, pod: stranger } : entry)),
        ].map((changed) => ({ entries: changed }));
      },
      survivors: (cohort: Cohort) => {
        const { uploads } = requestTo(cohort, POD, 'survivors');
        return [
          [...uploads, uploads[3]!],
          uploads.slice(1),
          uploads.map((each, i) => (i === 3 ? { ...each, pod: stranger } : each)),
        ].map((changed) => ({ uploads: changed }));
      },
      proof: (cohort: Cohort) => {
        const { messages } = requestTo(cohort, POD, 'proof');
        return [
          [messages[0]!, messages[0]!, messages[0]!, messages[0]!],
          [messages[1]!, messages[0]!, messages[2]!],
        ].map((changed) => ({ messages: changed }));
      },
    } as const;
    for (const [phases, type] of (['roster', 'inbox', 'survivors', 'proof'] as const).entries())
      for (let variant = 0; variant < lists[type](cohortAt(phases + 1)).length; variant++) {
        const cohort = cohortAt(phases + 1);
        let answers: string[];
        try {
          answers = answersTo(cohort, POD, type, lists[type](cohort)[variant]! as never);
        } catch (error) {
          // not even our own encoder writes such a list
          expect(error, `${type} ${variant}`).toBeInstanceOf(Error);
          continue;
        }
        expect(answers.join(), `${type} ${variant}`).toMatch(/^(rejected|aborted)/);
      }
  });
});

describe('5. one flipped bit', () => {
  it('in any byte of any message of either side is refused by name, and the sum comes out all the same', () => {
    const cohort = makeCohort(testSession(3, 6));
    const random = seededBytes('flips');
    const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
      const copy = bytes.slice();
      copy[at] = copy[at]! ^ (1 << (random(1)[0]! & 7));
      return copy;
    };
    for (let phase = 0; phase < 5; phase++) {
      for (const { to, bytes } of cohort.toPods.splice(0)) {
        for (let at = 0; at < bytes.length; at += 1 + (random(1)[0]! & 15)) {
          const outputs = deliverToPod(cohort, to, flipped(bytes, at));
          expect(
            outputs.map(({ type }) => type),
            `to ${to}, byte ${at}`,
          ).toEqual(['rejected']);
        }
        deliverToPod(cohort, to, bytes);
      }
      for (const event of cohort.toServer.splice(0)) {
        const bytes = event.type === 'upload' ? event.manifest : (event as { bytes: Uint8Array }).bytes;
        for (let at = 0; at < bytes.length; at += 1 + (random(1)[0]! & 15)) {
          const changed = flipped(bytes, at);
          const outputs = deliverToServer(
            cohort,
            event.type === 'upload' ? { ...event, manifest: changed } : ({ ...event, bytes: changed } as typeof event),
          );
          expect(outputs.map(({ type }) => type)).toEqual(['rejected']);
        }
        deliverToServer(cohort, event);
      }
      deliverToServer(cohort, { type: 'close' });
    }
    expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(3), 6));
  });
});

describe('6. two models', () => {
  it('in one attempt: no pod deals a share, none uploads', () => {
    const ours = makeCohort(testSession(4, 6));
    const theirs = makeCohort(testSession(4, 6, { publicHash: sha256(frame('another model')) }));
    const said = ({ toServer }: Cohort): Uint8Array[] =>
      toServer.map((event) => (event as { bytes: Uint8Array }).bytes);
    const messages = [...said(ours).slice(0, 2), ...said(theirs).slice(2)];
    for (const cohort of [ours, theirs])
      for (const pod of cohort === ours ? ['pod-00', 'pod-01'] : ['pod-02', 'pod-03'])
        expect(answersTo(cohort, pod, 'roster', { nonces: [], messages })).toEqual(['aborted AGG_EQUIVOCATION']);
  });
});

describe('7. a share with one value changed', () => {
  it('names the pod that returned it, whichever it is', () => {
    for (let dealer = 0; dealer < 4; dealer++) {
      const cohort = cohortAt(4);
      for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
      const liar = cohort.toServer.find((event) => event.type === 'message' && event.from === 'pod-02')!;
      const honest = openMessage(cohort.session, 'release', 2, (liar as { bytes: Uint8Array }).bytes);
      const shares = honest.shares.map((each) => {
        const share = each.share.slice();
        if (each.of === dealer) share[31]! ^= 1;
        return { ...each, share };
      });
      const bytes = encodeMessage(cohort.session, 'release', 2, identityOf('pod-02'), { ...honest, shares });
      const outputs = deliverToServer(cohort, { type: 'message', from: 'pod-02', bytes });
      expect(outputs).toMatchObject([{ type: 'rejected', from: 'pod-02', error: { code: 'AGG_BAD_SHARE' } }]);
      for (const event of cohort.toServer.splice(0)) if (event !== liar) deliverToServer(cohort, event);
      deliverToServer(cohort, { type: 'close' });
      expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(4), 6));
    }
  });

  it('names its dealer when it was dealt so', () => {
    const cohort = cohortAt(2);
    const { entries } = requestTo(cohort, POD, 'inbox');
    const bad = entries.map((entry) =>
      entry.pod === 2 ? { ...entry, sealed: entry.sealed.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) } : entry,
    );
    expect(answersTo(cohort, POD, 'inbox', { entries: bad })).toEqual(['send', 'aborted AGG_BAD_SHARE']);
    const complaint = cohort.toServer.at(-1) as { bytes: Uint8Array };
    expect(openMessage(cohort.session, 'complaint', 0, complaint.bytes)).toEqual({ dealer: 2 });
  });
});

describe('8. overflow', () => {
  it.each([8, 16, 24, 32])('never happens at %i bits with every pod at its clip and its largest weight', (bits) => {
    for (const sign of [1, -1])
      for (const n of [3, 32]) {
        const spec: VectorSpec = {
          cohort: n,
          updateLength: 3,
          clip: 0.5,
          maxWeight: 70_000,
          bits,
          extras: [],
          counts: [],
        };
        const update = new Float32Array(3).fill(sign * 1e30);
        const one = packLanes({ update, weight: 70_000, extras: {}, counts: {} }, spec);
        const sum = Uint8Array.from(one);
        for (let i = 1; i < n; i++) addVectors(sum, one, shapeOf(spec));
        const { mean, totalWeight, clipped } = unpackLanes(sum, spec, n);
        expect(totalWeight).toBe(70_000 * n);
        expect(clipped).toBe(3 * n);
        for (const value of mean) expect(Math.abs(value - sign * 0.5)).toBeLessThan(n * 2 ** -(bits - 2));
      }
  });
});

describe('9. masked vectors', () => {
  const WORDS = 3_400_000;
  /** Deviation of Pearson's statistic from its mean, in its standard deviations. */
  const deviation = (counts: Uint32Array, draws: number): number => {
    const expected = draws / counts.length;
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    return (chi - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
  };
  const upload = (attempt: number): Uint8Array[] => {
    const session = testSession(3, WORDS, { attempt });
    const cohort = makeCohort(session);
    runPhases(cohort, {}, 0, 2);
    return podNames(3).map((pod) => cohort.masked.get(pod)!);
  };
  it('are uniform in bytes and pairs over ten million words, and unrelated between two attempts', () => {
    const [first, second] = [upload(0), upload(1)];
    const bytes = new Uint32Array(256);
    const pairs = new Uint32Array(65_536);
    const apart = new Uint32Array(256);
    for (const [pod, vector] of first.entries())
      for (let i = 0; i < vector.length; i++) {
        bytes[vector[i]!]!++;
        apart[vector[i]! ^ second[pod]![i]!]!++;
        if (i > 0) pairs[256 * vector[i - 1]! + vector[i]!]!++;
      }
    const draws = 3 * 4 * WORDS;
    expect(Math.abs(deviation(bytes, draws))).toBeLessThan(5);
    expect(Math.abs(deviation(apart, draws))).toBeLessThan(5);
    expect(Math.abs(deviation(pairs, draws - 3))).toBeLessThan(5);
  });
});

describe('10. a broker that repeats, reorders and loses 30 % of the packets', () => {
  it('delays the run, and alters no sum', async () => {
    const patient = { task: withDeadlines('train: 600, exchange: 600, evaluate: 600') };
    federation = await Federation.open(patient);
    const quiet = await federation.run();
    await federation.close();
    const world = await Federation.open(patient);
    federation = world;
    const random = seededBytes('broker');
    const held = new Map<string, Uint8Array>();
    let lost = 0;
    world.broker.intercept = (topic, payload) => {
      if (payload.length < 64) return [payload]; // who is there at all is the broker's own business
      const [fate = 0, order = 0] = random(2);
      const late = held.get(topic);
      held.delete(topic);
      if (fate < 77) {
        lost++;
        return late ? [late] : [];
      }
      if (order < 51) held.set(topic, payload);
      const now = order < 51 ? [] : order < 128 ? [payload, payload] : [payload];
      return late ? [...now, late] : now;
    };
    const noisy = await world.run();
    expect(noisy.status, noisy.reason).toBe('complete');
    expect(lost).toBeGreaterThan(50);
    // who is not heard for ten seconds may be left out; the sum is then that of the others, to the row
    const rowsOf = (pod: string): number => world.noticesOf(pod as PodName, 'accepted')[0]!.rows!;
    for (const { survivors, trainingRows } of noisy.rounds) {
      expect(survivors.length).toBeGreaterThanOrEqual(3);
      expect(trainingRows).toBe(survivors.reduce((sum, pod) => sum + rowsOf(pod), 0));
    }
    const everybody = noisy.rounds.every(({ survivors }) => survivors.length === 4);
    if (everybody) expect(noisy.parameters).toEqual(quiet.parameters);
    else expect(noisy.pooled!['ROC AUC']!.value).toBeGreaterThan(0.9);
  });
});
