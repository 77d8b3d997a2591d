/**
 * The modeller's list against each pod's: the party that learns. One session a pod, each with a scalar of its own, so that what two
 * pods say cannot be put together by anybody but the modeller.
 * @module
 */
import { basename } from 'node:path';
import { KonsilError, messageOf, utf8 } from '../base/index.ts';
import { randomBytes, sha256 } from '../crypto/index.ts';
import { openDataset } from '../datasources/index.ts';
import {
  BlindingPool,
  collectKeys,
  type IntersectionResult,
  type KeyCell,
  type KeySet,
  openPair,
  PairReceiver,
  PairSender,
  rowsOf,
} from '../intersection/index.ts';
import { joinChunks, type ResultTable, splitChunks } from '../protocols/index.ts';
import type { IntersectionAlgorithm } from '../tasks/index.ts';

/** The modeller's list; secret. */
export interface IdentifierList {
  readonly keys: KeySet;
  /** Cells of the key's columns, row by row, for the result. */
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** How long pods are told that it is. */
  readonly size: number;
}

/**
 * Reads the list from a CSV file.
 * @throws KonsilError CONFIG_INVALID when the file lacks a column or has more people than `padTo`; as the data source.
 */
export async function readIdentifiers(
  { columns, rule, padTo }: IntersectionAlgorithm,
  file: string,
  signal: AbortSignal,
): Promise<IdentifierList> {
  const config = { datasource: 'CSVSource', name: basename(file), path: file, exposeColumns: columns } as const;
  const source = await openDataset(config, { signal }).catch((error: unknown) => {
    throw new KonsilError('CONFIG_INVALID', `the list of an intersection: ${messageOf(error)}`, { file });
  });
  try {
    const rows: (string | number | null)[][] = [];
    for await (const { keys, columns: cells } of source.yieldData(10_000, signal))
      for (const at of keys.keys())
        rows.push(
          columns.map((column) => {
            const value = cells[column]![at] ?? null;
            return typeof value === 'object' ? null : value;
          }),
        );
    const keys = collectKeys(rule, rows as KeyCell[][]);
    const { length } = keys.keys;
    if (length === 0) throw new KonsilError('CONFIG_INVALID', `${file}: no row has a value in ${columns.join(', ')}`);
    if (padTo !== undefined && length > padTo)
      throw new KonsilError('CONFIG_INVALID', `${file}: ${length} people, pad_to is ${padTo}`);
    return { keys, rows, size: padTo ?? length };
  } finally {
    source.close();
  }
}

/** What a session with one pod is about. */
export interface SessionWith {
  readonly runId: string;
  readonly taskJson: string;
  /** Peer ids. */
  readonly modeller: string;
  readonly pod: string;
}

/** One comparison after the other, with the pods of a run. */
export class Comparison {
  readonly #algorithm: IntersectionAlgorithm;
  readonly #list: IdentifierList;
  readonly #pool = new BlindingPool();
  readonly #signal: AbortSignal;

  constructor(algorithm: IntersectionAlgorithm, list: IdentifierList, signal: AbortSignal) {
    this.#algorithm = algorithm;
    this.#list = list;
    this.#signal = signal;
  }

  /**
   * Answers a pod's list for a row filter: the pod learns who is in both, and this side nothing.
   * @param asked - Its size, then the list. @throws KonsilError PROTOCOL_VIOLATION when it is none.
   */
  async answer({ runId, taskJson, modeller, pod }: SessionWith, asked: Uint8Array): Promise<Uint8Array> {
    const session = openPair({
      ...{ runId, context: sha256(utf8(taskJson)), kind: 'intersection', rule: this.#algorithm.rule },
      ...{ receiver: pod, sender: modeller, receiverSize: sizeIn(asked), senderSize: this.#list.size },
    });
    const { keys } = this.#list;
    const sender = new PairSender(session, { keys, pool: this.#pool, random: randomBytes, signal: this.#signal });
    try {
      for (const chunk of splitChunks(asked.subarray(4))) await sender.take(chunk);
      return await joinChunks(sender.answer());
    } finally {
      sender.close();
    }
  }

  /** A session with a pod that has `podSize` people. @throws KonsilError CONFIG_INVALID when that is out of range. */
  open({ runId, taskJson, modeller, pod }: SessionWith, podSize: number): PairReceiver {
    const { kind, rule } = this.#algorithm;
    if (kind === 'row_filter') throw new KonsilError('PROTOCOL_VIOLATION', 'of a row filter the pods learn the result');
    const session = openPair({
      ...{ runId, context: sha256(utf8(taskJson)), kind, rule, receiver: modeller, sender: pod },
      ...{ receiverSize: this.#list.size, senderSize: podSize },
    });
    const { keys } = this.#list;
    return new PairReceiver(session, { keys, pool: this.#pool, random: randomBytes, signal: this.#signal });
  }

  /** What the pod is sent. */
  ask(receiver: PairReceiver): Promise<Uint8Array> {
    return joinChunks(receiver.blinded());
  }

  /** What the pod's answer says. @throws KonsilError PROTOCOL_VIOLATION when it is none. */
  async read(receiver: PairReceiver, answer: Uint8Array): Promise<ResultTable> {
    try {
      for (const chunk of splitChunks(answer)) await receiver.take(chunk);
      return this.#table(await receiver.finish());
    } finally {
      receiver.close();
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #table(result: IntersectionResult): ResultTable {
    if (result.kind === 'cardinality') return { columns: ['people'], rows: [[result.count]], suppressed: 0 };
    const { keys, rows } = this.#list;
    return {
      columns: [...this.#algorithm.columns],
      rows: [...rowsOf(keys, result.matches)].map((row) => [...rows[row]!]),
      suppressed: 0,
    };
  }
}

/** The size that a pod's message begins with; 0, which no list has, when there is none. */
export function sizeIn(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
