/**
 * Attacks on whose keys a pod masks and deals with: what it is told of the cohort.
 * @module
 */
import { identityOf, testSession } from '../../support/secaggCohort.ts';
import type { Attack, Code } from '../support/attack.ts';
import { Loot } from '../support/loot.ts';
import { answered, Pod, Scene } from '../support/scene.ts';

const SIGNATURE_CHECK = {
  file: 'aggregation/secure/messages.ts',
  text: 'if (publicKey === undefined || !verify(publicKey, signed, bytes.subarray(signedEnd)))',
  becomes: 'if (publicKey === undefined)',
};

/** The victim is shown a cohort of pods that are all the coordinator: it keeps their secrets. */
function substitute(code: Code) {
  const scene = new Scene(code);
  const { victim, session } = scene;
  // the coordinator's own pods in the others' places, signed with its own key
  const puppets = [1, 2, 3].map((i) => new Pod(code, session, i, { random: () => (n) => code.randomBytes(n) }));
  for (const { index, advert } of puppets) {
    const body = scene.read('advertise', advert);
    scene.adverts.set(index, scene.speak(index, 'advertise', body, 'coordinator'));
  }
  const dealing = scene.share(victim);
  if (!dealing.sent) return answered(dealing);
  for (const puppet of puppets) {
    const { sent } = puppet.tell(
      scene.say('roster', { nonces: [], messages: [victim.advert, ...puppets.map((p) => p.advert)] }),
    );
    scene.dealt.set(puppet.index, scene.read('shares', sent!));
  }
  const loot = new Loot(scene);
  for (const puppet of puppets) {
    loot.maskSecrets.set(puppet.index, puppet.kept[2]!);
    loot.open(puppet.index, puppet);
  }
  const upload = scene.upload(victim);
  return loot.outcome(upload.code);
}

/** An advertise message of an index nobody in the roster vouches for. */
function strangerIn(code: Code) {
  const scene = new Scene(code);
  const stranger = scene.read('advertise', new Pod(code, scene.session, 3, { random: () => code.randomBytes }).advert);
  const messages = [...scene.roster().messages, scene.speak(4, 'advertise', stranger, 'mallory')];
  const { sent, code: refused } = scene.victim.tell(scene.say('roster', { nonces: [], messages }));
  return { succeeded: sent !== null, code: refused };
}

export const KEY_ATTACKS: readonly Attack[] = [
  {
    name: 'coordinator puts its own keys in the place of all other pods and unmasks the victim alone',
    family: 'key substitution',
    adversary: 'coordinator',
    defence: [SIGNATURE_CHECK],
    code: 'AGG_BAD_MESSAGE',
    mount: substitute,
  },
  {
    name: 'coordinator forges a message of an honest pod, and the same in the name of the coordinator by the broker',
    family: 'forgery',
    adversary: 'broker',
    defence: [SIGNATURE_CHECK],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code);
      const forged = code.encodeMessage(
        scene.session,
        'roster',
        code.COORDINATOR,
        identityOf('broker'),
        scene.roster(),
      );
      return answered(scene.victim.tell(forged));
    },
  },
  {
    name: 'coordinator adds a pod from outside the cohort to the roster',
    family: 'sybil pods',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/messages.ts',
        text: "if (sender >= session.n) throw malformed('quoted message is not from a pod');",
        becomes: 'if (sender >= session.n) return { sender, bytes, body: rereadMessage(type, bytes) };',
      },
      {
        file: 'aggregation/secure/client.ts',
        text: "require(holders.includes(sender), 'roster has a pod that is no neighbour of ours');\n    checkSameModel(session, sender, body);",
        becomes: '',
      },
      { file: 'crypto/shamir.ts', text: 'Number.isInteger(x) && x >= 1 && x <= 255', becomes: 'Number.isInteger(x)' },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount: strangerIn,
  },
  {
    name: 'one party behind three names of the roster holds t shares by itself',
    family: 'sybil pods',
    adversary: 'coordinator and one pod key',
    defence: [
      {
        file: 'aggregation/secure/context.ts',
        text: 'if (names.size !== roster.length || keys.size !== roster.length + 1)',
        becomes: 'if (names.size !== roster.length)',
      },
    ],
    code: 'CONFIG_INVALID',
    mount(code) {
      const { publicKey } = identityOf('pod-01');
      const session = testSession(4, 8);
      const roster = session.roster.map((member, i) => (i === 0 ? member : { ...member, publicKey }));
      // one secret key signs for all three: the sybils' own machines are not needed beyond their keys
      const sybil = code.openSession({ ...session, roster });
      const scene = new Scene(code, { corrupt: [1, 2, 3] });
      Object.assign(scene, { session: sybil });
      const victim = new Pod(code, sybil, 0);
      scene.adverts.set(0, victim.advert);
      for (const i of [1, 2, 3]) {
        const body = scene.read('advertise', scene.pods[i]!.advert);
        scene.adverts.set(i, scene.speak(i, 'advertise', body, 'pod-01'));
      }
      Object.assign(scene, { pods: [victim, ...scene.pods.slice(1)] });
      scene.share(victim);
      const loot = new Loot(scene);
      loot.addDealtToColluders();
      const stolen = loot.rebuilt('key');
      const matches = stolen !== null && code.equalBytes(code.agreementKeyOf(stolen).publicKey, scene.maskKeyOf(0));
      return { succeeded: matches, code: null };
    },
  },
  {
    name: 'coordinator is also a pod of the cohort it sums',
    family: 'sybil pods',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/context.ts',
        text: 'keys.size !== roster.length + 1',
        becomes: 'keys.size < roster.length',
      },
    ],
    code: 'CONFIG_INVALID',
    mount(code) {
      const session = testSession(4, 8);
      const { publicKey } = identityOf('coordinator');
      code.openSession({ ...session, roster: session.roster.with(3, { name: 'pod-03', publicKey }) });
      return { succeeded: true, code: null };
    },
  },
  {
    name: 'two colluding pods advertise one key, so that one answer counts for both',
    family: 'sybil pods',
    adversary: 'coordinator and two pods',
    defence: [
      {
        file: 'aggregation/secure/checks.ts',
        text: "if (seen.has(point)) throw new KonsilError('AGG_BAD_MESSAGE', 'advertised key is used twice');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { corrupt: [2, 3] });
      const copied = scene.read('advertise', scene.pods[2]!.advert);
      scene.adverts.set(3, scene.speak(3, 'advertise', copied));
      return answered(scene.share(scene.victim));
    },
  },
  {
    name: 'the same with another encoding of the key',
    family: 'non-canonical encodings',
    adversary: 'coordinator and two pods',
    defence: [
      { file: 'aggregation/secure/checks.ts', text: 'agreementPointOf(key); // one', becomes: 'toHex(key); // one' },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { corrupt: [2, 3] });
      const { maskKey, channelKey, ...body } = scene.read('advertise', scene.pods[2]!.advert);
      const marked = (key: Uint8Array): Uint8Array => key.with(31, key[31]! | 0x80); // X25519 does not read this bit
      const copied = { ...body, maskKey: marked(maskKey), channelKey: marked(channelKey) };
      scene.adverts.set(3, scene.speak(3, 'advertise', copied));
      return answered(scene.share(scene.victim));
    },
  },
  {
    name: 'a pod advertises a mask key of small order, and outsiders know its masks with everybody',
    family: 'low-order points',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: 'crypto/primitives.ts',
        text: "throw new KonsilError('KEY_INVALID', 'key agreement failed: not a usable X25519 public key', {}, { cause });",
        becomes: 'void cause; return new Uint8Array(32);',
      },
    ],
    code: 'KEY_INVALID',
    mount(code) {
      const scene = new Scene(code, { corrupt: [3] });
      const body = { ...scene.read('advertise', scene.adverts.get(3)!), maskKey: new Uint8Array(32) };
      scene.adverts.set(3, scene.speak(3, 'advertise', body));
      for (const pod of scene.pods) {
        // the cheat's own machine is shown its own keys
        const messages = pod.index === 3 ? scene.roster().messages.with(3, pod.advert) : scene.roster().messages;
        const answer = scene.share(pod, { nonces: [], messages });
        if (!answer.sent) return answered(answer);
      }
      scene.upload(scene.victim);
      // computed from public values alone
      const guess = code.hkdf(new Uint8Array(32), scene.session.ctx, code.frame('mask', 0, 3), 32);
      return { succeeded: scene.victim.handed[0]!.some(({ key }) => code.equalBytes(key, guess)), code: null };
    },
  },
  {
    name: "coordinator replaces the victim's own keys by others that the victim signed before it was rolled back",
    family: 'key substitution',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/client.ts',
        text: "require(own !== undefined && equalBytes(own.bytes, interior.ownAdvert), 'roster lacks or alters our own keys');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code);
      const before = new Pod(code, scene.session, 0, { random: () => code.randomBytes });
      scene.adverts.set(0, before.advert);
      return answered(scene.share(scene.victim));
    },
  },
  {
    name: 'coordinator shows the victim a cohort without itself',
    family: 'key substitution',
    adversary: 'coordinator',
    defence: [
      {
        file: 'aggregation/secure/client.ts',
        text: "require(own !== undefined && equalBytes(own.bytes, interior.ownAdvert), 'roster lacks or alters our own keys');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { n: 5 });
      return answered(scene.share(scene.victim, scene.roster([1, 2, 3, 4])));
    },
  },
  {
    name: 'one pod fills two places of the roster',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: 'aggregation/secure/messages.ts',
        text: 'key(items[i - 1]!) >= key(item)',
        becomes: 'key(items[i - 1]!) > key(item)',
      },
      {
        file: 'aggregation/secure/checks.ts',
        text: "if (seen.has(point)) throw new KonsilError('AGG_BAD_MESSAGE', 'advertised key is used twice');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code, { n: 7, corrupt: [5], session: { minimum: 7 } });
      // seven entries, six pods: below the smallest cohort in truth
      return answered(scene.share(scene.victim, scene.roster([0, 1, 2, 3, 4, 5, 5])));
    },
  },
  {
    name: 'coordinator shows the victim a cohort so small that colluders can subtract themselves',
    family: 'cohort too small',
    adversary: 'coordinator and one pod',
    defence: [{ file: 'aggregation/secure/client.ts', text: 'if (have < need)', becomes: 'if (have < 0)' }],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount(code) {
      const scene = new Scene(code, { n: 5, corrupt: [4], session: { minimum: 5 } });
      return answered(scene.share(scene.victim, scene.roster([0, 1, 3, 4])));
    },
  },
  {
    name: 'coordinator signs two rosters for one pod',
    family: 'equivocation',
    adversary: 'coordinator',
    defence: [
      { file: 'aggregation/secure/client.ts', text: 'if (answered !== undefined) {', becomes: 'if (false) {' },
      {
        file: 'aggregation/secure/client.ts',
        text: 'if (EXPECTS[state.phase] !== type)',
        becomes: 'if (false)',
      },
    ],
    code: 'AGG_EQUIVOCATION',
    mount(code) {
      const scene = new Scene(code, { n: 5 });
      scene.share(scene.victim);
      return answered(scene.share(scene.victim, scene.roster([0, 1, 2, 3])));
    },
  },
];
