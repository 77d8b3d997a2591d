/**
 * A thread of a blinding pool.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { answer, type BlindingOrder } from './work.ts';

parentPort!.on('message', (order: BlindingOrder) => parentPort!.postMessage(answer(order)));
