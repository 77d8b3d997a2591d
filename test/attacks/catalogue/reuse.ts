/**
 * Replays of other rounds and runs, masks used twice, and pods that work from different models.
 * @module
 */
import { frame } from '../../../src/base/index.ts';
import { sha256 } from '../../../src/crypto/index.ts';
import { inputOf, seededBytes } from '../../support/secaggCohort.ts';
import type { Attack, Edit } from '../support/attack.ts';
import { Loot, wordsWithout } from '../support/loot.ts';
import { answered, Scene, type SceneOptions, WORDS } from '../support/scene.ts';

const CONTEXT_CHECK: Edit = {
  file: 'aggregation/secure/messages.ts',
  text: 'if (!equalBytes(bytes.subarray(4, HEADER_BYTES), contextOf(session, type)))',
  becomes: 'if (false)',
};

const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);
/** Whether a − b = x − y, word by word: what one mask under two vectors gives away. */
function differsBy(a: Uint8Array, b: Uint8Array, x: Uint32Array, y: Uint32Array): boolean {
  const [first, second] = [words(a), words(b)];
  return first.every((word, i) => (word - second[i]!) >>> 0 === (x[i]! - y[i]!) >>> 0);
}

/** The other pods' keys of another context are shown to the victim: the adversary may know their secrets by now. */
const replayOf = (what: string, session: SceneOptions['session']): Attack => ({
  name: `keys that pods signed for another ${what} are replayed to the victim`,
  family: 'replay',
  adversary: 'coordinator, broker',
  defence: [CONTEXT_CHECK],
  code: 'AGG_BAD_MESSAGE',
  mount(code) {
    const old = new Scene(code, session ? { session } : {});
    const scene = new Scene(code);
    for (const pod of [1, 2, 3]) scene.adverts.set(pod, old.adverts.get(pod)!);
    return answered(scene.share(scene.victim));
  },
});

export const REUSE_ATTACKS: readonly Attack[] = [
  replayOf('round', { round: 2 }),
  replayOf('run', { runId: 'run-0' }),
  replayOf('attempt', { attempt: 1 }),
  replayOf('sum of the round', { purpose: 'evaluation' }),
  replayOf('cohort size', { minimum: 4 }),
  {
    name: 'a pod that was rolled back to the same randomness masks two rounds with one mask',
    family: 'cross-round mask reuse',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/masks.ts',
        text: 'hkdf(shared, session.ctx, info, 32)',
        becomes: 'hkdf(shared, new Uint8Array(32), info, 32)',
      },
      {
        file: 'aggregation/secure/masks.ts',
        text: "hkdf(selfSeed, session.ctx, frame('self'), 32)",
        becomes: "hkdf(selfSeed, new Uint8Array(32), frame('self'), 32)",
      },
    ],
    code: null,
    mount(code) {
      const [a, b] = [3, 4].map((round) =>
        new Scene(code, {
          session: { round },
          random: (name) => seededBytes(name),
          input: (name) => inputOf(name, WORDS, `round ${round}`),
        }).run('uploads'),
      );
      const [one, two] = [a!.victim, b!.victim];
      return { succeeded: differsBy(one.masked!, two.masked!, one.input, two.input), code: null };
    },
  },
  {
    name: 'the inbox is delivered twice, and two vectors are masked with one mask',
    family: 'two vectors with one mask',
    adversary: 'coordinator, broker',
    defence: [
      {
        file: 'aggregation/secure/client.ts',
        text: "const repeatable = outputs.filter((output) => output.type !== 'mask');",
        becomes: 'const repeatable = outputs;',
      },
    ],
    code: null,
    mount(code) {
      const scene = new Scene(code).run('shares');
      const { victim } = scene;
      victim.isMasking = false;
      scene.upload(victim);
      scene.upload(victim);
      if (victim.handed.length < 2) return { succeeded: false, code: null };
      const other = inputOf('rounded anew', WORDS);
      const [first, second] = [victim.maskedWith(victim.handed[0]!), victim.maskedWith(victim.handed[1]!, other)];
      return { succeeded: differsBy(first, second, victim.input, other), code: null };
    },
  },
  {
    name: 'pods are shown a model with dead gradients, the victim the real one: the sum is its update',
    family: 'different models to different pods',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/checks.ts',
        text: 'if (!equalBytes(publicHash, session.publicHash))',
        becomes: 'if (false)',
      },
      {
        file: 'aggregation/secure/context.ts',
        text: 'frame(`${PROTOCOL_LABEL}/context`, base, publicHash)',
        becomes: 'frame(`${PROTOCOL_LABEL}/context`, base)',
      },
    ],
    code: 'AGG_EQUIVOCATION',
    mount(code) {
      const scene = new Scene(code, {
        sessions: { 0: { publicHash: sha256(frame('the real model')) } },
        input: (name) => (name === 'pod-00' ? inputOf(name, WORDS) : new Uint32Array(WORDS)),
      });
      for (const pod of scene.pods) {
        const answer = scene.share(pod);
        if (!answer.sent) return answered(answer);
      }
      for (const pod of scene.pods) scene.upload(pod);
      for (const pod of scene.pods) scene.sign(pod);
      for (const pod of scene.pods) scene.release(pod);
      // an ordinary sum: all self masks are taken off, pair masks cancel
      const sum = new Uint8Array(code.shapeBytes(scene.session.shape));
      const masks = scene.pods.map(({ index, masked }) => {
        code.addVectors(sum, masked!, scene.session.shape);
        const loot = new Loot(scene, index);
        for (const from of scene.pods) loot.addReleased(from.index);
        return code.selfMask(scene.session, loot.rebuilt('self')!, -1);
      });
      const plain = wordsWithout(scene, sum, masks);
      return { succeeded: plain.every((word, i) => word === scene.victim.input[i]), code: null };
    },
  },
  {
    name: 'a pod is told another clip and modulus than the others',
    family: 'different models to different pods',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/context.ts',
        text: '...graph, ...lanes));',
        becomes: '...graph));',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { sessions: { 0: { shape: [{ bits: 16, length: 2 * WORDS }] } } });
      return answered(scene.share(scene.victim));
    },
  },
];
