import { describe, expect, it } from 'vitest';
import { seededBytes } from '../../../test/support/secaggCohort.ts';
import { allocateVector, type MaskKey, shapeBytes, type VectorShape } from '../lanes.ts';
import { addVectors, applyMasks } from '../maskStream.ts';
import { hkdf, sha256 } from '../primitives.ts';
import { CANCEL, type Job, type JobOrder, KEY_BYTES, type SharedVector } from './jobs.ts';
import { answer } from './work.ts';

const SHAPE: VectorShape = [
  { bits: 16, length: 5001 },
  { bits: 32, length: 3003 },
];
const masks: MaskKey[] = ([1, -1] as const).map((sign, i) => ({ key: seededBytes(`work ${i}`)(KEY_BYTES), sign }));

function filled(label: string): SharedVector {
  const vector = allocateVector(SHAPE);
  for (let at = 0; at < vector.length; at += 8000)
    vector.set(hkdf(sha256(Buffer.from(label)), new Uint8Array(0), `${at}`, 8000).subarray(0, vector.length - at), at);
  return vector;
}

function order(job: Job, isCancelled = false): JobOrder {
  const control = new Int32Array(new SharedArrayBuffer(8));
  control[CANCEL] = isCancelled ? 1 : 0;
  return { id: 7, job, blockBytes: 4096, control };
}

function maskJob(vector: SharedVector): Job {
  const keys = new Uint8Array(new SharedArrayBuffer(masks.length * KEY_BYTES));
  masks.forEach(({ key }, i) => keys.set(key, i * KEY_BYTES));
  return { kind: 'mask', vector, start: 0, shape: SHAPE, keys, signs: masks.map(({ sign }) => sign) };
}

describe("a thread's part of an order", () => {
  it('is all blocks when no other thread takes any: masks, sums and hashes', () => {
    const expected = new Uint8Array(filled('a'));
    applyMasks(expected, SHAPE, masks);
    const masked = filled('a');
    expect(answer(order(maskJob(masked)))).toEqual({ id: 7 });
    expect(sha256(masked)).toEqual(sha256(expected));
    addVectors(expected, new Uint8Array(filled('b')), SHAPE);
    expect(answer(order({ kind: 'add', target: masked, source: filled('b'), shape: SHAPE }))).toEqual({ id: 7 });
    expect(sha256(masked)).toEqual(sha256(expected));
    expect(answer(order({ kind: 'hash', vector: masked }))).toEqual({ id: 7, digest: sha256(expected) });
  });

  it('is what the others left', () => {
    const vector = filled('a');
    const before = sha256(vector);
    const shared = order(maskJob(vector));
    answer(shared);
    const masked = sha256(vector);
    expect(masked).not.toEqual(before);
    expect(answer(shared)).toEqual({ id: 7 }); // nothing
    expect(sha256(vector)).toEqual(masked);
  });

  it('is nothing once it is cancelled', () => {
    const vector = filled('a');
    const before = sha256(vector);
    answer(order(maskJob(vector), true));
    expect(sha256(vector)).toEqual(before);
    expect(answer(order({ kind: 'hash', vector }, true)).digest).toEqual(sha256());
  });

  it('that goes wrong is an error in the reply', () => {
    const short = filled('a').subarray(0, shapeBytes(SHAPE) - 1);
    expect(answer(order(maskJob(short))).error).toBeInstanceOf(RangeError);
  });
});
