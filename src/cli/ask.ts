/**
 * A task that asks, from a terminal: connects, shows who answers, prints what came of it.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';
import { type AnalysisOutcome, runAnalysis } from '../coordinator/index.ts';
import { PeerBook } from '../keystore/index.ts';
import { isEvaluation, type LocalAnalysis } from '../tasks/index.ts';
import { Channel, systemClock } from '../transport/index.ts';
import { blobStoreOptions } from './blobStore.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity } from './environment.ts';
import { reportEvaluation } from './evaluationFiles.ts';
import { evaluationResultOf } from './evaluationResult.ts';
import type { Output } from './output.ts';
import { answerLines } from './render/answer.ts';
import { ProgressView } from './render/progress.ts';

export interface AskOptions {
  readonly flags: BrokerFlags & { readonly transcript?: boolean };
  readonly output: Output;
  readonly signal: AbortSignal;
  /** Also writes the statistics here. */
  readonly out?: string;
}

/** @throws KonsilError the question's own error when it was not answered; what there is of an answer is on disk by then. */
export async function askQuestion(
  task: LocalAnalysis,
  { flags, output, signal, out }: AskOptions,
): Promise<AnalysisOutcome> {
  if (flags.transcript && !task.aggregator.secure)
    throw new KonsilError('USAGE', '--transcript: this task sums without masks, and there is nothing to keep');
  const identity = await openIdentity(task.local.identity);
  const peers = PeerBook.read(task.local.identity);
  const link = await connectAs(identity, brokerAddress(task.local.broker, flags, identity), signal);
  const channel = await Channel.open({ link, identity, peers, clock: systemClock });
  try {
    const trafficWith = ({ id }: { readonly id: string }): number => {
      const { sentBytes, receivedBytes } = channel.trafficWith(id);
      return sentBytes + receivedBytes;
    };
    const traffic = (): number => peers.all().reduce((sum, peer) => sum + trafficWith(peer.public), 0);
    const view = output.json
      ? null
      : new ProgressView({ stream: process.stdout, traffic, now: () => performance.now() });
    const outcome = await runAnalysis({
      ...{ task, identity, peers, channel, clock: systemClock, signal, transcript: flags.transcript ?? false },
      ...(task.local.blobStore && { store: blobStoreOptions(task.local.blobStore) }),
      onEvent: (event) => {
        output.value(event);
        view?.show(event);
      },
    });
    output.value(answerOf(outcome));
    for (const line of answerLines(outcome)) output.line(line);
    if (isEvaluation(task.algorithm)) {
      const { evaluation } = outcome;
      reportEvaluation(output, outcome.folder, evaluationResultOf(task, outcome), evaluation?.answers ?? []);
    }
    if (out !== undefined && outcome.answer?.kind === 'statistics') save(out, outcome);
    const files = out === undefined ? outcome.files : [...outcome.files, out];
    for (const file of files) output.line(`written: ${relative(process.cwd(), file)}`);
    if (outcome.status !== 'complete') throw outcome.error ?? new KonsilError('RUN_ABORTED', outcome.reason);
    return outcome;
  } finally {
    await channel.close();
  }
}

function save(file: string, { answer, run }: AnalysisOutcome): void {
  if (answer?.kind !== 'statistics') return;
  try {
    const statistics = { format: 'konsil-statistics-v1', run, ...answer.summary };
    writeFileSync(file, `${JSON.stringify(statistics, null, 2)}\n`, { flush: true });
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
  }
}

/** The answer as one JSON value. */
function answerOf({
  run,
  folder,
  status,
  reason,
  answer,
  survivors,
  results,
  inference,
  members,
  seconds,
}: AnalysisOutcome) {
  return {
    ...{ type: 'answer', run, folder, status, reason, seconds, pods: survivors },
    ...(answer?.kind === 'table' && { table: answer.table }),
    ...(answer?.kind === 'statistics' && { statistics: answer.summary }),
    ...(inference && {
      inference: Object.fromEntries([...inference].map(([pod, said]) => [pod, { ...said, table: undefined }])),
    }),
    ...(results.size > 0 && { results: Object.fromEntries(results) }),
    members: members.map(({ name, dataset, state, reason: why }) => ({ name, dataset, state, reason: why })),
  };
}
