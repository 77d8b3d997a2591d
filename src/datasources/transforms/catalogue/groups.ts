/**
 * Transforms made of others. Those inside OneOf and SomeOf are chosen by their `p` and then always applied.
 *
 * @source Albumentations 1.3.1 `OneOf`, `SomeOf`, `Sequential`, `Compose`.
 * @module
 */
import { z } from 'zod';
import { applyStep, defineGroup, type Step, type TransformKind } from '../definition.ts';
import { weighted } from '../draws.ts';

const inOrder = (p: number): TransformKind =>
  defineGroup(p, {}, (image, steps, _, rng) => steps.reduce((current, step) => applyStep(step, current, rng), image));

const weightsOf = (steps: readonly Step[]): number[] => steps.map((step) => step.p);
const canChoose = (weights: readonly number[]): boolean => weights.some((weight) => weight > 0);

export const GROUP_TRANSFORMS: Readonly<Record<string, TransformKind>> = {
  Compose: inOrder(1),
  Sequential: inOrder(0.5),
  OneOf: defineGroup(0.5, {}, (image, steps, _, rng) => {
    const weights = weightsOf(steps);
    return canChoose(weights) ? steps[weighted(rng, weights)]!.run(image, rng) : image;
  }),
  SomeOf: defineGroup(
    1,
    { n: z.int().min(1).max(100), replace: z.boolean().default(true) },
    (image, steps, args, rng) => {
      const weights = weightsOf(steps);
      let current = image;
      for (let left = args.n; left > 0 && canChoose(weights); left--) {
        const chosen = weighted(rng, weights);
        current = steps[chosen]!.run(current, rng);
        if (!args.replace) weights[chosen] = 0;
      }
      return current;
    },
  ),
};
