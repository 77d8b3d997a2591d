/**
 * Attacks on neighbour graphs: the coordinator wants colluders around the victim.
 * @module
 */
import { sha256 } from '../../../src/crypto/index.ts';
import { nonceOf, podNames, testSession } from '../../support/secaggCohort.ts';
import type { Attack, Code, Edit } from '../support/attack.ts';
import { Loot } from '../support/loot.ts';
import { answered, Pod, Scene, WORDS } from '../support/scene.ts';

const N = 36;
const CLIENT = 'aggregation/secure/client.ts';
const COMMITMENT_CHECK: Edit = {
  file: 'aggregation/secure/graph.ts',
  text: 'if (!equalBytes(commitNonce(nonce), session.commitments!.get(name)!))',
  becomes: 'if (false)',
};

/** A sparse cohort: its victim, the graph, and pods as they are needed, each a machine of its own. */
class Sparse {
  readonly code: Code;
  readonly session = testSession(N, WORDS, { assumptions: { colluding: 0.05, dropouts: 0.05 } });
  readonly nonces = podNames(N).map((name) => nonceOf(name, 0));
  readonly #pods = new Map<number, Pod>();
  readonly #say: Scene['say'];

  constructor(code: Code) {
    this.code = code;
    // for its voice only: a coordinator's key is the same in every cohort
    this.#say = (type, body) => Scene.prototype.say.call({ code, session: this.session }, type, body, this.session);
  }

  pod(index: number): Pod {
    const known = this.#pods.get(index) ?? new Pod(this.code, this.session, index);
    this.#pods.set(index, known);
    return known;
  }

  holdersOf(pod: number, nonces = this.nonces): readonly number[] {
    return this.code.drawGraph(this.session, nonces)[pod]!;
  }

  tellRoster(pod: number, holders: readonly number[], nonces: readonly Uint8Array[] = this.nonces) {
    const sorted = [...holders].sort((a, b) => a - b);
    const messages = sorted.map((holder) => this.pod(holder).advert);
    return this.pod(pod).tell(this.#say('roster', { nonces, messages }));
  }

  tellInbox(pod: number, dealers: readonly { dealer: number; shares: Uint8Array }[]) {
    const entries = dealers.map(({ dealer, shares }) => {
      const { entries: dealt } = this.code.rereadMessage('shares', shares);
      return { ...dealt.find((entry) => entry.pod === pod)!, pod: dealer };
    });
    return this.pod(pod).tell(this.#say('inbox', { entries }));
  }
}

export const GRAPH_ATTACKS: readonly Attack[] = [
  {
    name: 'a colluding pod chooses its nonce after it has seen all others, to be the neighbour of the victim',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [COMMITMENT_CHECK],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const sparse = new Sparse(code);
      for (let tries = 0; ; tries++) {
        const nonces = sparse.nonces.with(N - 1, sha256(Uint8Array.of(tries)));
        const holders = sparse.holdersOf(0, nonces);
        if (holders.includes(N - 1)) return answered(sparse.tellRoster(0, holders, nonces));
      }
    },
  },
  {
    name: 'coordinator leaves out nonces until the graph suits it',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "require(nonces.length === (isSparse(session) ? session.n : 0), 'roster has a wrong number of nonces');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const sparse = new Sparse(code);
      const nonces = sparse.nonces.slice(0, N - 1);
      return answered(sparse.tellRoster(0, sparse.holdersOf(0, nonces), nonces));
    },
  },
  {
    name: 'coordinator puts a colluder in the place of a neighbour, at the point where the polynomial is the secret',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "require(holders.includes(sender), 'roster has a pod that is no neighbour of ours');",
        becomes: '',
      },
      { file: 'crypto/shamir.ts', text: 'x >= 1 && x <= 255', becomes: 'x >= 0 && x <= 255' },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const sparse = new Sparse(code);
      const holders = sparse.holdersOf(0);
      const colluder = podNames(N).findIndex((_, i) => !holders.includes(i));
      const replaced = holders.find((holder) => holder !== 0)!;
      const roster = holders.filter((holder) => holder !== replaced).concat(colluder);
      const dealing = sparse.tellRoster(0, roster);
      if (!dealing.sent) return answered(dealing);
      // the colluder's share is the secret itself
      const pod = sparse.pod(colluder);
      const entry = code.rereadMessage('shares', dealing.sent).entries.find((one) => one.pod === colluder)!;
      const { channelKey, maskKey } = code.rereadMessage('advertise', sparse.pod(0).advert);
      const pair = code.openShares(sparse.session, colluder, code.agreementKeyOf(pod.kept[3]!), 0, channelKey, entry)!;
      const hasKey = code.equalBytes(code.agreementKeyOf(pair.key.slice()).publicKey, maskKey);
      // everybody else deals as always, and the victim uploads
      const dealers = roster
        .filter((dealer) => dealer !== 0 && dealer !== colluder)
        .map((dealer) => ({ dealer, shares: sparse.tellRoster(dealer, sparse.holdersOf(dealer)).sent! }))
        .concat({ dealer: 0, shares: dealing.sent })
        .sort((a, b) => a.dealer - b.dealer);
      sparse.tellInbox(0, dealers);
      const scene = new Scene(code);
      Object.assign(scene, { session: sparse.session, pods: [sparse.pod(0)] });
      for (const { dealer } of dealers) scene.adverts.set(dealer, sparse.pod(dealer).advert);
      const loot = new Loot(scene);
      Object.assign(loot, { selfSeed: pair.self, maskSecret: pair.key });
      const unmasked = loot.outcome(
        null,
        dealers.map(({ dealer }) => dealer),
      );
      return { succeeded: hasKey && unmasked.succeeded, code: null };
    },
  },
  {
    name: 'coordinator hides neighbours from the victim, so that colluders are more of the rest',
    family: 'cohort too small',
    adversary: 'coordinator and one pod',
    defence: [
      {
        file: CLIENT,
        text: "requireEnough(isSparse(session) ? holders.length : session.minSurvivors, quoted.length, 'roster');",
        becomes: '',
      },
    ],
    code: 'AGG_TOO_FEW_SURVIVORS',
    mount(code) {
      const sparse = new Sparse(code);
      const own = sparse.holdersOf(0).filter((holder) => holder !== 0);
      return answered(sparse.tellRoster(0, [0, ...own.slice(0, sparse.session.t - 1)]));
    },
  },
  {
    name: 'coordinator shows the victim a graph that other pods do not have',
    family: 'different lists to different pods',
    adversary: 'coordinator',
    defence: [
      COMMITMENT_CHECK,
      {
        file: CLIENT,
        text: "require(holders.includes(sender), 'roster has a pod that is no neighbour of ours');",
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const sparse = new Sparse(code);
      const nonces = sparse.nonces.map((nonce, i) => (i === 0 ? nonce : sha256(nonce)));
      return answered(sparse.tellRoster(0, sparse.holdersOf(0, nonces), nonces));
    },
  },
];
