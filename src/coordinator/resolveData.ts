/**
 * Which columns a task uses at all sites: the modeller sees schemas, never rows; the first pod's schema that fits fixes the order
 * of columns for all.
 * @module
 */
import { isKonsilError, KonsilError, printable } from '../base/index.ts';
import {
  checkSchema,
  imageColumns,
  parseSchema,
  resolveColumns,
  type Schema,
  targetsOf,
} from '../datasources/index.ts';
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
  // a site that still reads its files may have more columns than it says
  const whole = offers.filter((offer) => !isPartial(offer));
  for (const offer of [...whole, ...offers.filter((one) => !whole.includes(one))]) {
    const { member, dataset, datasets } = offer;
    const found = foundIn(offer);
    try {
      if (found) return resolve(parseSchema(found.schema), member.name);
      const names = datasets.map(({ name }) => printable(name)).join(', ');
      problems.push(`pod ${member.name} has no dataset "${dataset}"; it has ${names}`);
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      const garbage = error.code === 'PROTOCOL_VIOLATION';
      if (!garbage && error.code !== 'CONFIG_INVALID') throw error;
      if (garbage) refuse(member, `${error.code}: ${error.message}`);
      const reading =
        garbage || whole.includes(offer) ? '' : ' (it is still reading its files, and this is of the first ones)';
      problems.push(garbage ? `pod ${member.name}: ${error.message}` : `${error.message}${reading}`);
    }
  }
  throw new KonsilError('CONFIG_INVALID', problems.join('\n'));
}

const foundIn = ({ dataset, datasets }: Offer<unknown>): Offer<unknown>['datasets'][number] | undefined =>
  datasets.find(({ name }) => name === dataset);

/** Whether its schema says so; garbage does not. */
function isPartial(offer: Offer<unknown>): boolean {
  try {
    return parseSchema(foundIn(offer)?.schema ?? '').partial === true;
  } catch {
    return false;
  }
}

/** Most values of a column that a task may have. */
const MOST_CATEGORIES = 10_000;

/**
 * Categories that pods release, by column: those of all pods, sorted, so that it does not matter who answers first. Columns
 * with fewer than two or more than a task may have are not in it; neither are pods whose schema is garbage.
 */
export function releasedBy(offers: readonly Offer<unknown>[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, Set<string>>();
  for (const { dataset, datasets } of offers)
    for (const { name, categories } of columnsOf(datasets.find((one) => one.name === dataset)?.schema)) {
      const known = values.get(name) ?? new Set<string>();
      values.set(name, known);
      for (const value of categories ?? []) known.add(value);
    }
  return new Map(
    [...values]
      .filter(([, { size }]) => size >= 2 && size <= MOST_CATEGORIES)
      .map(([column, found]) => [column, [...found].sort()]),
  );
}

/** Columns of a pod's schema; none where it is none: {@link resolveAmong} says so. */
function columnsOf(json: string | undefined): Schema['columns'] {
  try {
    return json === undefined ? [] : parseSchema(json).columns;
  } catch (error) {
    if (!isKonsilError(error, 'PROTOCOL_VIOLATION')) throw error;
    return [];
  }
}

/**
 * The structure with released categories for the inputs that are text or categorical and of which it lists none. What is
 * predicted has its classes from the task alone: the loss depends on them.
 */
function withReleased(structure: TaskData, schema: Schema, released: ReadonlyMap<string, readonly string[]>): TaskData {
  const categories = { ...structure.categories };
  const targets = targetsOf(structure);
  for (const { name, semanticType } of schema.columns)
    if ((semanticType === 'text' || semanticType === 'categorical') && !targets.includes(name)) {
      const values = released.get(name);
      if (values !== undefined && !Object.hasOwn(categories, name)) categories[name] = values;
    }
  const used = new Set(resolveColumns({ ...structure, categories }, schema));
  return {
    ...structure,
    categories: Object.fromEntries(
      Object.entries(categories).filter(([name]) => used.has(name) || Object.hasOwn(structure.categories, name)),
    ),
  };
}

/**
 * A data structure with its columns spelled out.
 * @param released - Categories that pods let modellers know.
 * @throws KonsilError CONFIG_INVALID when it does not fit the schema.
 */
export function resolveData(
  given: TaskData,
  schema: Schema,
  file: string,
  pod: string,
  released: ReadonlyMap<string, readonly string[]> = new Map(),
): TaskData {
  const structure = withReleased(given, schema, released);
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
