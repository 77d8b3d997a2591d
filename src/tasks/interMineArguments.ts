/**
 * A pod's InterMine server in its file.
 * @source spec/platform.md §3, InterMineSource.
 * @module
 */
import { z } from 'zod';
import type { InterMineConfig, TableOptions } from '../datasources/index.ts';
import { type Path, type Problem, resolvePath } from './configFile.ts';
import { text } from './keys.ts';

export const interMineArgs = {
  service_url: text.optional().meta({ description: 'InterMineSource: https://…/service' }),
  template_name: text.optional().meta({ description: 'InterMineSource: of a template query, which gives the rows.' }),
  token: text.optional().meta({ description: 'InterMineSource: of the API; token_file keeps it out of this file.' }),
  token_file: text.optional().meta({ description: 'InterMineSource: file that only its owner may read.' }),
};
export const INTERMINE_ARGUMENTS = ['service_url', 'template_name', 'token', 'token_file'] as const;

type Arguments = z.output<z.ZodObject<typeof interMineArgs>>;

/** @param folder - Of the pod's file. */
export function interMineOf(
  { service_url = '', template_name = '', token, token_file }: Arguments,
  common: TableOptions,
  folder: string,
): InterMineConfig {
  return {
    ...common,
    ...{ datasource: 'InterMineSource', serviceUrl: service_url, templateName: template_name },
    ...(token !== undefined && { token: { string: token } }),
    ...(token_file !== undefined && { token: { file: resolvePath(folder, token_file) } }),
  };
}

export function checkInterMine(args: Arguments, path: Path): Problem[] {
  const problems: Problem[] = [];
  for (const key of ['service_url', 'template_name'] as const)
    if (args[key] === undefined) problems.push({ path: [...path, key], message: 'is required' });
  if (args.token !== undefined && args.token_file !== undefined)
    problems.push({ path: [...path, 'token_file'], message: 'is given besides token; expected one of them' });
  return problems;
}
