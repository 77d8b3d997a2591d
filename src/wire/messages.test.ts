import { describe, expect, it } from 'vitest';
import { toCbor } from './codec.ts';
import { decodeMessage, encodeMessage, type Message } from './messages.ts';

const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
const id = 'ab'.repeat(32);

describe('messages', () => {
  it.each<Message>([
    { type: 'ONLINE_CHECK' },
    { type: 'ONLINE_RESPONSE', version: '1', datasets: [{ name: 'a', schema: '{}' }] },
    { type: 'JOB_REQUEST', task: '{}', dataset: 'a', model: { id, bytes: 3 }, roster: [{ name: 'a', public: 'k' }] },
    { type: 'ROUND_START', purpose: 'statistics', completed: 0 },
    { type: 'ROUND_START', purpose: 'update', completed: 1, secure: { clip: 0.5, maxWeight: 9, cohort: 4 } },
    { type: 'SECURE_SHARE', purpose: 'update', attempt: 1, body: Uint8Array.of(1) },
    { type: 'EVALUATION_RESULTS', rows: 2, metrics: { accuracy: 0.1, auc: null } },
    { type: 'BLOB_CHUNK', id, index: 0 },
  ])('$type comes back from its bytes', (message) => {
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it.each([
    ['an unknown type', { type: 'SHUTDOWN' }],
    ['no type', {}],
    ['a field nobody knows', { type: 'JOB_ACCEPT', admin: true }],
    ['a negative count', { type: 'PROGRESS', done: -1, total: 1 }],
    ['a purpose nobody knows', { type: 'ROUND_START', purpose: 'peek', completed: 0 }],
    [
      'a clip of zero',
      { type: 'ROUND_START', purpose: 'update', completed: 0, secure: { clip: 0, maxWeight: 1, cohort: 3 } },
    ],
    [
      'a cohort beyond the limit',
      { type: 'SECURE_OPEN', purpose: 'update', attempt: 0, cohort: Array(1001).fill('a') },
    ],
    ['a blob id that is a path', { type: 'BLOB_GET', id: '../../etc/passwd', index: 0 }],
    ['a metric that is text', { type: 'EVALUATION_RESULTS', rows: 1, metrics: { accuracy: 'high' } }],
    ['bytes that are text', { type: 'SECURE_SHARE', purpose: 'update', attempt: 0, body: 'abc' }],
    ['a list', []],
    ['null', null],
  ])('refuses %s', (_what, message) => {
    expect(() => decodeMessage(toCbor(message))).toThrow(violation);
  });
});
