/**
 * Attacks across the attempts of one sum, and on vectors between pod and coordinator.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podNames } from '../../support/secaggCohort.ts';
import type { Attack, Code, Outcome } from '../support/attack.ts';
import { coordinateSum, SPEC, type SumPod, sumPods } from '../support/podSums.ts';

const POD_HALF = 'protocols/secureSum/podHalf.ts';
const JOURNAL = 'participant/sumJournal.ts';
const COORDINATOR_HALF = 'protocols/secureSum/coordinatorHalf.ts';

const NAMES = podNames(4);
/** Sum of all but one taken from the sum of all, read as a sum over one pod. */
function difference(code: Code, all: Uint8Array, rest: Uint8Array) {
  const [x, y] = [all, rest].map((bytes) => new Uint32Array(bytes.slice().buffer));
  const words = x!.map((word, i) => word - y![i]!);
  return code.unpackLanes(code.bytesOf(words), SPEC, 1);
}

/** Whether a call was refused; anything it sent counts as success. */
function opened(pod: SumPod, attempt: number, cohort: readonly string[]): Outcome {
  const before = pod.sent.length;
  pod.sum.open(attempt, cohort);
  return { succeeded: pod.sent.length > before, code: null };
}

const notFinite = (name: string, value: number): Attack => ({
  name: `an update with ${name} is masked and spoils every coordinate it meets`,
  family: 'NaN and infinite updates',
  adversary: 'one pod, or its diverged training',
  defence: [{ file: 'aggregation/quantise.ts', text: 'if (!Number.isFinite(x))', becomes: 'if (false)' }],
  code: 'AGG_OVERFLOW',
  async mount(code) {
    const update = Float32Array.from([0, 0.5, value, 0, 0]);
    const pods = sumPods(code, { input: { update, weight: 10, extras: { loss: 0 }, counts: { hits: 0 } } });
    await coordinateSum(code, pods, 0);
    const error = pods[0]!.events.find(([event]) => event === 'aborted')?.[1];
    return { succeeded: pods[0]!.sent.some(({ vector }) => vector !== undefined), code: error?.code ?? null };
  },
});

/**
 * Two sums over the same numbers with pods that were stopped and started in between; the second lacks the victim.
 * @param rounds of the sums; the pods' own journals are told of both.
 */
async function sumBeforeAndAfterRestart(code: Code, rounds: readonly [number, number] = [1, 1]): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-journals-'));
  const started = (round: number): SumPod[] =>
    sumPods(code, { round }, (name) => {
      const journal = new code.SumJournal(join(folder, name));
      const fact = { fact: 'sum', run: 'run-1', sum: 'update 0', round, input: 'rows, parameters' } as const;
      return {
        judge: (survivors, colluding) => journal.objection(fact.input, survivors, colluding),
        record: (stage) => journal.append({ ...fact, ...stage, survivors: [...stage.survivors] }),
      };
    });
  try {
    const honest = (vector: Uint8Array): Uint8Array => vector;
    const all = await coordinateSum(code, started(rounds[0]), 0, honest, rounds[0]);
    const pods = started(rounds[1]);
    const rest = await coordinateSum(code, pods.slice(1), 0, honest, rounds[1]);
    if (!all.ok || !rest.ok) return { succeeded: false, code: null };
    const alone = difference(code, all.lanes, rest.lanes);
    const plain = code.unpackLanes(code.packLanes(pods[0]!.input, SPEC), SPEC, 1);
    return { succeeded: JSON.stringify(alone) === JSON.stringify(plain), code: null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const SUM_ATTACKS: readonly Attack[] = [
  {
    name: 'coordinator claims that a finished attempt failed, sums again without the victim and subtracts',
    family: 'cohort minus one',
    adversary: 'coordinator',
    defence: [
      {
        file: POD_HALF,
        text: "if (this.#spent) throw new KonsilError('PROTOCOL_VIOLATION', 'this pod already released shares for this sum');",
        becomes: '',
      },
    ],
    code: 'PROTOCOL_VIOLATION',
    async mount(code) {
      const pods = sumPods(code);
      const all = await coordinateSum(code, pods, 0);
      const rest = await coordinateSum(code, pods.slice(1), 1);
      if (!all.ok || !rest.ok) return { succeeded: false, code: null };
      const alone = difference(code, all.lanes, rest.lanes);
      const plain = code.unpackLanes(code.packLanes(pods[0]!.input, SPEC), SPEC, 1);
      return { succeeded: JSON.stringify(alone) === JSON.stringify(plain), code: null };
    },
  },
  {
    name: 'coordinator sums the same numbers over the cohort and the cohort minus one, in two runs',
    family: 'cohort minus one',
    adversary: 'coordinator',
    defence: [
      {
        file: JOURNAL,
        text: 'if (apart.length === 0 || apart.length >= colluding + 2) continue;',
        becomes: 'if (apart.length >= 0) continue;',
      },
    ],
    code: 'COHORT_TOO_CLOSE',
    mount: (code) => sumBeforeAndAfterRestart(code),
  },
  {
    name: 'the same in two rounds of one run',
    family: 'cohort minus one',
    adversary: 'coordinator',
    defence: [{ file: JOURNAL, text: 'apart.length >= colluding + 2', becomes: 'apart.length >= 1' }],
    code: 'COHORT_TOO_CLOSE',
    mount: (code) => sumBeforeAndAfterRestart(code, [1, 2]),
  },
  {
    name: 'the same after all pods were stopped and started: they must not have forgotten the first',
    family: 'asking twice, also after a restart',
    adversary: 'coordinator',
    defence: [
      {
        file: JOURNAL,
        text: 'for (const [i, line] of lines.entries()) this.#take(this.#parse(line, i + 1));',
        becomes: '',
      },
    ],
    code: 'COHORT_TOO_CLOSE',
    mount: (code) => sumBeforeAndAfterRestart(code),
  },
  {
    name: 'coordinator opens one attempt twice, with two cohorts',
    family: 'asking twice',
    adversary: 'coordinator',
    defence: [{ file: POD_HALF, text: 'if (attempt <= this.#attempt)', becomes: 'if (false)' }],
    code: 'PROTOCOL_VIOLATION',
    mount(code) {
      const [pod] = sumPods(code);
      pod!.sum.open(0, NAMES);
      return opened(pod!, 0, NAMES.slice(0, 3));
    },
  },
  {
    name: 'coordinator opens attempts until the neighbour graph suits it',
    family: 'sybil pods',
    adversary: 'coordinator and one pod',
    defence: [{ file: 'protocols/secureSum/nonces.ts', text: 'if (attempt >= MAX_ATTEMPTS)', becomes: 'if (false)' }],
    code: 'PROTOCOL_VIOLATION',
    mount(code) {
      const [pod] = sumPods(code);
      for (let attempt = 0; attempt < code.MAX_ATTEMPTS; attempt++) pod!.sum.open(attempt, NAMES);
      return opened(pod!, code.MAX_ATTEMPTS, NAMES);
    },
  },
  {
    name: 'coordinator forms a cohort below what the site agreed to',
    family: 'cohort too small',
    adversary: 'coordinator',
    defence: [{ file: POD_HALF, text: 'if (cohort.length < minimumCohort)', becomes: 'if (false)' }],
    code: 'COHORT_TOO_SMALL',
    mount: (code) => opened(sumPods(code, { minimumCohort: 4 })[0]!, 0, NAMES.slice(0, 3)),
  },
  {
    name: 'coordinator fills a cohort with one pod named twice',
    family: 'sybil pods',
    adversary: 'coordinator',
    defence: [{ file: POD_HALF, text: 'if (roster.length !== cohort.length || ', becomes: 'if (' }],
    code: 'PROTOCOL_VIOLATION',
    mount: (code) => opened(sumPods(code, { minimumCohort: 4 })[0]!, 0, ['pod-00', 'pod-01', 'pod-02', 'pod-02']),
  },
  {
    name: 'a pod whose disk is full signs for a sum that it would forget when restarted',
    family: 'asking twice, also after a restart',
    adversary: 'coordinator',
    defence: [
      {
        file: POD_HALF,
        text: "this.#options.onEvent('aborted', error);\n      return false;",
        becomes: "this.#options.onEvent('aborted', error);",
      },
    ],
    code: 'FILE_WRITE_FAILED',
    async mount(code) {
      const full = new code.KonsilError('FILE_WRITE_FAILED', 'disk is full');
      const pods = sumPods(code, {
        record: ({ stage }) => {
          if (stage === 'signed') throw full;
        },
      });
      await coordinateSum(code, pods, 0);
      const [pod] = pods;
      const signed = pod!.sent.some(({ body }) => code.peekMessage(body).type === 'consistency');
      return { succeeded: signed, code: pod!.events.at(-1)?.[1]?.code ?? null };
    },
  },
  notFinite('NaN', Number.NaN),
  notFinite('an infinity', Number.NEGATIVE_INFINITY),
  {
    name: 'broker swaps a masked vector for another of its length, and the sum is garbage',
    family: 'truncated and oversized vectors',
    adversary: 'broker',
    defence: [
      {
        file: COORDINATOR_HALF,
        text: 'if (wire.length !== promised.bytes || !equalBytes(await this.#ports.pool.sha256(wire), promised.sha256))',
        becomes: 'if (false)',
      },
    ],
    code: null,
    async mount(code) {
      const pods = sumPods(code);
      const sum = await coordinateSum(code, pods, 0, (vector, from) =>
        from === 'pod-03' ? vector.map((byte) => byte ^ 0x55) : vector,
      );
      return { succeeded: sum.ok && sum.survivors.includes('pod-03'), code: null };
    },
  },
  {
    name: 'broker cuts a masked vector short or makes it longer, and the coordinator crashes or adds what is not there',
    family: 'truncated and oversized vectors',
    adversary: 'broker',
    defence: [
      {
        file: COORDINATOR_HALF,
        text: 'if (wire.length !== promised.bytes || !equalBytes(await this.#ports.pool.sha256(wire), promised.sha256))',
        becomes: 'if (false)',
      },
      { file: 'aggregation/vectorWire.ts', text: 'if (wire.length !== size)', becomes: 'if (false)' },
    ],
    code: null,
    async mount(code) {
      const ends = [(v: Uint8Array) => v.slice(0, -4), (v: Uint8Array) => new Uint8Array([...v, 1, 2, 3, 4])];
      for (const end of ends) {
        const sum = await coordinateSum(code, sumPods(code), 0, (vector, from) =>
          from === 'pod-03' ? end(vector) : vector,
        );
        if (sum.ok && sum.survivors.includes('pod-03')) return { succeeded: true, code: null };
      }
      return { succeeded: false, code: null };
    },
  },
];
