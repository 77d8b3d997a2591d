/**
 * Attacks on the entropy of what masks are stretched from: the adversary guesses.
 * @module
 */
import { podNames } from '../../support/secaggCohort.ts';
import type { Attack, Code } from '../support/attack.ts';
import { coordinateSum, sumPods } from '../support/podSums.ts';
import { drawnDuring } from '../support/randomness.ts';
import { Pod, Scene } from '../support/scene.ts';
import { lookRandom } from '../support/statistics.ts';

const SOURCE = { file: 'crypto/primitives.ts', text: 'new Uint8Array(nodeRandomBytes(length))' };

/** Secrets that pods really draw, and keys that masks are really stretched from; at least 300 of each. */
function realSeeds(code: Code): Record<'secrets' | 'keys', Uint8Array[]> {
  const secrets: Uint8Array[] = [];
  const keys = new Map<string, Uint8Array>();
  for (let attempt = 0; attempt < 32; attempt++) {
    const scene = new Scene(code, { random: () => code.randomBytes }).run('uploads');
    secrets.push(...scene.pods.flatMap(({ kept }) => kept));
    // a pair mask is handed to both of its pods
    for (const { handed } of scene.pods) for (const { key } of handed[0]!) keys.set(code.toHex(key), key);
  }
  return { secrets, keys: [...keys.values()] };
}

export const SEED_ATTACKS: readonly Attack[] = [
  {
    name: 'seeds are told from random ones: they repeat, or are functions of few bits',
    family: 'seed entropy',
    adversary: 'coordinator, broker',
    defence: [
      {
        ...SOURCE,
        becomes: '((few) => Uint8Array.from({ length }, (_, i) => few[i % 8]! ^ i))(nodeRandomBytes(8))',
      },
    ],
    code: null,
    mount(code) {
      const { secrets, keys } = realSeeds(code);
      return { succeeded: !lookRandom(secrets) || !lookRandom(keys), code: null };
    },
  },
  {
    name: 'seeds are computed from the time a pod started',
    family: 'seed entropy',
    adversary: 'coordinator, broker',
    defence: [{ ...SOURCE, becomes: 'hkdf(new Uint8Array(8), new Uint8Array(0), String(Date.now()), length)' }],
    code: null,
    mount(code) {
      const { session } = new Scene(code);
      const from = Date.now();
      const pod = new Pod(code, session, 0, { random: () => code.randomBytes });
      for (let at = from; at <= Date.now(); at++) {
        const guess = code.hkdf(new Uint8Array(8), new Uint8Array(0), String(at), 32);
        if (pod.kept.some((secret) => code.equalBytes(secret, guess))) return { succeeded: true, code: null };
      }
      return { succeeded: false, code: null };
    },
  },
  {
    name: 'the self mask is stretched from a part of b that can be searched',
    family: 'seed entropy',
    adversary: 'coordinator, broker',
    defence: [
      {
        file: 'aggregation/secure/masks.ts',
        text: "hkdf(selfSeed, session.ctx, frame('self'), 32)",
        becomes: "hkdf(selfSeed.subarray(0, 1), session.ctx, frame('self'), 32)",
      },
    ],
    code: null,
    mount(code) {
      const { victim, session } = new Scene(code, { random: () => code.randomBytes }).run('uploads');
      const own = victim.handed[0]!.at(-1)!.key;
      const guesses = Array.from({ length: 256 }, (_, byte) => code.selfMask(session, Uint8Array.of(byte), 1).key);
      return { succeeded: guesses.some((guess) => code.equalBytes(guess, own)), code: null };
    },
  },
  {
    name: 'a pod has the same secrets in every attempt',
    family: 'seed entropy',
    adversary: 'coordinator',
    defence: [
      {
        file: 'protocols/secureSum/podHalf.ts',
        text: 'this.#take(startClient({ session, self, identity, judge, nonce }, randomBytes));',
        becomes:
          'this.#take(startClient({ session, self, identity, judge, nonce }, (n) => new Uint8Array(n).fill(7)));',
      },
    ],
    code: null,
    async mount(code) {
      let pods = sumPods(code);
      const adverts: Uint8Array[] = [];
      const drawn = await drawnDuring(async () => {
        pods = sumPods(code);
        for (const attempt of [0, 1]) {
          for (const { sum } of pods) sum.open(attempt, podNames(4));
          adverts.push(...pods.map(({ sent }) => sent.at(-1)!.body));
        }
        await coordinateSum(code, pods, 2);
      });
      const keys = adverts.map((bytes) => code.toHex(code.rereadMessage('advertise', bytes).maskKey));
      const isFresh = new Set(keys).size === keys.length;
      // four secrets of 32 bytes a pod and attempt, each from the operating system
      const isEnough = drawn.filter(({ length }) => length === 32).length >= 4 * 4 * 3;
      return { succeeded: !(isFresh && isEnough), code: null };
    },
  },
];
