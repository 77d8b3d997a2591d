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
import { SUM_ATTACKS } from './sums.ts';
import { SURVIVOR_ATTACKS } from './survivors.ts';

export const CATALOGUE: readonly Attack[] = [
  ...KEY_ATTACKS,
  ...DEALING_ATTACKS,
  ...SURVIVOR_ATTACKS,
  ...GRAPH_ATTACKS,
  ...SUM_ATTACKS,
  ...ENCODING_ATTACKS,
  ...REUSE_ATTACKS,
  ...CHEATS,
  ...MEMORY_ATTACKS,
];
