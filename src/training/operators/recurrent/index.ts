/**
 * Recurrent networks.
 * @module
 */
import type { LowerRule } from '../context.ts';

export const RECURRENT: Readonly<Record<string, LowerRule>> = {};
