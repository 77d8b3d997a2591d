/**
 * Attacks on shares: while they travel, on who gets them, and on what they are shares of.
 * @module
 */
import type { Bodies } from '../../../src/aggregation/secure/messages.ts';
import { sha256 } from '../../../src/crypto/index.ts';
import { testSession } from '../../support/secaggCohort.ts';
import type { Attack, Code, Edit } from '../support/attack.ts';
import { Loot } from '../support/loot.ts';
import { answered, Scene } from '../support/scene.ts';

const CLIENT = 'aggregation/secure/client.ts';
const SHARING = 'aggregation/secure/sharing.ts';

const NO_AGREEMENT: Edit = {
  file: SHARING,
  text: 'const shared = agree(keys, peerKey);',
  becomes: 'void agree(keys, peerKey); const shared = new Uint8Array(32);',
};
/** What binds a sealed share to the pair of pods it is between. */
const UNBOUND: readonly Edit[] = [
  { file: SHARING, text: "frame('channel', from, to)", becomes: "frame('channel')" },
  { file: SHARING, text: 'session.ctx, from, to, ...commitments', becomes: 'session.ctx, ...commitments' },
  { file: SHARING, text: 'session.ctx, kind, dealer, to, share', becomes: 'session.ctx, kind, share' },
];

/** A cohort with one pod more than there are evaluation points. */
const LARGE = {
  roster: Array.from({ length: 256 }, (_, i) => ({ name: `pod-${i}`, publicKey: sha256(Uint8Array.of(i)) })),
};

type Entry = Bodies['inbox']['entries'][number];
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, bytes[at]! ^ 1);

/** A colluding dealer's entry for `to`, with the share of b replaced and everything else to match. */
function resealed(scene: Scene, dealer: number, to: number, commitments: 'honest' | 'other'): Entry {
  const { code, session, pods } = scene;
  const { channelKey } = scene.read('advertise', scene.adverts.get(to)!);
  const shared = code.agree(code.agreementKeyOf(pods[dealer]!.kept[3]!), channelKey);
  const key = code.hkdf(shared, session.ctx, code.frame('channel', dealer, to), 32);
  const entry = scene.dealt.get(dealer)!.entries.find(({ pod }) => pod === to)!;
  const shares = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
  const committed = commitments === 'other' ? [flipped(shares[0], 0), shares[1]] : shares;
  const selfCommitment = code.commitShare(session, 'self', dealer, to, committed[0]);
  const keyCommitment = code.commitShare(session, 'key', dealer, to, committed[1]);
  const label = `${code.PROTOCOL_LABEL}/sealed`;
  const aad = code.frame(label, session.ctx, dealer, to, selfCommitment, keyCommitment);
  const sealed = code.seal(key, entry.nonce, code.concatBytes(...shares), aad);
  return { ...entry, pod: dealer, selfCommitment, keyCommitment, sealed };
}

/** Gathers what the victim dealt by opening every entry with `open`, and unmasks its vector. */
function readInPassing(code: Code) {
  const scene = new Scene(code).run('uploads');
  const { session } = scene;
  const loot = new Loot(scene);
  for (const { pod, nonce, sealed, selfCommitment, keyCommitment } of scene.dealt.get(0)!.entries) {
    const key = code.hkdf(new Uint8Array(32), session.ctx, code.frame('channel', 0, pod), 32);
    const label = `${code.PROTOCOL_LABEL}/sealed`;
    const aad = code.frame(label, session.ctx, 0, pod, selfCommitment, keyCommitment);
    const plain = code.open(key, nonce, sealed, aad);
    if (plain === null) continue;
    loot.add('self', pod, plain.subarray(0, 32));
    loot.add('key', pod, plain.subarray(32));
  }
  return loot.outcome();
}

export const DEALING_ATTACKS: readonly Attack[] = [
  {
    name: 'coordinator reads the shares it carries and unmasks the victim',
    family: 'share interception',
    adversary: 'coordinator, broker',
    defence: [NO_AGREEMENT],
    code: null,
    mount: readInPassing,
  },
  {
    name: 'coordinator forwards all shares to a colluding pod, which opens them',
    family: 'share forwarding',
    adversary: 'coordinator and one pod',
    defence: [NO_AGREEMENT],
    code: null,
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('uploads');
      const loot = new Loot(scene);
      for (const holder of [0, 1, 2, 3]) loot.open(holder, scene.pods[3]!);
      return loot.outcome();
    },
  },
  {
    name: 'coordinator hands the victim a share that was dealt to another pod',
    family: 'share forwarding',
    adversary: 'coordinator',
    defence: [NO_AGREEMENT, ...UNBOUND],
    code: 'AGG_BAD_SHARE',
    mount(code) {
      const scene = new Scene(code).run('shares');
      const mine = scene.inbox(0).entries;
      const theirs = scene.inbox(1).entries;
      return answered(scene.upload(scene.victim, { entries: mine.with(2, theirs[2]!) }));
    },
  },
  {
    name: "coordinator reflects the victim's own shares to it as another pod's, and is given one of its mask key",
    family: 'share forwarding',
    adversary: 'coordinator',
    defence: UNBOUND,
    code: 'AGG_BAD_SHARE',
    mount(code) {
      const scene = new Scene(code).run('shares');
      const own = scene.dealt.get(0)!.entries[3]!;
      const reflected = { entries: scene.inbox(0).entries.with(3, { ...own, pod: 3 }) };
      const answer = scene.upload(scene.victim, reflected);
      if (answer.code) return answered(answer);
      for (const pod of scene.pods.slice(1)) scene.upload(pod);
      // pod 3 is declared lost: the victim releases "its" key share, and lives
      for (const i of [0, 1, 2]) scene.sign(scene.pods[i]!, scene.survivors([0, 1, 2]));
      scene.release(scene.victim);
      const { share, kind } = scene.released.get(0)!.shares[3]!;
      const isOwn = code.equalBytes(code.commitShare(scene.session, 'key', 0, 3, share), own.keyCommitment);
      return { succeeded: kind === 'key' && isOwn, code: null };
    },
  },
  {
    name: 'broker flips a bit of a sealed share',
    family: 'malformed shares',
    adversary: 'coordinator, broker',
    defence: [
      { file: 'crypto/primitives.ts', text: ', decipher.final());\n  } catch {', becomes: ');\n  } catch {' },
      { file: SHARING, text: 'return honest ? pair : null;', becomes: 'return honest ? pair : pair;' },
    ],
    code: 'AGG_BAD_SHARE',
    mount(code) {
      const scene = new Scene(code).run('shares');
      const { entries } = scene.inbox(0);
      const altered = { ...entries[2]!, sealed: flipped(entries[2]!.sealed, 5) };
      return answered(scene.upload(scene.victim, { entries: entries.with(2, altered) }));
    },
  },
  {
    name: 'a dealer commits to other shares than it deals, so that an honest pod is blamed for what it returns',
    family: 'malformed shares',
    adversary: 'one pod',
    defence: [{ file: SHARING, text: 'return honest ? pair : null;', becomes: 'return honest ? pair : pair;' }],
    code: 'AGG_BAD_SHARE',
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('shares');
      const { entries } = scene.inbox(0);
      const answer = scene.upload(scene.victim, { entries: entries.with(3, resealed(scene, 3, 0, 'other')) });
      return answered(answer);
    },
  },
  {
    name: 'coordinator leaves the victim without a share of its own secrets',
    family: 'cohort too small',
    adversary: 'coordinator',
    defence: [
      {
        file: CLIENT,
        text: "require(entries.some(({ pod }) => pod === self), 'inbox lacks our own shares');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { n: 5 }).run('shares');
      return answered(scene.upload(scene.victim, scene.inbox(0, [1, 2, 3, 4])));
    },
  },
  {
    name: 'coordinator names a dealer outside the roster, and the victim crashes with its secrets in memory',
    family: 'malformed messages',
    adversary: 'coordinator',
    defence: [
      {
        file: CLIENT,
        text: "require(entries.every(({ pod }) => adverts.has(pod)), 'inbox has a dealer outside the roster');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code).run('shares');
      const { entries } = scene.inbox(0);
      try {
        return answered(scene.upload(scene.victim, { entries: [...entries, { ...entries[3]!, pod: 9 }] }));
      } catch (error) {
        if (error instanceof TypeError) return { succeeded: true, code: null };
        throw error;
      }
    },
  },
  {
    name: 'coordinator lets the victim mask with colluders only, and unmasks it with the help of honest pods',
    family: 'cohort too small',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "requireEnough(isSparse(session) ? session.t : session.minSurvivors, entries.length, 'inbox');",
        becomes: '',
      },
    ],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('shares');
      const { code: refused } = scene.upload(scene.victim, scene.inbox(0, [0, 3]));
      if (refused) return { succeeded: false, code: refused };
      // everybody else sees an ordinary attempt, in which the victim survives and its b is rebuilt
      for (const pod of scene.pods.slice(1)) scene.upload(pod);
      for (const pod of scene.pods.slice(1)) scene.sign(pod);
      for (const pod of scene.pods.slice(1)) scene.release(pod);
      const loot = new Loot(scene);
      for (const pod of [1, 2, 3]) loot.addReleased(pod);
      loot.maskSecrets.set(3, scene.pods[3]!.kept[2]!);
      return loot.outcome(null, [0, 3]);
    },
  },
  {
    name: 't − 1 colluding pods and the coordinator pool all they have after an ordinary sum',
    family: 'collusion of t − 1 pods',
    adversary: 'coordinator and two pods',
    defence: [
      {
        file: 'crypto/shamir.ts',
        text: 'for (let k = 0, power = 1; k < threshold; k++',
        becomes: 'for (let k = 0, power = 1; k < threshold - 1; k++',
      },
    ],
    code: null,
    mount(code) {
      const scene = new Scene(code, { corrupt: [2, 3] }).run('release');
      const loot = new Loot(scene);
      loot.addDealtToColluders();
      for (const pod of scene.pods) loot.addReleased(pod.index);
      loot.threshold = scene.session.t - 1;
      return loot.outcome();
    },
  },
  {
    name: 'one colluding pod rebuilds secrets from its share alone',
    family: 'collusion of t − 1 pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: 'crypto/shamir.ts',
        text: 'const randomness = random(SECRET_BYTES * (threshold - 1));',
        becomes: 'const randomness = random(SECRET_BYTES * (threshold - 1)).fill(0);',
      },
    ],
    code: null,
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] }).run('uploads');
      const loot = new Loot(scene);
      loot.addDealtToColluders();
      loot.threshold = 1;
      return loot.outcome();
    },
  },
  {
    name: 'a cohort has more pods than the field has points, so that two of them hold the same share',
    family: 'shares outside the field',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: 'aggregation/secure/parameters.ts',
        text: 'const MAX_HOLDERS = 255;',
        becomes: 'const MAX_HOLDERS = 999;',
      },
      { file: 'crypto/shamir.ts', text: 'x >= 1 && x <= 255', becomes: 'x >= 1' },
    ],
    code: 'CONFIG_INVALID',
    mount(code) {
      const session = code.openSession({ ...testSession(4, 4), ...LARGE, assumptions: { graph: 'complete' } });
      const points = session.roster.map((_, position) => code.pointAt(position));
      // x⁸ = x⁴ + x³ + x + 1: point 256 is point 27
      const shares = code.splitSecret(code.randomBytes(32), session.t, points, code.randomBytes);
      return { succeeded: code.equalBytes(shares[255]!, shares[26]!), code: null };
    },
  },
];
