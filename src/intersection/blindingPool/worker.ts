/**
 * A thread of a blinding pool.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { groupReady } from '../../crypto/index.ts';
import { answer, type BlindingOrder } from './work.ts';

await groupReady;
parentPort!.on('message', (order: BlindingOrder) => parentPort!.postMessage(answer(order)));
