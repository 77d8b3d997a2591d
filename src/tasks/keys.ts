/**
 * Small zod building blocks of the configuration files.
 * @module
 */
import { z } from 'zod';
import { didYouMean } from '../datasources/index.ts';
import { bareName, protocolsOf } from './names.ts';

/** Non-empty text. */
export const text = z.string().min(1).max(1000);
export const flag = z.boolean();
export const count = z.int().min(1).max(1_000_000);
/** A duration of a phase: more than nothing, at most a week. */
export const seconds = z.number().positive().max(604_800);

/** Marks a schema in whose place a task file may also have {@link FROM_STATISTICS}, which is filled in before it is validated. */
export const FILLED_IN = 'filledInFromStatistics';

/** Stands where a value is taken from the statistics that `data_structure.statistics` names. */
export const FROM_STATISTICS = 'statistics';

/** A key of the specification that this version refuses, with the reason and what to write instead. */
export function refused(reason: string): z.ZodOptional<z.ZodNever> {
  return z
    .never({ error: reason })
    .optional()
    .meta({ description: `Refused: ${reason}` });
}

/** A switch of the specification that may only be off here. */
export function onlyFalse(reason: string): z.ZodOptional<z.ZodLiteral<false>> {
  return z
    .literal(false, { error: reason })
    .optional()
    .meta({ description: `Only false: ${reason}` });
}

/** A name of a family: bare, or with the prefix `bitfount.` or `konsil.`; the value is the bare name. */
export function familyName<const N extends string>(
  what: string,
  supported: readonly N[],
  known: readonly string[],
  /** What messages list. */
  named: readonly string[] = supported,
) {
  const spelled = supported.flatMap((name) => [name, `bitfount.${name}`, `konsil.${name}`]);
  return z
    .enum(spelled as [string, ...string[]], {
      error: ({ input }) => {
        const list = `expected one of ${named.join(', ')} (also with prefix bitfount. or konsil.)`;
        if (typeof input !== 'string') return `${input === undefined ? 'is required; ' : ''}${list}`;
        const name = bareName(input);
        const fits = what === 'algorithm' ? protocolsOf(name) : [];
        if (fits.length > 0)
          return `algorithm ${name} is for ${fits.join(', ')}; this protocol takes ${named.join(', ')}`;
        if (known.includes(name)) return `${what} ${name} is not supported by this version; ${list}`;
        return `unknown ${what} ${JSON.stringify(input.slice(0, 100))}; ${list}${didYouMean(name, [...named, ...known])}`;
      },
    })
    .transform((name) => bareName(name) as N);
}
