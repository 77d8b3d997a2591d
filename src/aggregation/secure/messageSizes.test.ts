import { describe, expect, it } from 'vitest';
import { deliverToPod, deliverToServer, makeCohort, testSession } from '../../../test/support/secaggCohort.ts';
import { messageSizes, messageTotals } from './messageSizes.ts';
import { peekMessage } from './messages.ts';

describe('message sizes', () => {
  it.each([
    ['complete', 5, {}],
    ['neighbour', 34, { colluding: 0, dropouts: 0 }],
  ])('are those of the messages of a %s graph', (_name, n, assumptions) => {
    const session = testSession(n, 3, { assumptions });
    const cohort = makeCohort(session);
    const seen = new Map<string, Set<number>>();
    const note = (bytes: Uint8Array): void => {
      const { type } = peekMessage(bytes);
      seen.set(type, (seen.get(type) ?? new Set()).add(bytes.length));
    };
    for (let phase = 0; phase < 5; phase++) {
      for (const { to, bytes } of cohort.toPods.splice(0)) {
        note(bytes);
        deliverToPod(cohort, to, bytes);
      }
      for (const event of cohort.toServer.splice(0)) {
        if (event.type === 'message') note(event.bytes);
        if (event.type === 'upload') note(event.manifest);
        deliverToServer(cohort, event);
      }
      deliverToServer(cohort, { type: 'close' });
    }
    const sizes = messageSizes(session);
    expect(Object.fromEntries([...seen].map(([type, bytes]) => [type, [...bytes]]))).toEqual(
      Object.fromEntries(Object.entries(sizes).map(([type, bytes]) => [type, [bytes]])),
    );
    const { sent, received } = messageTotals(sizes);
    expect(sent + received).toBe(Object.values(sizes).reduce((a, b) => a + b));
  });
});
