/**
 * What all parties of a secure sum must agree on beyond its roster: the task, the model graph, the parameters they
 * really used, the standardisation and the slot layout. Each computes the hash from its own copy, so a coordinator that
 * shows different models to different pods gets no sum.
 * @source Pasquini et al. (CCS 2022) on model inconsistency attacks.
 * @module
 */
import { hashPublicParameters, hashSpec, type PublicParameters, type VectorSpec } from '../../aggregation/index.ts';

/** A party's own view. Absent parts (statistics come before parameters) hash as empty. */
export interface PublicView {
  /** The task as JSON, byte for byte as sent. */
  readonly task: string;
  /** SHA-256 of the ONNX model, hexadecimal. */
  readonly modelId: string;
  /** SHA-256 of the float32 parameters of this round, hexadecimal, or empty. */
  readonly parametersId: string;
  readonly standardiser: { readonly mean: Uint8Array; readonly scale: Uint8Array } | undefined;
  readonly spec: VectorSpec;
}

/** What is hashed. */
export function publicParametersOf({ task, modelId, parametersId, standardiser, spec }: PublicView): PublicParameters {
  const none = new Uint8Array(0);
  const { mean = none, scale = none } = standardiser ?? {};
  return { task, modelId, parametersId, mean, scale, specHash: hashSpec(spec) };
}

/** 32 bytes. */
export function publicHash(view: PublicView): Uint8Array {
  return hashPublicParameters(publicParametersOf(view));
}
