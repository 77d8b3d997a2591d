/**
 * An honest coordinator's machine among pods of which some cheat: what they send goes through `tamper`.
 * @module
 */
import type { ServerEvent, ServerOutput } from '../../../src/aggregation/index.ts';
import type { Bodies } from '../../../src/aggregation/secure/messages.ts';
import type { KonsilError } from '../../../src/base/index.ts';
import { identityOf } from '../../support/secaggCohort.ts';
import type { Code } from './attack.ts';
import { type Pod, Scene, type SceneOptions } from './scene.ts';

/** Phases by what pods send in them. */
export type Step = 'advertise' | 'shares' | 'manifest' | 'consistency' | 'release';

export interface Coordinated {
  readonly scene: Scene;
  /** The sum, null when there is none. */
  readonly words: Uint32Array | null;
  readonly survivors: readonly string[];
  readonly failure: KonsilError | null;
  readonly rejections: readonly KonsilError[];
}

type Tamper = (step: Step, pod: Pod, bytes: Uint8Array, scene: Scene) => readonly (readonly [string, Uint8Array])[];

/** Runs an attempt; `tamper` gives the (sender, message) pairs that arrive in the place of a message. */
export function coordinate(code: Code, options: SceneOptions, tamper: Tamper): Coordinated {
  const scene = new Scene(code, options);
  const { session, pods } = scene;
  let state = code.startServer(session, identityOf('coordinator'));
  let requests = new Map<string, Uint8Array>();
  const result = {
    words: null as Uint32Array | null,
    survivors: [] as readonly string[],
    failure: null as KonsilError | null,
  };
  const rejections: KonsilError[] = [];
  const sum = new Uint8Array(code.shapeBytes(session.shape));
  const take = (event: ServerEvent): void => {
    const step = code.stepServer(state, event);
    state = step.state;
    for (const output of step.outputs) handle(output);
  };
  const handle = (output: ServerOutput): void => {
    if (output.type === 'send') requests.set(output.to, output.bytes);
    else if (output.type === 'rejected') rejections.push(output.error);
    else if (output.type === 'failed') result.failure = output.error;
    else if (output.type === 'accumulate')
      code.addVectors(sum, pods.find(({ name }) => name === output.from)!.masked!, session.shape);
    else if (output.type === 'unmask') {
      code.applyMasks(sum, session.shape, output.masks);
      result.words = new Uint32Array(sum.slice(0, session.wireBytes).buffer);
      result.survivors = output.survivors;
    }
  };
  for (const step of ['advertise', 'shares', 'manifest', 'consistency', 'release'] as const) {
    const arrived = requests;
    requests = new Map();
    for (const pod of pods) {
      const request = arrived.get(pod.name);
      const said = step === 'advertise' ? pod.advert : request ? pod.tell(request).sent : null;
      if (said === null) continue;
      if (step === 'shares') scene.dealt.set(pod.index, scene.read('shares', said));
      for (const [from, bytes] of tamper(step, pod, said, scene))
        take(step === 'manifest' ? { type: 'upload', from, manifest: bytes } : { type: 'message', from, bytes });
    }
    take({ type: 'close' });
  }
  return { scene, ...result, rejections };
}

/** The plain sum of the survivors' inputs. */
export function plainSumOf({ scene, survivors }: Coordinated): Uint32Array {
  const sum = new Uint32Array(scene.session.wireBytes / 4);
  for (const { name, input } of scene.pods)
    if (survivors.includes(name)) input.forEach((word, i) => (sum[i] = sum[i]! + word));
  return sum;
}

/** Whether the sum is not the plain one of those it names: somebody spoilt it unnoticed. */
export function isSpoilt(run: Coordinated): boolean {
  const plain = plainSumOf(run);
  return run.words !== null && run.words.some((word, i) => word !== plain[i]);
}

/** A pod's message with its body changed, signed by that pod. */
export function changed<K extends Step>(
  scene: Scene,
  step: K,
  pod: Pod,
  bytes: Uint8Array,
  change: (body: Bodies[K]) => Bodies[K],
): Uint8Array {
  return scene.speak(pod.index, step, change(scene.read(step, bytes)));
}
