/**
 * All attacks.
 * @module
 */
import type { Attack } from '../support/attack.ts';
import { DEALING_ATTACKS } from './dealing.ts';
import { KEY_ATTACKS } from './keys.ts';
import { SURVIVOR_ATTACKS } from './survivors.ts';

export const CATALOGUE: readonly Attack[] = [...KEY_ATTACKS, ...DEALING_ATTACKS, ...SURVIVOR_ATTACKS];
