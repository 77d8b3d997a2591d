/**
 * What is left of secrets where an adversary may look later: a pod's memory, its logs, its errors.
 * @module
 */
import { inspect } from 'node:util';
import type { Bodies } from '../../../src/aggregation/secure/messages.ts';
import { identityOf, podNames } from '../../support/secaggCohort.ts';
import type { Attack, Code } from '../support/attack.ts';
import { Loot, secretsIn } from '../support/loot.ts';
import { coordinateSum, sumPods, sumSession } from '../support/podSums.ts';
import { drawnDuring, showsSecret } from '../support/randomness.ts';
import { Pod, Scene } from '../support/scene.ts';

const CLIENT = 'aggregation/secure/client.ts';

/** Every way in which an error or a state could come into a log line, without white space. */
const printed = (thing: unknown): string =>
  `${inspect(thing, { depth: 9, showHidden: true, maxArrayLength: 40 })} ${JSON.stringify(thing)} ${String(thing)}`.replace(
    /\s+/g,
    '',
  );

const leaks = ({ logs, secrets }: Told): boolean => showsSecret(logs.join(' '), secrets);

/** What operators are told, and what they must not be. */
interface Told {
  readonly logs: readonly string[];
  readonly secrets: readonly Uint8Array[];
}

/** All errors a pod can be driven to, and states on the way. */
function provoke(code: Code): Told {
  const logs: string[] = [];
  const secrets: Uint8Array[] = [];
  const watch = (pod: Pod): void => {
    logs.push(printed(pod.state), ...pod.errors.map((error) => printed(error) + printed(error.facts)));
    secrets.push(...pod.kept);
  };
  const stages: ((scene: Scene) => void)[] = [
    (scene) => scene.share(scene.victim, scene.roster([1, 2, 3])),
    (scene) => scene.share(scene.victim, scene.roster([0, 1])),
    (scene) => {
      scene.run('shares');
      const { entries } = scene.inbox(0);
      scene.upload(scene.victim, { entries: entries.with(1, { ...entries[1]!, sealed: new Uint8Array(80) }) });
    },
    (scene) => scene.upload(scene.run('shares').victim),
    (scene) => scene.sign(scene.run('uploads').victim, scene.survivors([1, 2, 3])),
    (scene) => scene.release(scene.run('signatures').victim, scene.proof([0])),
    (scene) => scene.victim.tell(new Uint8Array(300)),
  ];
  for (const stage of stages) {
    const scene = new Scene(code);
    stage(scene);
    watch(scene.victim);
  }
  const { session } = new Scene(code);
  const identity = identityOf('mallory');
  secrets.push(identity.secret, identityOf('pod-00').secret);
  const attempts = [
    () => code.startClient({ session, self: 'pod-00', identity }, () => code.randomBytes(32)),
    () => code.agree(identity, new Uint8Array(32)),
    () => code.splitSecret(identity.secret, 9, [1, 2], () => code.randomBytes(32)),
    () => code.reconstructor([1, 1]),
  ];
  for (const attempt of attempts)
    try {
      attempt();
    } catch (error) {
      logs.push(printed(error), printed((error as Error).cause));
    }
  return { logs, secrets };
}

/** All that pods and coordinator tell their operators of sums, good and bad, with what was really drawn for them. */
async function overhear(code: Code): Promise<Told> {
  const logs: string[] = [];
  const stages: unknown[] = [];
  const record = (stage: unknown): void => void stages.push(stage);
  const drawn = await drawnDuring(async () => {
    const good = sumPods(code, { record });
    logs.push(printed({ ...(await coordinateSum(code, good, 0)), lanes: null }));
    const spoilt = sumPods(code, { record });
    logs.push(printed(await coordinateSum(code, spoilt, 0, (vector) => vector.slice(4))));
    const cheated = sumPods(code, { record });
    const [victim] = cheated;
    const say = <K extends 'roster' | 'inbox'>(type: K, body: Bodies[K]): Uint8Array =>
      code.encodeMessage(sumSession(code, cheated, 0), type, code.COORDINATOR, identityOf('coordinator'), body);
    for (const { sum } of cheated) sum.open(0, podNames(4));
    const roster = say('roster', { nonces: [], messages: cheated.map(({ sent }) => sent[0]!.body) });
    for (const { sum } of cheated) sum.receive(0, roster);
    const entries = cheated.map(({ sent }, pod) => ({
      ...code.rereadMessage('shares', sent[1]!.body).entries[0]!,
      ...{ pod, sealed: new Uint8Array(80) },
    }));
    victim!.sum.receive(0, say('inbox', { entries }));
    for (const { events, sum } of [...good, ...spoilt, ...cheated]) {
      logs.push(printed(sum));
      for (const [event, error] of events)
        logs.push(event, printed(error), printed(error?.facts), printed(error?.cause));
    }
  });
  return { logs: [...logs, printed(stages)], secrets: drawn.filter(({ length }) => length >= 20) };
}

export const MEMORY_ATTACKS: readonly Attack[] = [
  {
    name: "the pod's memory is seized after the upload",
    family: 'forward secrecy',
    adversary: 'coordinator, later the machine of the pod',
    defence: [
      { file: CLIENT, text: 'wipeSecrets(secrets); // our own shares of them', becomes: '// our own shares of them' },
    ],
    code: null,
    mount(code) {
      const scene = new Scene(code).run('uploads');
      const loot = new Loot(scene);
      Object.assign(loot, secretsIn(scene.victim.drawn));
      return loot.outcome();
    },
  },
  {
    name: "a pod's memory is seized after it gave up",
    family: 'forward secrecy',
    adversary: 'coordinator, later the machine of the pod',
    defence: [{ file: CLIENT, text: 'wipeSecrets(interior.secrets);\n', becomes: '\n' }],
    code: null,
    mount(code) {
      const scene = new Scene(code).run('shares');
      scene.sign(scene.victim, { uploads: [] });
      const { state } = code.stepClient(scene.victim.state, { type: 'abort' });
      const left = scene.victim.drawn.some((secret) => secret.some((byte) => byte !== 0));
      return { succeeded: state.phase === 'aborted' && left, code: null };
    },
  },
  {
    name: "the other pods' memory is seized after the sum: the shares they did not release unmask the victim",
    family: 'forward secrecy',
    adversary: 'coordinator, later the machines of t pods',
    defence: [
      {
        file: CLIENT,
        text: "wipeShares(interior.shares);\n  return {\n    phase: 'released',\n    interior: { ...interior, shares: new Map() },",
        becomes: "return {\n    phase: 'released',\n    interior,",
      },
    ],
    code: null,
    mount(code) {
      const scene = new Scene(code).run('release');
      const loot = new Loot(scene);
      for (const pod of scene.pods) {
        loot.addReleased(pod.index);
        const left = pod.state.interior.reveal().shares.get(0);
        if (left) loot.add('key', pod.index, left.key);
      }
      return loot.outcome();
    },
  },
  {
    name: "a pod's state is written to a log",
    family: 'logs and errors',
    adversary: 'whoever reads logs',
    defence: [
      {
        file: CLIENT,
        text: 'readonly #value: T;\n  constructor(value: T) {\n    this.#value = value;\n  }\n  reveal(): T {\n    return this.#value;',
        becomes:
          'readonly value: T;\n  constructor(value: T) {\n    this.value = value;\n  }\n  reveal(): T {\n    return this.value;',
      },
    ],
    code: null,
    mount(code) {
      return { succeeded: leaks(provoke(code)), code: null };
    },
  },
  {
    name: 'an error message or its facts carry a secret',
    family: 'logs and errors',
    adversary: 'whoever reads logs',
    defence: [
      {
        file: CLIENT,
        text: '`pod ${config.self} with this identity is not in the roster`',
        becomes: '`pod ${config.self} with identity ${identity.secret.join()} is not in the roster`',
      },
    ],
    code: null,
    mount(code) {
      return { succeeded: leaks(provoke(code)), code: null };
    },
  },
  {
    name: 'what pods and coordinator tell their operators of sums, good and bad, carries a secret that was drawn for them',
    family: 'logs and errors',
    adversary: 'whoever reads logs',
    defence: [
      {
        file: CLIENT,
        text: 'throw new DealerFault(session, dealer);',
        becomes:
          "throw new KonsilError('AGG_BAD_SHARE', `cannot open with ${Buffer.from(secrets.channel.secret).toString('hex')}`);",
      },
    ],
    code: null,
    mount: async (code) => ({ succeeded: leaks(await overhear(code)), code: null }),
  },
];
