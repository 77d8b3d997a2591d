/**
 * Attacks on the survivor list: the coordinator wants shares of both kinds of one pod.
 * @module
 */
import type { Attack, Code, Edit, Outcome } from '../support/attack.ts';
import { Loot } from '../support/loot.ts';
import { answered, Scene } from '../support/scene.ts';

const CLIENT = 'aggregation/secure/client.ts';
const PARAMETERS = 'aggregation/secure/parameters.ts';

const LOW_THRESHOLD: Edit = {
  file: PARAMETERS,
  text: 'const t = Math.floor((n + colluding) / 2) + 1;\n  if (t > n',
  becomes: 'const t = Math.floor(n / 2) + 1;\n  if (t > n',
};
/** A pod answers one request of each type, in its phase only. */
const ONE_ANSWER: readonly Edit[] = [
  { file: CLIENT, text: 'if (answered !== undefined) {', becomes: 'if (false) {' },
  { file: CLIENT, text: 'if (EXPECTS[state.phase] !== type)', becomes: 'if (false)' },
];

type List = readonly number[];

/**
 * Of five pods the last colludes. Pods 0 and 3 are shown one list, pods 1 and 2 another, and the colluder signs both; the
 * coordinator then has b-shares from pods that think the victim lives and key shares from pods that think it died.
 * @param signers whose signatures the coordinator puts into the proof of a list.
 */
function splitView(code: Code, living: List, dead: List, signers: (list: List, pod: number) => List): Outcome {
  const scene = new Scene(code, { n: 5, corrupt: [4] }).run('uploads');
  const loot = new Loot(scene);
  loot.addDealtToColluders();
  const views = [living, dead, dead, living];
  for (const [pod, list] of views.entries()) {
    const answer = scene.sign(scene.pods[pod]!, scene.survivors(list));
    if (!answer.sent) return answered(answer);
  }
  for (const [pod, list] of views.entries()) {
    const survivorsHash = code.hashSurvivors(scene.session, scene.survivors(list));
    scene.signatures.set(4, scene.speak(4, 'consistency', { survivorsHash }));
    const { code: refused } = scene.release(scene.pods[pod]!, scene.proof(signers(list, pod)));
    if (refused) return { succeeded: false, code: refused };
    loot.addReleased(pod);
  }
  return loot.outcome();
}

/** Plays until the victim signed for a list of `pods`. */
function signedFor(code: Code, pods: readonly number[], n = 4, corrupt: readonly number[] = []): Scene {
  const scene = new Scene(code, { n, corrupt }).run('uploads');
  for (const pod of pods) scene.sign(scene.pods[pod]!, scene.survivors(pods));
  return scene;
}

export const SURVIVOR_ATTACKS: readonly Attack[] = [
  {
    name: 'coordinator shows half of the pods a list with the victim and half one without, and unmasks it',
    family: 'different survivor lists',
    adversary: 'coordinator and one pod',
    defence: [
      LOW_THRESHOLD,
      {
        file: PARAMETERS,
        text: 'const signatures = Math.floor((n + colluding) / 2) + 1;',
        becomes: 'const signatures = Math.floor(n / 2) + 1;',
      },
    ],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount: (code) => splitView(code, [0, 3, 4], [1, 2, 4], (list) => list),
  },
  {
    name: 'the same with signatures for the other list in the proof (backed by t)',
    family: 'different survivor lists',
    adversary: 'coordinator and one pod',
    defence: [
      LOW_THRESHOLD,
      { file: CLIENT, text: 'checkSameSurvivors(body.survivorsHash, survivorsHash);', becomes: '' },
    ],
    code: 'AGG_EQUIVOCATION',
    mount: (code) => splitView(code, [0, 1, 3, 4], [1, 2, 3, 4], (list) => list),
  },
  {
    name: 'the same without showing enough signatures (backed by t)',
    family: 'different survivor lists',
    adversary: 'coordinator and one pod',
    defence: [LOW_THRESHOLD, { file: CLIENT, text: 'if (quoted.length < session.signatures)', becomes: 'if (false)' }],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount: (code) => splitView(code, [0, 1, 2, 3], [1, 2, 3, 4], (_list, pod) => [pod]),
  },
  {
    name: 'coordinator asks everybody again after the release, with the victim as a dropout, and unmasks it',
    family: 'asking twice',
    adversary: 'coordinator',
    defence: [
      ...ONE_ANSWER,
      {
        file: CLIENT,
        text: "wipeShares(interior.shares);\n  return {\n    phase: 'released',\n    interior: { ...interior, shares: new Map() },",
        becomes: "return {\n    phase: 'released',\n    interior,",
      },
    ],
    code: 'AGG_EQUIVOCATION',
    mount(code) {
      const scene = new Scene(code).run('release');
      const loot = new Loot(scene);
      for (const pod of scene.pods) loot.addReleased(pod.index);
      const others = scene.pods.slice(1);
      for (const pod of others) {
        const answer = scene.sign(pod, scene.survivors([1, 2, 3]));
        if (!answer.sent) return answered(answer);
      }
      for (const pod of others) scene.release(pod, scene.proof([1, 2, 3]));
      for (const pod of others) loot.addReleased(pod.index);
      return loot.outcome();
    },
  },
  {
    name: 'one pod is named a survivor and a dropout to the same pod, which signs both',
    family: 'survivor and dropout at once',
    adversary: 'coordinator',
    defence: ONE_ANSWER,
    code: 'AGG_EQUIVOCATION',
    mount(code) {
      const scene = new Scene(code).run('uploads');
      scene.sign(scene.victim, scene.survivors([0, 1, 2, 3]));
      return answered(scene.sign(scene.victim, scene.survivors([0, 1, 2])));
    },
  },
  {
    name: 'a late vector of a pod declared lost is unmasked with its rebuilt mask key',
    family: 'survivor and dropout at once',
    adversary: 'coordinator, broker',
    defence: [{ file: CLIENT, text: 'masks.push(selfMask(session, secrets.selfSeed, 1));', becomes: '' }],
    code: null,
    mount(code) {
      const scene = new Scene(code).run('uploads'); // the broker holds the victim's vector back
      const others = scene.pods.slice(1);
      for (const pod of others) scene.sign(pod, scene.survivors([1, 2, 3]));
      for (const pod of others) scene.release(pod, scene.proof([1, 2, 3]));
      const loot = new Loot(scene);
      for (const pod of others) loot.addReleased(pod.index);
      return loot.outcome(null, [0, 1, 2, 3], false);
    },
  },
  {
    name: "one pod's signature counted several times",
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: 'aggregation/secure/messages.ts',
        text: 'key(items[i - 1]!) >= key(item)',
        becomes: 'key(items[i - 1]!) > key(item)',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = signedFor(code, [0, 1, 2, 3]);
      return answered(scene.release(scene.victim, scene.proof([0, 0, 0])));
    },
  },
  {
    name: 'a proof with the signature of a pod that is not among the survivors',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "require(survivors.has(sender), 'proof has a signature from outside the survivors');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = signedFor(code, [0, 1, 2], 4, [3]);
      const survivorsHash = code.hashSurvivors(scene.session, scene.survivors([0, 1, 2]));
      scene.signatures.set(3, scene.speak(3, 'consistency', { survivorsHash }));
      return answered(scene.release(scene.victim, scene.proof([0, 1, 3])));
    },
  },
  {
    name: 'a sum over the victim and a colluder alone',
    family: 'cohort too small',
    adversary: 'coordinator and one pod',
    defence: [
      { file: CLIENT, text: "requireEnough(session.minSurvivors, body.uploads.length, 'survivors');", becomes: '' },
      {
        file: CLIENT,
        text: "requireEnough(session.t, body.uploads.filter(({ pod }) => shares.has(pod)).length, 'neighbours');",
        becomes: '',
      },
    ],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('uploads');
      return answered(scene.sign(scene.victim, scene.survivors([0, 3])));
    },
  },
  {
    name: 'a survivor that never shared, to make the sum look larger than it is',
    family: 'cohort too small',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "require(body.uploads.every((upload) => known(upload.pod)), 'survivor list has a pod that did not share');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('shares');
      for (const pod of scene.pods)
        scene.upload(pod, scene.inbox(pod.index, [0, 1, 2, ...(pod.index === 3 ? [3] : [])]));
      return answered(scene.sign(scene.victim, scene.survivors([0, 1, 2, 3])));
    },
  },
  {
    name: "a list that swaps the victim's vector for another, or leaves the victim out",
    family: 'different survivor lists',
    adversary: 'coordinator',
    defence: [
      {
        file: CLIENT,
        text: "require(own !== undefined && equalBytes(own.manifestHash, interior.manifestHash), 'survivor list alters our upload');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const outcomes = ['swapped', 'left out'].map((how) => {
        const scene = new Scene(code).run('uploads');
        const manifestHash = new Uint8Array(32);
        const swapped = { uploads: scene.survivors().uploads.with(0, { pod: 0, manifestHash }) };
        return answered(scene.sign(scene.victim, how === 'swapped' ? swapped : scene.survivors([1, 2, 3])));
      });
      return { succeeded: outcomes.some(({ succeeded }) => succeeded), code: outcomes[0]!.code };
    },
  },
  {
    name: "a sum that the site's own rule forbids",
    family: 'cohort minus one',
    adversary: 'coordinator',
    defence: [{ file: CLIENT, text: 'if (objection) throw objection;', becomes: '' }],
    code: 'COHORT_TOO_SMALL',
    mount(code) {
      const refusal = new code.KonsilError('COHORT_TOO_SMALL', 'the last sum was over the same pods and one more');
      const scene = new Scene(code, { judge: (names) => (names.length < 4 ? refusal : null) }).run('uploads');
      return answered(scene.sign(scene.victim, scene.survivors([0, 1, 2])));
    },
  },
];
