/**
 * `PrivateSetIntersection` at a site: the party that learns nothing. It says how many people it has, padded where its site wants
 * that, and answers the modeller's blinded list once.
 * @module
 */
import { KonsilError, u32be } from '../../base/index.ts';
import { randomBytes } from '../../crypto/index.ts';
import type { DatasourceConfig, OpenDataset } from '../../datasources/index.ts';
import {
  BlindingPool,
  collectKeys,
  type KeyCell,
  type KeySet,
  openPair,
  PairSender,
} from '../../intersection/index.ts';
import { joinChunks, listBytes, splitChunks } from '../../protocols/index.ts';
import type { IntersectionAlgorithm, IntersectionPolicy } from '../../tasks/index.ts';
import { Refusal } from '../refusal.ts';
import type { ExchangeParties, SiteAnalysis } from './siteAnalysis.ts';

/** Bytes of a blinded element. */
const ELEMENT_BYTES = 32;

export interface IntersectionOptions {
  readonly dataset: DatasourceConfig;
  readonly openDataset: OpenDataset;
  readonly policy: IntersectionPolicy;
  /** Lists that this modeller has had compared. */
  readonly listsBefore: number;
  /** Writes down that a list is compared. @throws KonsilError FILE_WRITE_FAILED: then it is not. */
  readonly record: (detail: string) => void;
  readonly signal: AbortSignal;
}

export class IntersectionAnalysis implements SiteAnalysis {
  readonly exchange: NonNullable<SiteAnalysis['exchange']>;
  readonly #algorithm: IntersectionAlgorithm;
  readonly #keys: KeySet;
  readonly #size: number;
  readonly #options: IntersectionOptions;
  readonly #pool = new BlindingPool();
  #isAnswered = false;

  private constructor(algorithm: IntersectionAlgorithm, keys: KeySet, options: IntersectionOptions) {
    this.#algorithm = algorithm;
    this.#keys = keys;
    this.#options = options;
    this.#size = options.policy.padTo ?? Math.max(1, keys.keys.length);
    this.exchange = {
      steps: 2,
      maxBytes: listBytes(algorithm.identifiers!, ELEMENT_BYTES),
      answer: (step, sent, parties, signal) => this.#answer(step, sent, parties, signal),
    };
  }

  /** @throws Refusal when the site's rules forbid it; KonsilError as the data source. */
  static async open(algorithm: IntersectionAlgorithm, options: IntersectionOptions): Promise<IntersectionAnalysis> {
    const { dataset, openDataset, policy, signal } = options;
    checkRules(algorithm, options);
    const source = await openDataset(dataset, { signal });
    try {
      const missing = algorithm.columns.find((column) => !source.columns.includes(column));
      if (missing !== undefined)
        throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" has no column "${missing}"`);
      const rows: KeyCell[][] = [];
      for await (const { keys, columns } of source.yieldData(10_000, signal))
        for (const at of keys.keys())
          rows.push(algorithm.columns.map((column) => cellOf(columns[column]![at] ?? null)));
      const keys = collectKeys(algorithm.rule, rows);
      if (keys.keys.length > (policy.padTo ?? Number.POSITIVE_INFINITY))
        throw new Refusal(
          'NO_DATA',
          `dataset "${dataset.name}" has more people than its site shows (policy.intersection.pad_to)`,
        );
      return new IntersectionAnalysis(algorithm, keys, options);
    } finally {
      source.close();
    }
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #answer(step: number, sent: Uint8Array, parties: ExchangeParties, signal: AbortSignal): Promise<Uint8Array> {
    if (step === 0) return u32be(this.#size);
    // a scalar serves one session; a second list would be a second question
    if (this.#isAnswered) throw new KonsilError('PROTOCOL_VIOLATION', 'one list is compared in a run');
    this.#isAnswered = true;
    const { kind, rule, identifiers } = this.#algorithm;
    const { runId, modeller, pod, context } = parties;
    const session = openPair({
      ...{ runId, context, kind, rule, receiver: modeller, sender: pod },
      ...{ receiverSize: identifiers!, senderSize: this.#size },
    });
    this.#options.record(`${kind} of ${identifiers}`);
    const sender = new PairSender(session, { keys: this.#keys, pool: this.#pool, random: randomBytes, signal });
    try {
      for (const chunk of splitChunks(sent)) await sender.take(chunk);
      return await joinChunks(sender.answer());
    } finally {
      sender.close();
    }
  }
}

function checkRules(
  { kind, columns, identifiers }: IntersectionAlgorithm,
  { policy, listsBefore }: IntersectionOptions,
): void {
  const { kinds, columns: allowed, maximumList, maximumLists } = policy;
  const refuse = (why: string): Refusal => new Refusal('UNAUTHORISED', `this site ${why} (policy.intersection)`);
  if (!kinds.includes(kind)) throw refuse(`gives the ${kinds.join(' and the ')} of lists only`);
  const other = columns.find((column) => !allowed.includes(column));
  if (other !== undefined) throw refuse(`compares people by ${allowed.join(', ')}, not by "${other}"`);
  if (identifiers === undefined) throw new Refusal('TASK_SETUP_ERROR', 'the task does not say how long its list is');
  if (identifiers > maximumList) throw refuse(`compares lists of at most ${maximumList} people, got ${identifiers}`);
  if (listsBefore >= maximumLists)
    throw refuse(`has compared ${listsBefore} lists of this modeller, and compares no more`);
}

/** Images are no keys. */
function cellOf(value: unknown): KeyCell {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}
