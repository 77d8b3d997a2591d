/**
 * A thread that decodes images and prepares them for a model.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { isKonsilError, messageOf } from '../../base/index.ts';
import { ImageReader } from './imageReader.ts';
import type { JobMessage, JobReply } from './messages.ts';
import { RowPreparer } from './rowPreparer.ts';

if (parentPort === null) throw new Error('this module runs in a worker thread');
const port = parentPort;
const preparer = new RowPreparer(new ImageReader());

async function answer({ id, job }: JobMessage): Promise<void> {
  try {
    const row = await preparer.prepare(job);
    port.postMessage({ id, row } satisfies JobReply, [
      row.values.buffer as ArrayBuffer,
      ...(row.mask ? [row.mask.buffer as ArrayBuffer] : []),
    ]);
  } catch (error) {
    const known = isKonsilError(error);
    const failure = {
      code: known ? error.code : undefined,
      message: messageOf(error),
      facts: known ? error.facts : {},
    };
    port.postMessage({ id, failure } satisfies JobReply);
  }
}

port.on('message', (message: JobMessage) => void answer(message));
