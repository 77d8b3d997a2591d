/**
 * From a modeller's request to a run that takes part: admission, the ledger's line, the run itself.
 * @module
 */
import { KonsilError, toHex, utf8 } from '../base/index.ts';
import { type Identity, type MaskPool, sha256 } from '../crypto/index.ts';
import type { DecodePool, OpenDataset } from '../datasources/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import type { OpenPredictor, OpenTrainer } from '../training/index.ts';
import type { Blobs, Channel, Clock } from '../transport/index.ts';
import type { Context, MessageOf } from '../wire/index.ts';
import { type Admitted, admit } from './admission.ts';
import { modellerBudget } from './analysis/admitAnalysis.ts';
import type { Ledger, PrivacyUnit } from './ledger.ts';
import type { PodEvent, PodNotice } from './notices.ts';
import { PodRun } from './podRun.ts';
import { PrivacyAccount } from './privacyAccount.ts';
import { ModellerAccount, type QueryAccount } from './queryAccount.ts';
import type { SumJournal } from './sumJournal.ts';

/** Largest model file a pod accepts (the platform's own limit for weights). */
const MAX_MODEL_BYTES = 500 * 2 ** 20;

/** What the runs of a pod share. */
export interface RunsOptions {
  readonly config: PodConfig;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly clock: Clock;
  readonly channel: Channel;
  readonly blobs: Blobs;
  readonly pool: MaskPool;
  readonly openDataset: OpenDataset;
  readonly openTrainer: OpenTrainer;
  readonly openPredictor: OpenPredictor;
  readonly decoders?: DecodePool;
  readonly ledger: Ledger;
  readonly journal: SumJournal;
  readonly onNotice: (notice: PodNotice) => void;
}

/** What was asked for. */
export interface RunRequest {
  readonly run: string;
  readonly from: Peer;
  readonly request: MessageOf<'JOB_REQUEST'>;
}

/** Where messages about admission belong. */
export const admissionOf = ({ run }: Pick<RunRequest, 'run'>): Context => ({ run, round: 0, phase: 'admission' });

/**
 * Sets a run up. Whatever fails, nothing of it is left.
 * @throws Refusal, KonsilError FILE_WRITE_FAILED, or anything when `signal` is aborted.
 */
export async function startRun(
  options: RunsOptions,
  { run, from, request }: RunRequest,
  signal: AbortSignal,
  onEvent: (event: PodEvent) => void,
): Promise<PodRun> {
  const { config, identity, peers, ledger, blobs, channel, pool, journal, onNotice } = options;
  const { openDataset, openTrainer, openPredictor, decoders } = options;
  const context = admissionOf({ run });
  const { dataset, model } = request;
  const line = { run, modeller: from.name, dataset };
  const account = (unit: PrivacyUnit, delta: number): PrivacyAccount => {
    const { privacy, recordPrivacy } = config.policy;
    return new PrivacyAccount(ledger, { ...line, unit }, unit === 'site' ? privacy : recordPrivacy, delta);
  };
  const admitted = await admit({
    ...{ config, identity, peers, request, from, signal, openDataset, openTrainer, openPredictor },
    ...(decoders && { decoders }),
    onProblem: (reason) => onNotice({ type: 'problem', reason: `dataset "${dataset}": ${reason}` }),
    account,
    queryAccount: (delta): QueryAccount => {
      const total = account('record', delta);
      const own = modellerBudget(config, from);
      return own ? new ModellerAccount(total, ledger, line, own) : total;
    },
    lists: {
      before: () => ledger.listsOf(from.name),
      record: (detail) => ledger.append({ event: 'intersection', ...line, detail }),
    },
    usage: {
      of: (whose) => ledger.rowsOf(whose === 'modeller' ? { modeller: from.name } : whose),
      record: (id, rows) => ledger.append({ event: 'inference', ...line, model: id, rows }),
    },
    recordGivenModel: (id) => ledger.append({ event: 'model', ...line, model: id }),
    recordScores: (id, rows) => ledger.append({ event: 'scores', ...line, model: id, rows }),
    nowMs: Date.now,
    onEvent,
    pullModel: () => {
      if (!model) throw new KonsilError('MODEL_INVALID', 'the task trains a model, and none was sent');
      return blobs.pull(from.public.id, model, context, { maxBytes: MAX_MODEL_BYTES, signal });
    },
  });
  try {
    signal.throwIfAborted();
    ledger.append({
      event: 'accepted',
      ...line,
      task: toHex(sha256(utf8(request.task))),
      ...(model && { model: model.id }),
    });
    const started = new PodRun({
      ...{
        runId: run,
        journal,
        pool,
        podName: config.name,
        state: config.state,
        coordinator: from,
        identity,
        policy: config.policy,
      },
      ...{ request, admitted, channel, blobs, onEvent },
      recordRound: (round) => ledger.append({ event: 'round', ...line, ...round }),
    });
    tell(admitted, line, onNotice);
    return started;
  } catch (error) {
    await admitted.close();
    throw error;
  }
}

function tell(
  { warnings, rows, trains }: Admitted,
  { run, dataset }: { readonly run: string; readonly dataset: string },
  onNotice: (notice: PodNotice) => void,
): void {
  for (const warning of warnings) onNotice({ type: 'problem', reason: `dataset "${dataset}": ${warning}` });
  onNotice({ type: 'accepted', run, ...(trains && { rows, trains }) });
}
