/**
 * What the parties of a sum must agree on beside its roster; hashed into the session's context, so that a coordinator
 * that tells pods different things gets no sum.
 * @module
 */
import { frame } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';

/** All public; absent parts are empty. */
export interface PublicParameters {
  /** The task as JSON, byte for byte as sent. */
  readonly task: string;
  /** SHA-256 of the model file, hexadecimal. */
  readonly modelId: string;
  /** SHA-256 of the float32 parameters that pods started from, hexadecimal. */
  readonly parametersId: string;
  /** Standardisation, float32. */
  readonly mean: Uint8Array;
  readonly scale: Uint8Array;
  /** Hash of the vector's layout, 32 bytes. */
  readonly specHash: Uint8Array;
}

/** `publicHash` of a session, 32 bytes. @source docs/reference/secure-aggregation.md, section 4. */
export function hashPublicParameters(of: PublicParameters): Uint8Array {
  const { task, modelId, parametersId, mean, scale, specHash } = of;
  return sha256(frame('konsil/public/v1', task, modelId, parametersId, mean, scale, specHash));
}
