/**
 * All attacks.
 * @module
 */
import type { Attack } from '../support/attack.ts';
import { CHEATS } from './cheats.ts';
import { DEALING_ATTACKS } from './dealing.ts';
import { ENCODING_ATTACKS } from './encodings.ts';
import { GRAPH_ATTACKS } from './graph.ts';
import { KEY_ATTACKS } from './keys.ts';
import { MEMORY_ATTACKS } from './memory.ts';
import { REUSE_ATTACKS } from './reuse.ts';
import { SEED_ATTACKS } from './seeds.ts';
import { SUM_ATTACKS } from './sums.ts';
import { SURVIVOR_ATTACKS } from './survivors.ts';

/** By the file they are in. */
export const CATALOGUE_FILES: Readonly<Record<string, readonly Attack[]>> = {
  'keys.ts': KEY_ATTACKS,
  'dealing.ts': DEALING_ATTACKS,
  'survivors.ts': SURVIVOR_ATTACKS,
  'graph.ts': GRAPH_ATTACKS,
  'sums.ts': SUM_ATTACKS,
  'encodings.ts': ENCODING_ATTACKS,
  'reuse.ts': REUSE_ATTACKS,
  'cheats.ts': CHEATS,
  'memory.ts': MEMORY_ATTACKS,
  'seeds.ts': SEED_ATTACKS,
};

export const CATALOGUE: readonly Attack[] = Object.values(CATALOGUE_FILES).flat();
