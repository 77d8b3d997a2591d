/**
 * The order of pods in an intersection among them, and how long their lists are, as the coordinator tells it to all.
 * @module
 */
import { z } from 'zod';
import { KonsilError, utf8 } from '../../base/index.ts';

const plan = z.array(z.strictObject({ id: z.string().min(1).max(200), size: z.int().min(1) })).max(64);

/** By peer id; lists travel from each pod to the next. */
export type RingPlan = readonly { readonly id: string; readonly size: number }[];

export function writeRingPlan(pods: RingPlan): Uint8Array {
  return utf8(JSON.stringify(pods));
}

/** @throws KonsilError PROTOCOL_VIOLATION when it is none. */
export function readRingPlan(bytes: Uint8Array): RingPlan {
  try {
    return plan.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new KonsilError('PROTOCOL_VIOLATION', 'the plan of a ring is not one', {}, { cause });
  }
}
