/**
 * Every transform that a task may name.
 * @module
 */
import { FILTER_TRANSFORMS } from './catalogue/filters.ts';
import { GROUP_TRANSFORMS } from './catalogue/groups.ts';
import { PIXEL_TRANSFORMS } from './catalogue/pixels.ts';
import { SIZE_TRANSFORMS } from './catalogue/sizes.ts';
import { TURN_TRANSFORMS } from './catalogue/turns.ts';
import type { TransformKind } from './definition.ts';

/** The stage that a pipeline ends in, named or not. */
export const TO_TENSOR = 'ToTensorV2';

export const TRANSFORMS: ReadonlyMap<string, TransformKind> = new Map(
  Object.entries({
    ...SIZE_TRANSFORMS,
    ...TURN_TRANSFORMS,
    ...PIXEL_TRANSFORMS,
    ...FILTER_TRANSFORMS,
    ...GROUP_TRANSFORMS,
  }),
);
