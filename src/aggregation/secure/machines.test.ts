import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cohort,
  deliverToPod,
  deliverToServer,
  failureOf,
  identityOf,
  inputOf,
  makeCohort,
  plainSum,
  podNames,
  runPhases,
  seededBytes,
  sumOf,
  takePodOutputs,
  testSession,
} from '../../../test/support/secaggCohort.ts';
import { CHI_SQUARE_LIMIT, chiSquareOfBytes, referenceMaskedVector } from '../../../test/support/secaggReference.ts';
import { bytesOf, KonsilError } from '../../base/index.ts';
import { shapeBytes } from '../../crypto/index.ts';
import { quantisationBound } from '../quantise.ts';
import { WeightedMean } from '../strategies/weightedMean.ts';
import { packLanes, unpackLanes } from '../vector.ts';
import { hashSpec, shapeOf, type VectorSpec } from '../vectorSpec.ts';
import { startClient, stepClient } from './client.ts';
import { COMPLETE_UP_TO, thresholdsFor } from './parameters.ts';
import { type ServerEvent, startServer, stepServer } from './server.ts';
import { drawSecrets } from './sharing.ts';

const NAMES = podNames(4);

/** Uploads of a cohort, by pod. */
function uploadsOf(cohort: Cohort): Map<string, Uint8Array> {
  runPhases(cohort, {}, 0, 1);
  for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
  return new Map(cohort.toServer.flatMap((event) => (event.type === 'upload' ? [[event.from, event.vector!]] : [])));
}

describe('thresholds', () => {
  it('are those of the published table', () => {
    const table = [3, 4, 5, 7, 10, 20].map((n) => {
      const { colluding, t, signatures, minSurvivors } = thresholdsFor(n);
      expect(signatures).toBe(t);
      return [n, colluding, t, minSurvivors];
    });
    expect(table).toEqual([
      [3, 0, 2, 3],
      [4, 1, 3, 3],
      [5, 1, 4, 4],
      [7, 2, 5, 5],
      [10, 3, 7, 7],
      [20, 6, 14, 14],
    ]);
  });
  it('leave no room for two answers from t pods each, and two honest inputs in every sum', () => {
    for (let n = 3; n <= COMPLETE_UP_TO; n++) {
      const { colluding, t, minSurvivors } = thresholdsFor(n);
      expect(2 * t).toBeGreaterThan(n + colluding);
      expect(minSurvivors).toBeGreaterThanOrEqual(colluding + 2);
      expect(minSurvivors).toBeGreaterThanOrEqual(t);
      expect(minSurvivors).toBeLessThanOrEqual(n);
    }
    for (const n of [2, 10_001, 3.5]) expect(() => thresholdsFor(n)).toThrow(/secure aggregation needs/);
  });
});

describe('redelivery', () => {
  it('of any event changes neither machine, and a pod answers an identical request identically', () => {
    const cohort = makeCohort(testSession(4, 5));
    const past: { to: string; bytes: Uint8Array }[] = [];
    const told: ServerEvent[] = [];
    for (let phase = 0; phase < 5; phase++) {
      for (const { to, bytes } of cohort.toPods.splice(0)) {
        const first = stepClient(cohort.clients.get(to)!, { type: 'message', bytes });
        const again = stepClient(first.state, { type: 'message', bytes: bytes.slice() });
        expect(again.state).toBe(first.state);
        // masks are handed out once, and nothing is repeated before the vector is masked
        expect(again.outputs).toEqual(first.outputs.filter(({ type }) => type !== 'mask'));
        cohort.clients.set(to, first.state);
        for (const output of first.outputs) takePodOutputs(cohort, to, [output]);
        past.push({ to, bytes });
      }
      for (const old of past) {
        const before = cohort.clients.get(old.to)!;
        expect(stepClient(before, { type: 'message', bytes: old.bytes }).state).toBe(before);
      }
      for (const event of cohort.toServer.splice(0)) {
        deliverToServer(cohort, event);
        told.push(event);
        for (const old of told) {
          expect(stepServer(cohort.server, old)).toEqual({ state: cohort.server, outputs: [] });
        }
      }
      deliverToServer(cohort, { type: 'close' });
    }
    expect(sumOf(cohort)!.words).toEqual(plainSum(NAMES, 5));
    const done = cohort.server;
    for (const event of [...told, { type: 'close' } as const, { type: 'gone', from: NAMES[0]! } as const])
      expect(stepServer(done, event)).toEqual({ state: done, outputs: [] });
  });

  it('in any order, with copies, late and early messages, gives the same sum', () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat()),
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 }),
        (order, lostIn) => {
          const cohort = makeCohort(testSession(4, 5));
          const earlier: ServerEvent[] = [];
          runPhases(cohort, {
            answers: (pod, phase) => phase < lostIn[NAMES.indexOf(pod)]! || lostIn[NAMES.indexOf(pod)] === 0,
            shuffle: (events) => {
              const all = [...events, ...events, ...earlier].map(
                (event) => [order.next().value as number, event] as const,
              );
              earlier.push(...events);
              return all.sort((a, b) => a[0] - b[0]).map(([, event]) => event);
            },
          });
          const plain = makeCohort(testSession(4, 5));
          runPhases(plain, {
            answers: (pod, phase) => phase < lostIn[NAMES.indexOf(pod)]! || lostIn[NAMES.indexOf(pod)] === 0,
          });
          expect(sumOf(cohort)).toEqual(sumOf(plain));
          expect(failureOf(cohort)?.error.code).toEqual(failureOf(plain)?.error.code);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of a request before its time is rejected without harm', () => {
    const cohort = makeCohort(testSession(4, 5));
    const ahead = makeCohort(testSession(4, 5));
    for (let phase = 0; phase < 5; phase++) {
      const before = cohort.clients.get('pod-00')!;
      const early = ahead.toPods.find(({ to }) => to === 'pod-00');
      if (phase > 1) expect(stepClient(before, { type: 'message', bytes: early!.bytes }).state).toBe(before);
      runPhases(ahead, {}, phase, phase);
    }
    const later = makeCohort(testSession(4, 5), 'other').toServer;
    runPhases(cohort);
    expect(later.map((event) => stepServer(cohort.server, event).outputs)).toEqual([[], [], [], []]);
  });
});

describe('a lost pod', () => {
  it('is no longer awaited; before sharing ends it costs nothing, and it may come back', () => {
    const cohort = makeCohort(testSession(5, 5));
    const events = cohort.toServer.splice(0);
    expect(cohort.server.awaiting).toEqual(podNames(5));
    for (const event of events) deliverToServer(cohort, event);
    expect(cohort.server.awaiting).toEqual([]);
    const once = stepServer(cohort.server, { type: 'gone', from: 'pod-04' }).state;
    expect(stepServer(once, { type: 'gone', from: 'pod-04' }).state).toBe(once);
    expect(once.accepted.advertise.has(4)).toBe(false);
    const back = stepServer(once, events[4]!).state;
    expect(back.accepted.advertise.has(4)).toBe(true);
    cohort.server = stepServer(once, { type: 'close' }).state;
    expect(cohort.server.awaiting).toEqual(podNames(4));
    expect(stepServer(cohort.server, { type: 'gone', from: 'stranger' }).outputs).toMatchObject([{ type: 'rejected' }]);
  });

  it('is forgotten when it had dealt its shares but nobody has masked with it yet', () => {
    const cohort = makeCohort(testSession(4, 5));
    runPhases(cohort, {}, 0, 0);
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    for (const event of cohort.toServer.splice(0)) deliverToServer(cohort, event);
    expect(cohort.server.dealt.has(2)).toBe(true);
    deliverToServer(cohort, { type: 'gone', from: 'pod-02' });
    expect(cohort.server.dealt.has(2)).toBe(false);
    deliverToServer(cohort, { type: 'close' });
    runPhases(cohort, {}, 2);
    expect(sumOf(cohort)!.survivors).toEqual(['pod-00', 'pod-01', 'pod-03']);
    expect(sumOf(cohort)!.words).toEqual(plainSum(['pod-00', 'pod-01', 'pod-03'], 5));
  });

  it('stays in the sum once its upload was accepted', () => {
    const cohort = makeCohort(testSession(4, 5));
    runPhases(cohort, {}, 0, 1);
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    for (const event of cohort.toServer.splice(0)) deliverToServer(cohort, event);
    deliverToServer(cohort, { type: 'gone', from: 'pod-02' });
    deliverToServer(cohort, { type: 'close' });
    expect(cohort.server.awaiting).toEqual(['pod-00', 'pod-01', 'pod-03']);
    runPhases(cohort, { answers: (pod) => pod !== 'pod-02' }, 3, 4);
    expect(sumOf(cohort)!.words).toEqual(plainSum(NAMES, 5));
  });
});

describe('a masked vector', () => {
  it('is the one of the reference, with and without pods lost before it', () => {
    for (const lost of [new Set<string>(), new Set(['pod-01'])]) {
      const session = testSession(4, 11);
      const cohort = makeCohort(session);
      runPhases(cohort, { answers: (pod) => !lost.has(pod) }, 0, 1);
      for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
      const pods = NAMES.map((name, index) => {
        const { selfSeed, mask } = drawSecrets(seededBytes(`cohort/${name}/0`));
        return { index, selfSeed, maskSecret: mask.secret };
      }).filter(({ index }) => !lost.has(NAMES[index]!));
      expect(cohort.toServer.length).toBe(pods.length);
      for (const event of cohort.toServer) {
        if (event.type !== 'upload') throw new Error('expected an upload');
        const own = pods.find(({ index }) => NAMES[index] === event.from)!;
        const expected = referenceMaskedVector(session.ctx, inputOf(event.from, 11), own, pods);
        expect(new Uint32Array(event.vector!.slice().buffer)).toEqual(expected);
      }
    }
  });

  it('is announced by a pod that was given masks, and by no other', () => {
    const cohort = makeCohort(testSession(4, 5));
    const announce = () => stepClient(cohort.clients.get('pod-00')!, { type: 'masked', sha256: new Uint8Array(32) });
    expect(announce).toThrow(/not masking but advertised/);
    uploadsOf(cohort);
    expect(announce).toThrow(/not masking but uploaded/);
  });

  it('looks uniform, and unrelated to the one of the next attempt even when all secrets repeat', () => {
    const length = 50_000;
    const zero = makeCohort(testSession(3, length));
    const first = uploadsOf(zero).get('pod-00')!;
    // the same seeds on purpose: only the context differs
    const session = testSession(3, length, { attempt: 1 });
    const again: Cohort = { ...makeCohort(session), toServer: [], clients: new Map() };
    for (const name of podNames(3)) {
      const config = { session, self: name, identity: identityOf(name) };
      const started = startClient(config, seededBytes(`cohort/${name}/0`));
      again.clients.set(name, started.state);
      for (const output of started.outputs)
        if (output.type === 'send') again.toServer.push({ type: 'message', from: name, bytes: output.bytes });
    }
    const second = uploadsOf(again).get('pod-00')!;
    const difference = first.map((byte, i) => byte ^ second[i]!);
    for (const bytes of [first, second, difference]) expect(chiSquareOfBytes(bytes)).toBeLessThan(CHI_SQUARE_LIMIT);
    expect(chiSquareOfBytes(new Uint8Array(4 * length))).toBeGreaterThan(CHI_SQUARE_LIMIT);
  });
});

it('a sum to which the site objects ends before anything is signed', () => {
  const cohort = makeCohort(testSession(4, 5));
  const { session } = cohort;
  const judge = (survivors: readonly string[]) =>
    survivors.includes('pod-01') ? new KonsilError('COHORT_TOO_SMALL', 'not with pod-01') : null;
  const config = { session, self: 'pod-00', identity: identityOf('pod-00'), judge };
  const started = startClient(config, seededBytes('judge'));
  cohort.clients.set('pod-00', started.state);
  cohort.toServer = cohort.toServer.slice(1);
  takePodOutputs(cohort, 'pod-00', started.outputs);
  runPhases(cohort);
  expect(cohort.podReports).toMatchObject([{ pod: 'pod-00', output: { error: { code: 'COHORT_TOO_SMALL' } } }]);
  expect(cohort.server.accepted.sign.has(0)).toBe(false);
});

describe("a pod's secrets", () => {
  function watched(): { drawn: Uint8Array[]; cohort: Cohort } {
    const cohort = makeCohort(testSession(4, 5));
    const drawn: Uint8Array[] = [];
    const random = seededBytes('watched');
    const { session } = cohort;
    const started = startClient({ session, self: 'pod-00', identity: identityOf('pod-00') }, (length) => {
      drawn.push(random(length));
      return drawn.at(-1)!;
    });
    cohort.clients.set('pod-00', started.state);
    cohort.toServer[0] = {
      type: 'message',
      from: 'pod-00',
      bytes: (started.outputs[0] as { bytes: Uint8Array }).bytes,
    };
    return { drawn, cohort };
  }
  const isWiped = (secret: Uint8Array | Uint32Array): boolean => secret.every((word: number) => word === 0);

  it('are wiped once the vector is masked', () => {
    const { drawn, cohort } = watched();
    expect(drawn.map((bytes) => bytes.length)).toEqual([32, 32, 32, 32]);
    uploadsOf(cohort);
    expect(drawn.every(isWiped)).toBe(true);
  });

  it('are wiped on abort, and nothing is answered any more', () => {
    const { drawn, cohort } = watched();
    runPhases(cohort, {}, 0, 0);
    const [request] = cohort.toPods;
    const { state, outputs } = stepClient(cohort.clients.get('pod-00')!, { type: 'abort' });
    expect(outputs).toMatchObject([{ type: 'aborted', error: { code: 'CANCELLED' } }]);
    expect(drawn.every(isWiped)).toBe(true);
    expect(stepClient(state, { type: 'message', bytes: request!.bytes })).toEqual({ state, outputs: [] });
  });

  it('do not show in JSON', () => {
    const { cohort } = watched();
    expect(JSON.stringify(cohort.clients.get('pod-00')!)).toContain('"interior":"[secret]"');
  });
});

describe('a secure mean', () => {
  it('is the plain one of the clipped updates within the stated bound, with metrics exact', () => {
    const spec: VectorSpec = {
      cohort: 5,
      updateLength: 33,
      clip: 0.5,
      maxWeight: 900,
      extras: ['loss'],
      counts: ['hits'],
    };
    const session = testSession(5, shapeBytes(shapeOf(spec)) / 4, {
      publicHash: hashSpec(spec),
      shape: shapeOf(spec),
      wireBytes: shapeBytes(shapeOf(spec)), // lanes with their padding: nothing is packed here
    });
    const clients = podNames(5).map((name, p) => {
      const update = Float32Array.from({ length: 33 }, (_, i) => Math.sin(7 * i + p) * 0.6);
      return { name, update, weight: 100 + 200 * p };
    });
    const cohort: Cohort = {
      ...makeCohort(session),
      server: startServer(session, identityOf('coordinator')),
      toServer: [],
    };
    for (const { name, update, weight } of clients) {
      const input = { update, weight, extras: { loss: -weight / 8 }, counts: { hits: weight } };
      cohort.inputs.set(name, new Uint32Array(packLanes(input, spec).buffer));
      const started = startClient({ session, self: name, identity: identityOf(name) }, seededBytes(name));
      cohort.clients.set(name, started.state);
      cohort.toServer.push({ type: 'message', from: name, bytes: (started.outputs[0] as { bytes: Uint8Array }).bytes });
    }
    runPhases(cohort, { answers: (pod, phase) => pod !== 'pod-01' || phase < 2 });
    const { words, survivors } = sumOf(cohort)!;
    const summed = unpackLanes(bytesOf(words), spec, survivors.length);
    const plain = new WeightedMean(33);
    for (const { name, update, weight } of clients)
      if (name !== 'pod-01')
        plain.add({ pod: name, update: update.map((x) => Math.min(0.5, Math.max(-0.5, x))), samples: weight });
    const { mean, totalWeight } = plain.result();
    expect(summed).toMatchObject({ totalWeight, extras: { loss: -totalWeight / 8 }, counts: { hits: totalWeight } });
    const bound = quantisationBound(spec, totalWeight, 4) + 2 ** -50;
    mean.forEach((x, i) => expect(Math.abs(summed.mean[i]! - x)).toBeLessThanOrEqual(bound));
  });
});
