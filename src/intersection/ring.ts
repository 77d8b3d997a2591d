/**
 * How lists travel around a ring. The list of pod o is blinded by o under a cover of its own, then by the pods after it in
 * turn under their scalars, the first following the last; then it goes to the comparator. To that one alone pod o sends its
 * opening, which turns the cover into o's scalar: only now can lists be compared. Nobody changes the order, which its
 * owner drew: a place in a list means something to its owner alone.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { ELEMENT_BYTES, SCALAR_BYTES } from '../crypto/index.ts';
import type { ListShape } from './chunks.ts';
import { listBinding, type RingSession } from './session.ts';

/** Index of a pod in the ring. @throws KonsilError PROTOCOL_VIOLATION when `id` is no pod of it. */
export function indexOfPod({ pods }: RingSession, id: string): number {
  const index = pods.findIndex((pod) => pod.id === id);
  if (index < 0) throw new KonsilError('PROTOCOL_VIOLATION', 'list of a pod that is not in the ring');
  return index;
}

/** A list after `hop` of n pods have blinded it, in [1, n]. */
export function hopShape(session: RingSession, owner: number, hop: number): ListShape {
  const { id, size } = session.pods[owner]!;
  const binding = listBinding(session, 'hop', owner, hop);
  return { binding, name: `list of ${id} after ${hop} pods`, count: size, width: ELEMENT_BYTES };
}

/** A pod's opening, from pod to comparator. */
export function openingShape(session: RingSession, owner: number): ListShape {
  const { id } = session.pods[owner]!;
  return { binding: listBinding(session, 'opening', owner), name: `opening of ${id}`, count: 1, width: SCALAR_BYTES };
}

/** Id of the pod that a list goes to after `hop` pods have blinded it; the comparator's at last. */
export function nextHop(session: RingSession, owner: string, hop: number): string {
  const { pods, comparator } = session;
  return hop === pods.length ? comparator : pods[(indexOfPod(session, owner) + hop) % pods.length]!.id;
}

/** Places of a pod's list that all pods share, from comparator to pod: a bitmap, place p in bit p mod 8 of byte p / 8. */
export function placesShape(session: RingSession, owner: number): ListShape {
  const { id, size } = session.pods[owner]!;
  const width = Math.ceil(size / 8);
  return { binding: listBinding(session, 'places', owner), name: `places for ${id}`, count: 1, width };
}
