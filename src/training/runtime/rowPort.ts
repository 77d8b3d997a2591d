/**
 * Rows across threads: the thread that has them answers, the thread that trains asks.
 * @module
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { KonsilError } from '../../base/index.ts';
import { errorOf, type Failure, failureOf, type RowPort } from './messages.ts';
import type { MadeRows, RowRequest, RowSource } from './rowSource.ts';

interface Question extends RowRequest {
  readonly id: number;
}

type Answer = ({ readonly id: number } & MadeRows) | { readonly id: number; readonly failure: Failure };

/** Answers questions about `source` until the other side, or `close`, ends it. The port is to be transferred. */
export function serveRows(source: RowSource): { readonly rows: RowPort; readonly close: () => void } {
  const { port1: here, port2: there } = new MessageChannel();
  const answer = async ({ id, ...request }: Question): Promise<void> => {
    try {
      const { rows, x, y } = await source.read(request);
      const owned = x.byteLength === x.buffer.byteLength ? x : x.slice();
      here.postMessage({ id, rows, x: owned, ...(y && { y }) } satisfies Answer, [owned.buffer as ArrayBuffer]);
    } catch (error) {
      here.postMessage({ id, failure: failureOf(error) } satisfies Answer);
    }
  };
  here.on('message', (question: Question) => void answer(question));
  const { width, targetWidth } = source;
  return {
    rows: { port: there, width, ...(targetWidth !== undefined && { targetWidth }) },
    close: () => here.close(),
  };
}

interface Pending {
  readonly resolve: (made: MadeRows) => void;
  readonly reject: (error: Error) => void;
}

/** The other end of {@link serveRows}. */
export class PortRows implements RowSource {
  readonly width: number;
  readonly targetWidth?: number;
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;

  constructor({ port, width, targetWidth }: RowPort) {
    this.width = width;
    if (targetWidth !== undefined) this.targetWidth = targetWidth;
    this.#port = port;
    port.on('message', (answer: Answer) => {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('failure' in answer) pending?.reject(errorOf(answer.failure));
      else {
        const { id: _, ...made } = answer;
        pending?.resolve(made);
      }
    });
    port.once('close', () => {
      for (const { reject } of this.#pending.values()) reject(new KonsilError('CANCELLED', 'no more rows are made'));
      this.#pending.clear();
    });
  }

  async read(request: RowRequest): Promise<MadeRows> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#port.postMessage({ id, ...request } satisfies Question);
    });
  }

  close(): void {
    this.#port.close();
  }
}
