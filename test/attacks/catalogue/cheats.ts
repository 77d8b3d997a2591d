/**
 * Pods that cheat an honest coordinator: they spoil the sum, or have somebody else blamed.
 * @module
 */
import type { Attack } from '../support/attack.ts';
import { changed, coordinate, isSpoilt } from '../support/coordination.ts';

const UNMASK = 'aggregation/secure/unmask.ts';
const SERVER = 'aggregation/secure/server.ts';

const honest = (pod: { name: string }, bytes: Uint8Array): [string, Uint8Array][] => [[pod.name, bytes]];

export const CHEATS: readonly Attack[] = [
  {
    name: 'a pod returns a wrong share, and the dealer is blamed for it',
    family: 'malformed shares',
    adversary: 'one pod',
    defence: [
      {
        file: UNMASK,
        text: 'if (!equalSecret(commitShare(session, kind, of, returner, share), expected))',
        becomes: 'if (false)',
      },
    ],
    code: 'AGG_BAD_SHARE',
    mount(code) {
      // a returner is only heard when its answer is among the first t
      const run = coordinate(code, { corrupt: [0] }, (step, pod, bytes, scene) => {
        if (step !== 'release' || pod.index !== 0) return honest(pod, bytes);
        return honest(
          pod,
          changed(scene, step, pod, bytes, (body) => {
            const other = { ...body.shares[2]!, share: new Uint8Array(32).fill(7) };
            return { ...body, shares: body.shares.with(2, other) };
          }),
        );
      });
      const blamed = run.failure?.facts['pod'];
      return { succeeded: blamed === 'pod-02', code: run.rejections[0]?.code ?? null };
    },
  },
  {
    name: 'a pod deals shares of another secret than it masks with, and spoils the sum unnoticed',
    family: 'malformed shares',
    adversary: 'one pod',
    defence: [{ file: UNMASK, text: 'if (!honest) throw dealerFault(session, dealer);', becomes: '' }],
    code: 'AGG_BAD_SHARE',
    mount(code) {
      const run = coordinate(code, { corrupt: [3] }, (step, pod, bytes, scene) => {
        if (step !== 'shares' || pod.index !== 3) return honest(pod, bytes);
        return honest(
          pod,
          changed(scene, step, pod, bytes, () => {
            const drawn = code.drawSecrets((length) => code.randomBytes(length));
            const secrets = { ...drawn, channel: code.agreementKeyOf(pod.kept[3]!) };
            const holders = new Map(
              scene.pods.map(({ index }) => {
                const { channelKey } = scene.read('advertise', scene.adverts.get(index)!);
                return [index, { channelKey, point: code.pointAt(index) }];
              }),
            );
            const body = code.dealShares(scene.session, 3, secrets, holders, code.sha256());
            return { ...body, selfCommitment: code.commitSelfSeed(scene.session, 3, pod.kept[1]!) };
          }),
        );
      });
      return { succeeded: isSpoilt(run), code: run.failure?.code ?? null };
    },
  },
  {
    name: "a pod's vector is announced twice and counted twice",
    family: 'duplicated messages',
    adversary: 'broker',
    defence: [{ file: SERVER, text: 'return taken !== undefined;', becomes: 'return false;' }],
    code: null,
    mount(code) {
      const run = coordinate(code, {}, (step, pod, bytes) =>
        step === 'manifest' ? [...honest(pod, bytes), ...honest(pod, bytes)] : honest(pod, bytes),
      );
      return { succeeded: isSpoilt(run), code: null };
    },
  },
  {
    name: 'a pod promises a vector of another length',
    family: 'truncated and oversized vectors',
    adversary: 'one pod',
    defence: [{ file: SERVER, text: 'if (body.bytes !== session.wireBytes)', becomes: 'if (false)' }],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      const codes = [-4, 4, 2 ** 31].map((more) => {
        const run = coordinate(code, { corrupt: [3] }, (step, pod, bytes, scene) => {
          if (step !== 'manifest' || pod.index !== 3) return honest(pod, bytes);
          return honest(
            pod,
            changed(scene, step, pod, bytes, (body) => ({ ...body, bytes: body.bytes + more })),
          );
        });
        return run.survivors.includes('pod-03') ? null : run.rejections[0]!.code;
      });
      return { succeeded: codes.includes(null), code: codes[0]! };
    },
  },
  {
    name: "a pod passes another pod's message off as its own",
    family: 'forgery',
    adversary: 'one pod',
    defence: [
      {
        file: 'aggregation/secure/messages.ts',
        text: 'if (claimed.type !== type || claimed.sender !== sender)',
        becomes: 'if (claimed.type !== type)',
      },
      {
        file: 'aggregation/secure/messages.ts',
        text: 'session.roster[sender]?.publicKey;',
        becomes: 'session.roster[claimed.sender]?.publicKey;',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      let stolen: Uint8Array | null = null;
      const run = coordinate(code, { corrupt: [3] }, (step, pod, bytes) => {
        if (step === 'consistency' && pod.index === 2) stolen = bytes;
        // pod 3 has not signed, and lets a signature of pod 2 count for it
        return step === 'consistency' && pod.index === 3 ? [[pod.name, stolen!]] : honest(pod, bytes);
      });
      const rejected = run.rejections[0]?.code ?? null;
      return { succeeded: rejected === null, code: rejected };
    },
  },
  {
    name: 'a pod deals to fewer holders than the roster has',
    family: 'malformed shares',
    adversary: 'one pod',
    defence: [
      {
        file: SERVER,
        text: 'checkDealt(dealt, holdersIn(state, pod, state.adverts));',
        becomes: '',
      },
    ],
    code: 'AGG_BAD_MESSAGE',
    mount(code) {
      try {
        const run = coordinate(code, { corrupt: [3] }, (step, pod, bytes, scene) =>
          honest(
            pod,
            step === 'shares' && pod.index === 3
              ? changed(scene, step, pod, bytes, (body) => ({ ...body, entries: body.entries.slice(1) }))
              : bytes,
          ),
        );
        return { succeeded: false, code: run.rejections[0]?.code ?? null };
      } catch (error) {
        // the coordinator dies of one pod's message
        if (error instanceof TypeError) return { succeeded: true, code: null };
        throw error;
      }
    },
  },
  {
    name: 'a pod has two answers of one phase, and the second replaces the first',
    family: 'duplicated messages',
    adversary: 'one pod',
    defence: [
      { file: SERVER, text: 'if (taken !== undefined && !equalBytes(taken, bytes))', becomes: 'if (false)' },
      { file: SERVER, text: 'return taken !== undefined;', becomes: 'return false;' },
    ],
    code: 'AGG_EQUIVOCATION',
    mount(code) {
      // it deals good shares, and then others to have pods left out that saw only the first
      const run = coordinate(code, { corrupt: [3] }, (step, pod, bytes, scene) => {
        if (step !== 'shares' || pod.index !== 3) return honest(pod, bytes);
        const second = changed(scene, step, pod, bytes, (body) => {
          const entries = body.entries.with(0, { ...body.entries[0]!, sealed: new Uint8Array(80) });
          return { ...body, entries };
        });
        return [...honest(pod, bytes), ...honest(pod, second)];
      });
      return { succeeded: !run.survivors.includes('pod-00'), code: run.rejections[0]?.code ?? null };
    },
  },
];
