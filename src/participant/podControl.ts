/**
 * What a site's people can ask of the pod that runs, and what it answers.
 * @module
 */
import { z } from 'zod';
import { isKonsilError, KonsilError } from '../base/index.ts';
import { askProcess, type ControlServer } from '../control/index.ts';
import type { Pod } from './pod.ts';
import { type PodStatus, PodStatusSchema } from './status.ts';

const RequestSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('status') }),
  z.strictObject({ command: z.literal('pause') }),
  z.strictObject({ command: z.literal('resume') }),
  z.strictObject({ command: z.literal('drain') }),
  z.strictObject({ command: z.literal('cancel'), run: z.string().min(1).max(64) }),
]);
type PodRequest = z.infer<typeof RequestSchema>;

/**
 * From now on the server's commands are for `pod`; each is answered with what the pod is doing then.
 * @returns resolves when the site has asked for the pod to be drained, and it is.
 */
export function servePod(server: ControlServer, pod: Pod): Promise<void> {
  return new Promise((resolve) => {
    server.serve(RequestSchema, (request) => {
      if (request.command === 'pause') pod.pause();
      else if (request.command === 'resume') pod.resume();
      else if (request.command === 'cancel') pod.cancel(request.run);
      else if (request.command === 'drain') void pod.drain().then(resolve);
      const answer = pod.status();
      // who waits for the pod to be drained waits as long as it takes
      return { answer, staysOpen: answer.state === 'draining' };
    });
  });
}

/**
 * Asks the pod that runs with this state folder.
 * @param untilItStops - Resolves only when the pod has stopped.
 * @returns what it is doing after it has done what was asked.
 * @throws KonsilError NOT_RUNNING when nobody answers, and what the pod answers instead: RUN_UNKNOWN, ….
 */
export async function askPod(state: string, request: PodRequest, untilItStops = false): Promise<PodStatus> {
  try {
    return await askProcess(state, request, PodStatusSchema, { untilItStops });
  } catch (error) {
    // without facts it is the pod itself that says so: it is starting
    if (!isKonsilError(error, 'NOT_RUNNING') || Object.keys(error.facts).length === 0) throw error;
    const { denied, stopped } = error.facts;
    const why = denied
      ? `the pod with the state folder ${state} belongs to another user; ask as that one`
      : stopped
        ? `the pod with the state folder ${state} stopped before it answered`
        : `no pod runs with the state folder ${state}; start it with \`konsil pod\``;
    throw new KonsilError('NOT_RUNNING', why, { state }, { cause: error });
  }
}
