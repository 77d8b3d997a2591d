/**
 * A pod's part in differential privacy of one round: what it may take part in, what it puts into the sum, what it is charged.
 * @module
 */
import { clippedUpdate, type PodInput, type VectorSpec } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { randomBytes } from '../../crypto/index.ts';
import { evenInput, type PodSumOptions, privateInput, privateSpec, type RoundPrivacy } from '../../protocols/index.ts';
import type { MessageOf } from '../../wire/index.ts';
import { type PrivacyAccount, stepCost } from '../privacyAccount.ts';
import type { TrainingSetup } from './setUp.ts';

/**
 * The noise of an update round that has any; its price is known to fit.
 * @throws KonsilError PROTOCOL_VIOLATION when the clip norm is missing or not the task's, PRIVACY_BUDGET.
 */
export function privacyOfRound(
  { privacy, task }: TrainingSetup,
  { purpose, clipNorm }: MessageOf<'ROUND_START'>,
): RoundPrivacy | undefined {
  if (!privacy || purpose !== 'update') return undefined;
  const settings = task.aggregator.privacy!;
  if (clipNorm === undefined || (!settings.adaptiveClip && clipNorm !== settings.clipNorm))
    throw new KonsilError('PROTOCOL_VIOLATION', `clip norm ${clipNorm} is not the task's ${settings.clipNorm}`);
  privacy.account.checkRound({ events: privacy.terms.events, times: 1 });
  return { terms: privacy.terms, clipNorm };
}

/** @throws KonsilError PRIVACY_BUDGET when the private steps of one more round do not fit. */
export function checkTraining({ recordAccount, task, data }: TrainingSetup, completed: number): void {
  recordAccount?.checkRound(stepCost(task, data.train.rows, completed));
}

/** What goes into a masked sum, and its layout. */
export function maskedOffer(
  input: PodInput,
  exact: VectorSpec,
  privacy: RoundPrivacy | undefined,
): Pick<PodSumOptions, 'spec' | 'input' | 'drawNoise'> {
  if (!privacy) return { spec: exact, input };
  return { spec: privateSpec(exact, privacy), ...privateInput(input, privacy, randomBytes) };
}

/** What goes out in the open; the coordinator adds the noise. */
export function openInput(input: PodInput, privacy: RoundPrivacy | undefined): PodInput {
  return privacy ? evenInput(input, clippedUpdate(Float32Array.from(input.update!), privacy.clipNorm)) : input;
}

/**
 * Puts an update on the dataset's accounts, before anything leaves that could open it.
 * @param isFresh - Nothing of what was trained has gone out yet: of private steps everything after the first is free.
 * @throws KonsilError FILE_WRITE_FAILED.
 */
export function chargeRound(
  { privacy, recordAccount, task, data }: TrainingSetup,
  { purpose, completed }: Pick<MessageOf<'ROUND_START'>, 'purpose' | 'completed'>,
  isFresh: boolean,
): ReturnType<PrivacyAccount['charge']>[] {
  const detail = `update ${completed + 1}`;
  const charged = [];
  if (privacy && purpose === 'update')
    charged.push(privacy.account.charge({ events: privacy.terms.events, times: 1 }, detail));
  if (recordAccount && isFresh) charged.push(recordAccount.charge(stepCost(task, data.train.rows, completed), detail));
  return charged;
}
