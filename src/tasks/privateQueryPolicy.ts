/**
 * `policy.private_query` of a pod file: what each modeller may spend on private queries, and ranges of the site's own.
 * @module
 */
import { z } from 'zod';
import type { Path, Problem } from './configFile.ts';
import { text } from './keys.ts';

/** What one modeller may spend on each dataset. */
export interface ModellerBudget {
  readonly epsilonBudget: number;
  readonly delta: number;
}

/** A range that a site keeps its values to; numbers, or dates as `YYYY-MM-DD`. */
export interface SiteRange {
  readonly lower: number | string;
  readonly upper: number | string;
}

export interface PrivateQueryPolicy {
  /** Of each modeller that `modellers` does not have; undefined where these have none. */
  readonly budget?: ModellerBudget;
  /** By name or fingerprint. */
  readonly modellers: Readonly<Record<string, ModellerBudget>>;
  /** By dataset and column. */
  readonly ranges: Readonly<Record<string, Readonly<Record<string, SiteRange>>>>;
}

const budget = z.strictObject({
  epsilon_budget: z.number().positive().max(1e6).meta({
    description: 'Most ε a row that the modeller may spend on each dataset, over all runs.',
  }),
  delta: z.number().gt(0).lt(1).meta({ description: 'δ at which it is reckoned.' }),
});

const bound = z.union([z.number(), z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a number, or a date YYYY-MM-DD')]);

export const privateQueryFile = z.strictObject({
  budget: budget.optional().meta({
    description: 'Of each modeller by itself. Default: only policy.record_privacy, which is of all together.',
  }),
  modellers: z.record(text, budget).optional().meta({
    description: 'Other budgets for single modellers, named as in approved_modellers.',
  }),
  ranges: z
    .record(text, z.record(text, z.strictObject({ lower: bound, upper: bound })))
    .optional()
    .meta({
      description:
        'By dataset and column: values outside are clamped whatever range a query declares. Becomes known to modellers, so never found out from the rows.',
    }),
});

export type PrivateQueryFile = z.output<typeof privateQueryFile>;

export function privateQueryOf(file: PrivateQueryFile): PrivateQueryPolicy {
  return {
    ...(file.budget && { budget: budgetOf(file.budget) }),
    modellers: Object.fromEntries(Object.entries(file.modellers ?? {}).map(([name, own]) => [name, budgetOf(own)])),
    ranges: file.ranges ?? {},
  };
}

/** The budget of a modeller. @param names - All that it is called: name and fingerprint. */
export function budgetOfModeller(
  { budget, modellers }: PrivateQueryPolicy,
  names: readonly string[],
): ModellerBudget | undefined {
  const listed = names.find((name) => Object.hasOwn(modellers, name));
  return listed === undefined ? budget : modellers[listed];
}

/** Whether modellers have budgets of their own; then those without one may ask nothing. */
export function hasModellerBudgets({ budget, modellers }: PrivateQueryPolicy): boolean {
  return budget !== undefined || Object.keys(modellers).length > 0;
}

/** Rules between keys. */
export function checkPrivateQuery(
  file: PrivateQueryFile,
  path: Path,
  { approved, datasets }: { readonly approved: readonly string[]; readonly datasets: readonly string[] },
): Problem[] {
  const problems: Problem[] = [];
  for (const name of Object.keys(file.modellers ?? {}))
    if (!approved.includes(name))
      problems.push({
        path: [...path, 'modellers', name],
        message: 'is not in approved_modellers; expected a name or fingerprint as it stands there',
        atKey: true,
      });
  for (const [dataset, columns] of Object.entries(file.ranges ?? {})) {
    const at = [...path, 'ranges', dataset];
    if (!datasets.includes(dataset))
      problems.push({ path: at, message: `is no data source; expected one of ${datasets.join(', ')}`, atKey: true });
    for (const [column, { lower, upper }] of Object.entries(columns))
      if (typeof lower !== typeof upper || lower >= upper)
        problems.push({
          path: [...at, column],
          message: 'expected two numbers or two dates, the lower one first',
        });
  }
  return problems;
}

function budgetOf({ epsilon_budget, delta }: z.output<typeof budget>): ModellerBudget {
  return { epsilonBudget: epsilon_budget, delta };
}
