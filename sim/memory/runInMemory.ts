/**
 * One variant in this process.
 * @module
 */
import { AverageWitness } from '../checks/average.ts';
import type { PreparedVariant, SimulationOptions } from '../options.ts';
import { type Played, play } from '../play.ts';
import type { RunTap } from '../privacy/views/tap.ts';
import { MemoryWorld } from './world.ts';

/** Plays a prepared variant over a broker in memory. @param tap - Overhears it. */
export async function runInMemory(
  prepared: PreparedVariant,
  options: SimulationOptions,
  tap?: RunTap,
): Promise<Played> {
  const { jitter } = options;
  const witness = prepared.variant.expect.equals_plain_average ? new AverageWitness() : null;
  const world = await MemoryWorld.open({
    ...prepared,
    ...(witness && { onTrained: (pod, start, trained, rows) => witness.trained(pod, start, trained, rows) }),
    ...(jitter && { jitter }),
    ...(tap && { tap }),
  });
  return play(prepared, world, options, witness);
}
