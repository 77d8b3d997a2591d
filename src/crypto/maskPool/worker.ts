/**
 * A thread of a mask pool.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import type { JobOrder } from './jobs.ts';
import { answer } from './work.ts';

parentPort!.on('message', (order: JobOrder) => parentPort!.postMessage(answer(order)));
