/**
 * Everything that reads bytes of another party, fed with anything: it gives back what encodes to the same bytes, or refuses
 * with a KonsilError. No other error, and no second encoding of anything.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromWire, toWire, type VectorSpec, wireBytes } from '../../src/aggregation/index.ts';
import {
  type Bodies,
  COORDINATOR,
  decodeBody,
  encodeBody,
  MESSAGE,
  type MessageType,
  openMessage,
  openQuoted,
  peekMessage,
} from '../../src/aggregation/secure/messages.ts';
import { concatBytes, frame, isKonsilError, utf8 } from '../../src/base/index.ts';
import {
  agree,
  exportPublic,
  generateAgreementKey,
  generateIdentity,
  hkdf,
  importPublic,
  openEnvelope,
  seal,
  sealEnvelope,
  sign,
} from '../../src/crypto/index.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/index.ts';
import {
  type Cohort,
  deliverToPod,
  deliverToServer,
  identityOf,
  makeCohort,
  podNames,
  runPhases,
  testSession,
} from '../support/secaggCohort.ts';
import { sumPods } from './support/podSums.ts';
import * as code from './support/surface.ts';

const SEED = { seed: 20_261_121 };
const HEADER = 36;
const SIGNATURE = 64;

/** Messages of all types, as they are said in attempts with and without losses, by type. */
function validMessages(): Map<MessageType, Uint8Array[]> {
  const heard = new Map<MessageType, Uint8Array[]>();
  const hear = (bytes: Uint8Array): void => {
    const { type } = peekMessage(bytes);
    heard.set(type, [...(heard.get(type) ?? []), bytes]);
  };
  for (const [n, lost] of [
    [4, 9],
    [5, 2],
    [36, 3],
  ] as const) {
    const assumptions = n > 32 ? { colluding: 0.05, dropouts: 0.05 } : {};
    const cohort = makeCohort(testSession(n, 3, { assumptions }), 'cohort');
    for (let phase = 0; phase < 5; phase++) {
      runPhases(
        cohort,
        {
          answers: (pod, at) => at < 2 || pod !== podNames(99)[lost],
          shuffle: (events) => {
            for (const event of events.slice(0, 2))
              if (event.type === 'message') hear(event.bytes);
              else if (event.type === 'upload') hear(event.manifest);
            return events;
          },
        },
        phase,
        phase,
      );
      for (const { bytes } of cohort.toPods.slice(0, 2)) hear(bytes);
    }
  }
  heard.set('complaint', [code.encodeMessage(testSession(4, 3), 'complaint', 1, identityOf('pod-01'), { dealer: 2 })]);
  return heard;
}

const MESSAGES = validMessages();
const TYPES = Object.keys(MESSAGE) as MessageType[];
const bodyOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(HEADER, bytes.length - SIGNATURE);

/** One or a few changes of a byte string: bytes flipped, cut, put in, doubled, moved; counts set to extremes. */
function changes(): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> {
  const at = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const index = (bytes: Uint8Array, where: number): number => Math.floor(where * bytes.length);
  type Change = (bytes: Uint8Array) => Uint8Array;
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([where, mask]): Change => {
      return (bytes) => bytes.map((byte, i) => (i === index(bytes, where) ? byte ^ mask : byte));
    }),
    at.map(
      (where): Change =>
        (bytes) =>
          bytes.slice(0, index(bytes, where)),
    ),
    at.map(
      (where): Change =>
        (bytes) =>
          bytes.slice(index(bytes, where)),
    ),
    fc.tuple(at, fc.uint8Array({ minLength: 1, maxLength: 40 })).map(([where, more]): Change => {
      return (bytes) => concatBytes(bytes.subarray(0, index(bytes, where)), more, bytes.subarray(index(bytes, where)));
    }),
    fc.tuple(at, at).map(([from, to]): Change => {
      return (bytes) => concatBytes(bytes, bytes.slice(index(bytes, from), index(bytes, to)));
    }),
    fc
      .tuple(fc.constantFrom(0, 2, 32, 34), fc.constantFrom(0, 1, 255, 0xffff, 0x8000))
      .map(([where, count]): Change => {
        return (bytes) => bytes.map((byte, i) => (i === where ? count >> 8 : i === where + 1 ? count & 255 : byte));
      }),
  );
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((list) => (bytes) => list.reduce((b, f) => f(b), bytes));
}

/** The value, or null where it was refused; any other error fails the test. */
function readOrRefuse<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isKonsilError(error)) return null;
    throw error;
  }
}

describe.each(TYPES)('a body of type %s', (type) => {
  const check = (bytes: Uint8Array): boolean => {
    const body = readOrRefuse(() => decodeBody(type, bytes));
    if (body !== null) expect(encodeBody(type, body)).toEqual(bytes);
    return body !== null;
  };

  it('is read from anything, or refused', () => {
    for (const message of MESSAGES.get(type)!) expect(check(bodyOf(message))).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void check(bytes)),
      { ...SEED, numRuns: 100 },
    );
    const valid = fc.constantFrom(...MESSAGES.get(type)!.map(bodyOf));
    fc.assert(
      fc.property(valid, changes(), (bytes, change) => void check(change(bytes))),
      { ...SEED, numRuns: 200 },
    );
  });
});

/** The message with its body changed, signed as if it were right. */
function resigned(bytes: Uint8Array, change: (body: Uint8Array) => Uint8Array): Uint8Array {
  const { sender } = peekMessage(bytes);
  const identity = identityOf(sender === COORDINATOR ? 'coordinator' : podNames(99)[sender]!);
  const unsigned = concatBytes(bytes.subarray(0, HEADER), change(bodyOf(bytes)));
  return concatBytes(unsigned, sign(identity, concatBytes(frame(`${code.PROTOCOL_LABEL}/message`), unsigned)));
}

/** A cohort before the requests of a phase are delivered. */
function cohortAt(phase: number): Cohort {
  const cohort = makeCohort(testSession(4, 3));
  runPhases(cohort, {}, 0, phase - 1);
  return cohort;
}

describe('a signed message with any body', () => {
  it.each([1, 2, 3, 4])('is answered, refused or ends the attempt at a pod: request of phase %i', (phase) => {
    fc.assert(
      fc.property(changes(), (change) => {
        const cohort = cohortAt(phase);
        const { to, bytes } = cohort.toPods[0]!;
        deliverToPod(cohort, to, resigned(bytes, change));
        for (const { output } of cohort.podReports) expect(output.error.name).toBe('KonsilError');
        // whatever it did, the attempt goes on to an end
        runPhases(cohort, {}, phase);
        expect(['done', 'failed']).toContain(cohort.server.phase);
      }),
      { ...SEED, numRuns: 25 },
    );
  });

  it.each([0, 1, 2, 3, 4])('is taken or refused by the coordinator: answer of phase %i', (phase) => {
    fc.assert(
      fc.property(changes(), fc.boolean(), (change, isFirst) => {
        const cohort = cohortAt(phase);
        for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
        const [own] = cohort.toServer;
        if (own?.type !== 'message' && own?.type !== 'upload') throw new Error('nobody answered');
        const forged =
          own.type === 'message'
            ? { ...own, bytes: resigned(own.bytes, change) }
            : { ...own, manifest: resigned(own.manifest, change) };
        if (isFirst) deliverToServer(cohort, forged);
        for (const event of cohort.toServer.splice(0)) deliverToServer(cohort, event);
        deliverToServer(cohort, forged);
        deliverToServer(cohort, { type: 'close' });
        runPhases(cohort, {}, phase + 1);
        expect(['done', 'failed']).toContain(cohort.server.phase);
      }),
      { ...SEED, numRuns: 25 },
    );
  });

  it('or any bytes at all', () => {
    const cohort = cohortAt(2);
    const { session } = cohort;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...TYPES), (bytes, type) => {
        const said = concatBytes(Uint8Array.of(2, MESSAGE[type]), bytes);
        for (const message of [bytes, said]) {
          const peeked = readOrRefuse(() => peekMessage(message));
          expect(readOrRefuse(() => openMessage(session, type, peeked?.sender ?? 0, message))).toBe(null);
          expect(readOrRefuse(() => openQuoted(session, type, [message]))).toBe(null);
          expect(readOrRefuse(() => code.readManifest(session, 'pod-00', message))).toBe(null);
          deliverToPod(cohort, 'pod-00', message);
          deliverToServer(cohort, { type: 'message', from: 'pod-00', bytes: message });
          deliverToServer(cohort, { type: 'upload', from: 'pod-00', manifest: message });
        }
      }),
      { ...SEED, numRuns: 100 },
    );
    expect(cohort.clients.get('pod-00')!.phase).toBe('shared');
    expect(cohort.server.phase).toBe('upload');
  });
});

describe('an envelope', () => {
  const [sender, receiver] = [generateIdentity(), generateIdentity()];
  const find = (id: string) => (id === sender.public.id ? sender.public : undefined);
  const read = (bytes: Uint8Array): boolean => readOrRefuse(() => openEnvelope(receiver, bytes, find)) !== null;

  it('of any bytes, or changed, is refused', () => {
    const valid = sealEnvelope(sender, receiver.public, utf8('header'), utf8('body'));
    expect(read(valid)).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), changes(), (bytes, change) => {
        expect(read(bytes)).toBe(false);
        const changed = change(valid);
        if (Buffer.compare(changed, valid) !== 0) expect(read(changed)).toBe(false);
      }),
      { ...SEED, numRuns: 100 },
    );
  });

  it('sealed over any content is refused: who seals needs no identity', () => {
    const content = frame(sender.public.id, 'header', 'body', new Uint8Array(64));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          changes().map((change) => change(content)),
        ),
        (plain) => {
          const { secret, publicKey } = generateAgreementKey();
          const shared = agree({ secret, publicKey }, receiver.public.agreement);
          const okm = hkdf(shared, concatBytes(publicKey, receiver.public.agreement), 'konsil/envelope/v1', 44);
          const prefix = concatBytes(Uint8Array.of(1), publicKey);
          const sealed = seal(okm.subarray(0, 32), okm.subarray(32), plain, prefix);
          expect(read(concatBytes(prefix, sealed))).toBe(false);
        },
      ),
      { ...SEED, numRuns: 200 },
    );
  });
});

describe('other input of other parties', () => {
  it('a masked vector of any bytes is that vector, or refused', () => {
    const bits = fc.integer({ min: 8, max: 32 });
    fc.assert(
      fc.property(
        bits,
        fc.nat(9),
        fc.uint8Array({ maxLength: 60 }),
        fc.boolean(),
        (bits, updateLength, bytes, fits) => {
          const spec: VectorSpec = { cohort: 3, updateLength, clip: 1, maxWeight: 1, extras: [], counts: [], bits };
          const size = readOrRefuse(() => wireBytes(spec));
          if (size === null) return;
          const wire = fits ? new Uint8Array(size).map((_, i) => bytes[i % Math.max(1, bytes.length)] ?? 0) : bytes;
          const vector = readOrRefuse(() => fromWire(wire, spec));
          if (vector) expect(new Uint8Array(toWire(vector, spec))).toEqual(wire);
        },
      ),
      { ...SEED, numRuns: 300 },
    );
  });

  it('a message around a step of a sum is that message, or refused', () => {
    const body = MESSAGES.get('advertise')![0]!;
    const messages: Message[] = [
      { type: 'SECURE_SHARE', purpose: 'update', attempt: 0, body, vector: { id: 'ab'.repeat(32), bytes: 9 } },
      { type: 'SECURE_OPEN', purpose: 'update', attempt: 3, cohort: podNames(3), commitments: [new Uint8Array(32)] },
      {
        type: 'TRAINING_COMPLETE',
        purpose: 'update',
        commitments: [1, 2, 3, 4].map((i) => new Uint8Array(32).fill(i)),
      },
    ];
    const valid = messages.map((message) => new Uint8Array(encodeMessage(message)));
    fc.assert(
      fc.property(fc.constantFrom(...valid), changes(), fc.uint8Array({ maxLength: 100 }), (bytes, change, any) => {
        for (const wire of [change(bytes), any]) {
          const message = readOrRefuse(() => decodeMessage(wire));
          if (message) expect(new Uint8Array(encodeMessage(message))).toEqual(wire);
        }
      }),
      { ...SEED, numRuns: 300 },
    );
  });

  it('a public identity of any text is that identity, or refused', () => {
    const line = exportPublic(generateIdentity());
    const prefix = line.slice(0, line.indexOf(':') + 1);
    fc.assert(
      fc.property(fc.string(), fc.base64String(), changes(), (text, base64, change) => {
        const changed = Buffer.from(change(utf8(line))).toString('utf8');
        for (const candidate of [text, prefix + base64, changed])
          if (candidate.trim() !== line) expect(readOrRefuse(() => importPublic(candidate))).toBe(null);
      }),
      { ...SEED, numRuns: 100 },
    );
  });

  it('any attempt a coordinator opens is taken part in, or refused', () => {
    const name = fc.constantFrom(...podNames(6));
    const attempt = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.maxSafeInteger(), fc.double());
    const round = fc.oneof(fc.nat(3), fc.maxSafeNat());
    const commitments = fc.array(fc.uint8Array({ maxLength: 33 }), { maxLength: 5 });
    fc.assert(
      fc.property(attempt, round, fc.array(name, { maxLength: 6 }), commitments, (attempt, round, cohort, given) => {
        const [pod] = sumPods(code, { round, minimumCohort: 1 });
        readOrRefuse(() => pod!.sum.open(attempt, cohort, given));
        pod!.sum.stop();
      }),
      { ...SEED, numRuns: 150 },
    );
  });
});

/** Every type of message is among those that were changed. */
it('all types were tried', () => {
  const types: (keyof Bodies)[] = TYPES;
  expect([...MESSAGES.keys()].sort()).toEqual([...types].sort());
});
