/**
 * One result for all: each pod signs which parameters it was given as the final ones, and the coordinator hands
 * everybody's signatures to everybody. A coordinator that gives different sites different results cannot show either of
 * them signatures of the others; during the run the same is done by the hash in every secure sum.
 * @module
 */
import type { Member } from '../aggregation/index.ts';
import { frame } from '../base/index.ts';
import { type KeyPair, sign, verify } from '../crypto/index.ts';

/** What is signed: the run, its model and the final parameters (SHA-256 in hexadecimal both). */
export interface ResultView {
  readonly run: string;
  readonly modelId: string;
  readonly parametersId: string;
}

/** A pod's signature, 64 bytes. */
export interface ResultStatement {
  readonly name: string;
  readonly signature: Uint8Array;
}

function signedBytes({ run, modelId, parametersId }: ResultView): Uint8Array {
  return frame('konsil/result/v1', run, modelId, parametersId);
}

/** Ed25519 signature for `view`, 64 bytes. */
export function signResult(identity: KeyPair, view: ResultView): Uint8Array {
  return sign(identity, signedBytes(view));
}

/** Names of the members who signed exactly this view, ascending; other statements are passed over. */
export function confirmedBy(
  view: ResultView,
  statements: readonly ResultStatement[],
  members: ReadonlyMap<string, Member>,
): string[] {
  const bytes = signedBytes(view);
  const names = statements
    .filter(({ name, signature }) => verify(members.get(name)?.publicKey ?? new Uint8Array(0), bytes, signature))
    .map(({ name }) => name);
  return [...new Set(names)].sort();
}
