/**
 * Keys and signatures with several encodings, or of an order that makes them mean more than they should.
 * @module
 */
import { frame } from '../../../src/base/index.ts';
import { identityOf } from '../../support/secaggCohort.ts';
import type { Attack } from '../support/attack.ts';
import { malleated } from '../support/points.ts';
import { Scene } from '../support/scene.ts';

export const ENCODING_ATTACKS: readonly Attack[] = [
  {
    name: "broker gives the coordinator's message a second valid signature, and the victim sees equivocation",
    family: 'non-canonical encodings',
    adversary: 'broker',
    defence: [
      {
        file: 'crypto/primitives.ts',
        text: "return edVerify(null, message, publicKeyObject('Ed25519', publicKey), signature);",
        // as a library does that reduces S before it looks at it
        becomes: `const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt('0x' + Buffer.from(signature.slice(32)).reverse().toString('hex')) % order;
    const reduced = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    const canonical = Buffer.concat([signature.slice(0, 32), reduced]);
    return edVerify(null, message, publicKeyObject('Ed25519', publicKey), canonical);`,
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const scene = new Scene(code);
      const roster = scene.say('roster', scene.roster());
      scene.victim.tell(roster);
      const twin = new Uint8Array([...roster.slice(0, -64), ...malleated(roster.slice(-64))]);
      const { code: refused } = scene.victim.tell(twin);
      return { succeeded: scene.victim.state.phase === 'aborted', code: refused };
    },
  },
  {
    name: 'a pod enrols with a signing key of small order, under which one signature holds for every message',
    family: 'low-order points',
    adversary: 'one pod',
    defence: [
      {
        file: 'crypto/identity.ts',
        text: "if (!isPrimeOrderPoint(signing)) throw bad('the signing key is not a point of prime order');",
        becomes: '',
      },
    ],
    code: 'KEY_INVALID',
    mount(code) {
      // the neutral element: R = A = 0, S = 0 satisfies S·B = R + h·A for every h
      const neutral = new Uint8Array(32);
      neutral[0] = 1;
      const signature = new Uint8Array(64);
      signature[0] = 1;
      const { publicKey } = identityOf('agreement');
      const line = `konsil-public-v1:${code.toBase64Url(code.concatBytes(neutral, publicKey, signature))}`;
      const { signing } = code.importPublic(line);
      const holds = ['one message', 'another'].every((text) => code.verify(signing, frame(text), signature));
      return { succeeded: holds, code: null };
    },
  },
];
