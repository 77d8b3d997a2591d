/**
 * `PrivateSetIntersection` at a site: the party that learns nothing. It says how many people it has, padded where its site wants
 * that, and answers the modeller's blinded list once.
 * @module
 */
import { KonsilError, u32be } from '../../base/index.ts';
import { fingerprint, type Identity, importPublic, type PublicIdentity, randomBytes } from '../../crypto/index.ts';
import type { DatasourceConfig, OpenDataset } from '../../datasources/index.ts';
import { BlindingPool, type KeySet, openPair, PairSender } from '../../intersection/index.ts';
import { joinChunks, listBytes, splitChunks } from '../../protocols/index.ts';
import type { IntersectionAlgorithm, IntersectionPolicy } from '../../tasks/index.ts';
import { keepSelection } from '../people/keepSelection.ts';
import { RingAnalysis } from '../people/ringAnalysis.ts';
import { RowFilterAnalysis } from '../people/rowFilterAnalysis.ts';
import type { Selections } from '../people/selections.ts';
import { readSiteKeys } from '../people/siteKeys.ts';
import { Refusal } from '../refusal.ts';
import type { ExchangeParties, SiteAnalysis } from './siteAnalysis.ts';

/** Bytes of a blinded element. */
const ELEMENT_BYTES = 32;

export interface IntersectionOptions {
  readonly dataset: DatasourceConfig;
  readonly openDataset: OpenDataset;
  readonly policy: IntersectionPolicy;
  /** Lists that this modeller has had compared until now. */
  readonly listsBefore: () => number;
  readonly selections: Selections;
  /** Whose list it is: a peer id. */
  readonly modeller: string;
  readonly identity: Identity;
  /** Public lines of all pods of the task, this one's among them. */
  readonly roster: readonly string[];
  readonly nowMs: () => number;
  /** For the site's operator alone. */
  readonly onProblem: (problem: string) => void;
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
    this.#size = sizeOf(keys, options.policy);
    this.exchange = {
      steps: 2,
      maxBytes: listBytes(algorithm.identifiers!, ELEMENT_BYTES),
      answer: (step, sent, parties, signal) => this.#answer(step, sent, parties, signal),
    };
  }

  /** @throws Refusal when the site's rules forbid it; KonsilError as the data source. */
  static async open(algorithm: IntersectionAlgorithm, options: IntersectionOptions): Promise<SiteAnalysis> {
    const { dataset, openDataset, policy, signal, selections, modeller, nowMs, onProblem } = options;
    checkRules(algorithm, options);
    const { columns, rule, kind, saveAs } = algorithm;
    if (saveAs !== undefined && selections.find({ modeller, dataset: dataset.name, name: saveAs }))
      throw new Refusal('TASK_SETUP_ERROR', `this site has a selection "${saveAs}" already; choose another save_as`);
    const { keys } = await readSiteKeys({ dataset, openDataset, columns, rule, signal });
    if (keys.keys.length > (policy.padTo ?? Number.POSITIVE_INFINITY))
      throw new Refusal(
        'NO_DATA',
        `dataset "${dataset.name}" has more people than its site shows (policy.intersection.pad_to)`,
      );
    const size = sizeOf(keys, policy);
    const record = (detail: string): void => recordList(options, detail);
    const keep = (matches: Uint8Array, whose: string): void =>
      keepSelection(
        { dataset: dataset.name, keys, rules: policy.rowFilter, selections, nowMs, onProblem },
        algorithm,
        matches,
        whose,
      );
    if (algorithm.amongPods)
      return new RingAnalysis(algorithm, {
        ...{ keys, size, record, maximumList: policy.maximumList },
        ...{ identity: options.identity, pods: partners(options) },
        ...(kind === 'row_filter' && { keep }),
      });
    if (kind !== 'row_filter') return new IntersectionAnalysis(algorithm, keys, options);
    return new RowFilterAnalysis(algorithm, { keys, size, record, keep });
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
    if (kind === 'row_filter') throw new KonsilError('PROTOCOL_VIOLATION', 'a row filter is the pod’s to find');
    const session = openPair({
      ...{ runId, context, kind, rule, receiver: modeller, sender: pod },
      ...{ receiverSize: identifiers!, senderSize: this.#size },
    });
    recordList(this.#options, `${kind} of ${identifiers}`);
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
  { kind, columns, identifiers, amongPods }: IntersectionAlgorithm,
  { policy, listsBefore }: IntersectionOptions,
): void {
  const { kinds, columns: allowed, maximumList, maximumLists } = policy;
  const refuse = (why: string): Refusal => new Refusal('UNAUTHORISED', `this site ${why} (policy.intersection)`);
  if (!kinds.includes(kind)) throw refuse(`gives the ${kinds.join(' and the ')} of lists only`);
  const other = columns.find((column) => !allowed.includes(column));
  if (other !== undefined) throw refuse(`compares people by ${allowed.join(', ')}, not by "${other}"`);
  if (!amongPods && identifiers === undefined)
    throw new Refusal('TASK_SETUP_ERROR', 'the task does not say how long its list is');
  if (identifiers !== undefined && identifiers > maximumList)
    throw refuse(`compares lists of at most ${maximumList} people, got ${identifiers}`);
  if (listsBefore() >= maximumLists)
    throw refuse(`has compared ${listsBefore()} lists of this modeller, and compares no more`);
}

/** The pods of the task. @throws Refusal when the site does not compare lists with one of them. */
function partners({ roster, identity, policy }: IntersectionOptions): ReadonlyMap<string, PublicIdentity> {
  const pods = roster.map((line) => importPublic(line));
  const other = pods.find(({ id }) => id !== identity.public.id && !policy.withPods.includes(fingerprint(id)));
  if (other)
    throw new Refusal(
      'UNAUTHORISED',
      `this site does not compare lists with the pod of key ${fingerprint(other.id)} (policy.intersection.with_pods)`,
    );
  return new Map(pods.map((pod) => [pod.id, pod]));
}

/** How long the site says that its list is. */
const sizeOf = ({ keys }: KeySet, { padTo }: IntersectionPolicy): number => padTo ?? Math.max(1, keys.length);

/** Puts a list on the modeller's account, which other runs may have used up since this one was let in. */
function recordList({ policy, listsBefore, record }: IntersectionOptions, detail: string): void {
  if (listsBefore() >= policy.maximumLists)
    throw new KonsilError('LIMITS_EXCEEDED', `this site compares ${policy.maximumLists} lists of a modeller, no more`);
  record(detail);
}
