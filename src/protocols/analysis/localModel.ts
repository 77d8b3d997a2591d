/**
 * A model that one site has trained, on its way to the others: signed by that site for the run, so that the coordinator can
 * pass on no other in its place.
 * @module
 */
import { frame, KonsilError } from '../../base/index.ts';
import { type KeyPair, sign, verify } from '../../crypto/index.ts';

/** What a pod vouches for. */
export interface LocalModelView {
  readonly run: string;
  /** Of the task as it was sent, and of the model's bytes: SHA-256 in hex. */
  readonly task: string;
  readonly model: string;
  /** Name of the pod that has trained it. */
  readonly pod: string;
}

/** Of Ed25519, bytes. */
const SIGNATURE_BYTES = 64;

const signedBytes = ({ run, task, model, pod }: LocalModelView): Uint8Array =>
  frame('konsil/local-model/v1', run, task, model, pod);

/** Ed25519 signature, 64 bytes. */
export function signLocalModel(identity: KeyPair, view: LocalModelView): Uint8Array {
  return sign(identity, signedBytes(view));
}

/** @param signing - The pod's signing key; undefined for a pod that nobody knows. */
export function isSignedLocalModel(
  view: LocalModelView,
  signature: Uint8Array,
  signing: Uint8Array | undefined,
): boolean {
  return signing !== undefined && verify(signing, signedBytes(view), signature);
}

/** A model as pods get it: the signature, then the file. */
export function packLocalModel(signature: Uint8Array, model: Uint8Array): Uint8Array {
  const packed = new Uint8Array(SIGNATURE_BYTES + model.length);
  packed.set(signature);
  packed.set(model, SIGNATURE_BYTES);
  return packed;
}

/** @throws KonsilError PROTOCOL_VIOLATION when there is not even a signature. */
export function unpackLocalModel(packed: Uint8Array): { readonly signature: Uint8Array; readonly model: Uint8Array } {
  if (packed.length <= SIGNATURE_BYTES)
    throw new KonsilError(
      'PROTOCOL_VIOLATION',
      `a signed model has more than ${SIGNATURE_BYTES} bytes, got ${packed.length}`,
    );
  return { signature: packed.slice(0, SIGNATURE_BYTES), model: packed.slice(SIGNATURE_BYTES) };
}
