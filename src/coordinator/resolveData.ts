/**
 * Which columns a task uses at all sites: the modeller sees schemas, never rows; the first pod's schema that fits fixes the order
 * of columns for all.
 * @module
 */
import { isKonsilError, KonsilError, printable } from '../base/index.ts';
import { checkSchema, imageColumns, parseSchema, resolveColumns, type Schema } from '../datasources/index.ts';
import type { TaskData } from '../tasks/index.ts';
import { describeAbsent, type Member, type Members } from './members.ts';

/** What a pod that is online has. */
export interface Offer<M> {
  readonly member: M;
  /** The dataset the task asks it for. */
  readonly dataset: string;
  readonly datasets: readonly { readonly name: string; readonly schema: string }[];
}

/**
 * The datasets of all pods that are there.
 * @throws KonsilError COHORT_TOO_SMALL when none answers within `joinMs`.
 */
export async function offersOf(members: Members, joinMs: number): Promise<Offer<Member>[]> {
  const online = await members.online(joinMs);
  if (online.size === 0)
    throw new KonsilError(
      'COHORT_TOO_SMALL',
      `no pod can be asked: ${describeAbsent(members.all())}; are they running, and do they know this modeller's key?`,
    );
  return members.all().flatMap((member) => {
    const answer = online.get(member.name);
    if (!answer) return [];
    // the dataset the task names, or the pod's only one
    member.dataset ||= answer.datasets[0]?.name ?? member.name;
    const { dataset } = member;
    return [{ member, dataset, datasets: answer.datasets }];
  });
}

/**
 * What `resolve` makes of the first offer that fits: one broken dataset must not keep the others from running.
 * @param refuse - Told of a pod whose schema is garbage.
 * @throws KonsilError CONFIG_INVALID with the problems of every pod when no offer fits.
 */
export function resolveAmong<M extends { readonly name: string }, T>(
  offers: readonly Offer<M>[],
  refuse: (member: M, reason: string) => void,
  resolve: (schema: Schema, pod: string) => T,
): T {
  const problems: string[] = [];
  for (const { member, dataset, datasets } of offers) {
    const found = datasets.find(({ name }) => name === dataset);
    try {
      if (found) return resolve(parseSchema(found.schema), member.name);
      const names = datasets.map(({ name }) => printable(name)).join(', ');
      problems.push(`pod ${member.name} has no dataset "${dataset}"; it has ${names}`);
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      const garbage = error.code === 'PROTOCOL_VIOLATION';
      if (!garbage && error.code !== 'CONFIG_INVALID') throw error;
      if (garbage) refuse(member, `${error.code}: ${error.message}`);
      problems.push(garbage ? `pod ${member.name}: ${error.message}` : error.message);
    }
  }
  throw new KonsilError('CONFIG_INVALID', problems.join('\n'));
}

/**
 * A data structure with its columns spelled out.
 * @throws KonsilError CONFIG_INVALID when it does not fit the schema.
 */
export function resolveData(structure: TaskData, schema: Schema, file: string, pod: string): TaskData {
  const problems = checkSchema(structure, schema);
  if (problems.length > 0)
    throw new KonsilError(
      'CONFIG_INVALID',
      `${file}: data_structure does not fit the dataset of ${pod}: ${problems.join('; ')}`,
    );
  const include = resolveColumns(structure, schema);
  const columns = imageColumns(include, schema);
  const { images } = structure;
  return {
    ...structure,
    select: { include },
    ...(images && {
      images: { transforms: images.transforms, convertsGreyscale: images.convertsGreyscale, columns },
    }),
  };
}
