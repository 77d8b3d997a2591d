/**
 * Where TensorFlow.js computes: the fastest backend that is installed and can train the model at hand.
 * @module
 */
import { KonsilError, messageOf } from '../../base/index.ts';
import type { Fallback } from '../runtime/messages.ts';
import { tf } from './tf.ts';

/** Names as callers give them, fastest first. */
export const BACKEND_NAMES = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

/** A backend that may be installed. */
export interface BackendCandidate {
  readonly name: string;
  /** What TensorFlow.js calls it once it is loaded. */
  readonly registeredAs: string;
  /** Imports it. Throws when it is not installed or does not run on this machine. */
  load(): Promise<unknown>;
}

// names in variables: these packages are the operator's to install, and neither compiler nor bundler may ask for them
const optional = (name: BackendName, registeredAs: string, specifier: string): BackendCandidate => ({
  ...{ name, registeredAs },
  load: () => import(specifier),
});

/** All backends, fastest first; only `cpu` is a dependency of this package. */
export const BACKENDS: readonly BackendCandidate[] = [
  optional('tfjs-node-gpu', 'tensorflow', '@tensorflow/tfjs-node-gpu'),
  optional('tfjs-node', 'tensorflow', '@tensorflow/tfjs-node'),
  optional('webgpu', 'webgpu', '@tensorflow/tfjs-backend-webgpu'),
  optional('wasm', 'wasm', '@tensorflow/tfjs-backend-wasm'),
  { name: 'cpu', registeredAs: 'cpu', load: () => import('@tensorflow/tfjs-backend-cpu') },
];

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
    ? 'not installed'
    : messageOf(error).split('\n', 1)[0]!;
}

/**
 * Switches to the first of `candidates` that loads and on which `probe` succeeds: a backend may lack the backward pass
 * of an operation the model has (wasm of a convolution, for one).
 *
 * @param probe - Does on the backend what training will do.
 * @throws KonsilError MODEL_UNSUPPORTED with every reason when there is none; what `probe` throws on purpose.
 */
export async function chooseBackend(
  candidates: readonly BackendCandidate[],
  probe: () => Promise<void>,
): Promise<{ readonly device: string; readonly fallbacks: readonly Fallback[] }> {
  const fallbacks: Fallback[] = [];
  for (const { name, registeredAs, load } of candidates) {
    try {
      await load();
      if (!(await tf.setBackend(registeredAs))) throw new Error('does not run on this machine');
      await tf.ready();
      await probe();
      return { device: name, fallbacks };
    } catch (error) {
      if (error instanceof KonsilError) throw error;
      fallbacks.push({ device: name, reason: reasonOf(error) });
    }
  }
  const reasons = fallbacks.map(({ device, reason }) => `${device}: ${reason}`).join('; ');
  throw new KonsilError('MODEL_UNSUPPORTED', `no TensorFlow.js backend can train this model (${reasons})`);
}

/** The backends called `names`, in that order. @throws KonsilError CONFIG_INVALID when there is no such backend. */
export function candidatesOf(names: readonly string[] = BACKEND_NAMES): readonly BackendCandidate[] {
  return names.map((name) => {
    const found = BACKENDS.find((candidate) => candidate.name === name);
    if (found) return found;
    throw new KonsilError('CONFIG_INVALID', `TensorFlow.js backend "${name}", expected ${BACKEND_NAMES.join(', ')}`);
  });
}
