/**
 * The word `statistics` in a training task: categories, class weights and the scale of images as `konsil stats` has found them,
 * written out when the task file is read, so that pods get plain values.
 * @module
 */
import { z } from 'zod';
import { checkJson, dotted, type Path, type Problem } from './configFile.ts';
import { FROM_STATISTICS } from './keys.ts';

const count = z.int().min(0);
const listed = z.array(z.object({ value: z.string(), count }));
const column = z.object({
  name: z.string(),
  categories: listed.optional(),
  isSuppressed: z.boolean().optional(),
  classWeights: z.array(z.number().min(0)).optional(),
});
/** The part of `statistics.json` that tasks use. */
const statisticsFile = z.object({
  format: z.literal('konsil-statistics-v1'),
  columns: z.array(column),
  target: column,
  channels: z.array(z.object({ mean: z.number(), standardDeviation: z.number() })).optional(),
  vocabularies: z.array(z.object({ name: z.string(), values: listed })).optional(),
});
type Statistics = z.output<typeof statisticsFile>;

type Json = Record<string, unknown>;
interface Placed {
  readonly path: Path;
  readonly value: Json;
}

/** The map at a path, or nothing. */
function mapAt(json: unknown, path: Path): Placed[] {
  let value = json;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return typeof value === 'object' && value !== null ? [{ path, value: value as Json }] : [];
}

const dataStructures = (json: unknown): Placed[] =>
  ['data_structure', 'datastructure'].flatMap((key) => mapAt(json, ['task', key]));

/** The path, as written, of the statistics that a task names; undefined when it names none. */
export function statisticsPathOf(json: unknown): string | undefined {
  return dataStructures(json)
    .map(({ value }) => value['statistics'])
    .find((path) => typeof path === 'string');
}

/**
 * Writes out the word in the plain JSON of a training task, in place.
 * @param text - What the file holds that {@link statisticsPathOf} names; undefined when it cannot be read.
 * @returns What is wrong; then the JSON is of no more use.
 */
export function fillInStatistics(json: unknown, text: string | undefined): Problem[] {
  const [structure] = dataStructures(json);
  const words = structure ? wordsOf(json, structure) : [];
  const reference = structure?.value['statistics'];
  if (structure === undefined || typeof reference !== 'string')
    // what is no text at all, the schema says
    return reference === undefined ? words.map(({ path }) => ({ path, message: NEEDS_FILE })) : [];
  const at = [...structure.path, 'statistics'];
  if (text === undefined)
    return [{ path: at, message: `cannot read ${reference}; expected a file that konsil stats has written` }];
  const read = readStatistics(text);
  if (typeof read === 'string') return [{ path: at, message: `${reference} ${read}` }];
  // class weights are in the order of the classes, so these come first
  return words.flatMap(({ path, fill }) => {
    const message = fill(read);
    return message === undefined ? [] : [{ path, message }];
  });
}

const NEEDS_FILE =
  'takes what konsil stats has found; name its file in data_structure.statistics, or write the values here';

/** @returns The statistics, or what is wrong with them. */
function readStatistics(text: string): Statistics | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'is no JSON; expected a file that konsil stats has written';
  }
  const checked = checkJson(json, { schema: statisticsFile, check: () => [] });
  if ('value' in checked) return checked.value;
  const { path, message } = checked.problems[0]!;
  return `is not what konsil stats writes: ${path.length === 0 ? '' : `${dotted(path)} `}${message}`;
}

/** A place where the word stands. */
interface Word {
  readonly path: Path;
  /** Puts the values there. @returns What is wrong. */
  readonly fill: (statistics: Statistics) => string | undefined;
}

function wordsOf(json: unknown, structure: Placed): Word[] {
  return [...categoryWords(structure), ...classWeightWords(json, structure), ...imageWords(structure)];
}

function categoryWords({ path, value }: Placed): Word[] {
  return mapAt(value, ['categories']).flatMap(({ value: categories }) =>
    Object.entries(categories)
      .filter(([, given]) => given === FROM_STATISTICS)
      .map(([name]) => ({
        path: [...path, 'categories', name],
        fill: (statistics) => {
          const found = categoriesOf(statistics, name);
          if (typeof found === 'string') return found;
          categories[name] = found;
          return undefined;
        },
      })),
  );
}

/** In descending count, then by name; those that no row has are left out. */
function categoriesOf({ columns, target, vocabularies = [] }: Statistics, name: string): string[] | string {
  const known = [...columns, target].find((one) => one.name === name);
  const values = vocabularies.find((one) => one.name === name)?.values ?? known?.categories;
  if (known === undefined && values === undefined) return `the statistics have no column ${name}`;
  if (known?.isSuppressed === true && values === undefined)
    return `the statistics say nothing of ${name}, which has too few values`;
  if (values === undefined)
    return `${name} has no categories in the statistics; find them with konsil stats --vocabulary ${name}`;
  return values
    .filter((one) => one.count > 0)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .map(({ value }) => value);
}

function classWeightWords(json: unknown, { path, value }: Placed): Word[] {
  const algorithm: Path[] = [
    ['task', 'algorithm'],
    ['task', 'algorithm', 0],
  ];
  const models: Path[] = algorithm.flatMap((at) => [
    [...at, 'model'],
    [...at, 'arguments', 'model'],
  ]);
  return [...models, ['task', 'model']].flatMap((model) =>
    mapAt(json, [...model, 'hyperparameters', 'loss_options'])
      .filter(({ value: options }) => options['class_weights'] === FROM_STATISTICS)
      .map(({ path: at, value: options }) => ({
        path: [...at, 'class_weights'],
        fill: ({ target }) => {
          const classes = mapAt(value, ['categories', target.name]).map((one) => one.value)[0];
          const found = weightsOf(target, Array.isArray(classes) ? classes.map(String) : [], path);
          if (typeof found === 'string') return found;
          options['class_weights'] = found;
          return undefined;
        },
      })),
  );
}

/** In the order of `classes`. */
function weightsOf(target: Statistics['target'], classes: readonly string[], path: Path): number[] | string {
  const { name, classWeights, isSuppressed, categories = [] } = target;
  if (isSuppressed === true) return `the statistics say nothing of the target ${name}, which has too few values`;
  if (classWeights?.length !== categories.length || categories.length === 0)
    return `the target of the statistics, ${name}, has no classes`;
  const weights = new Map(categories.map(({ value }, i) => [value, classWeights[i]!]));
  const counted = categories.filter(({ count: rows }) => rows > 0).map(({ value }) => value);
  const fits = classes.every((value) => weights.has(value)) && counted.every((value) => classes.includes(value));
  if (classes.length === 0 || !fits)
    return `are of ${shown([...weights.keys()])}, but ${dotted([...path, 'categories', name])} has ${shown(classes)}`;
  return classes.map((value) => weights.get(value)!);
}

/** At most so much of a list is shown. */
const SHOWN = 20;

function shown(values: readonly string[]): string {
  const first = values.slice(0, SHOWN).map((value) => value.slice(0, 40));
  return `[${first.join(', ')}${values.length > SHOWN ? ', …' : ''}]`;
}

function imageWords({ path, value }: Placed): Word[] {
  const lists = ['image', 'batch'].flatMap((key) => mapAt(value, ['transform', key]));
  const transforms = lists.flatMap(({ path: at, value: list }) =>
    Object.keys(list).flatMap((i) => mapAt(value, [...at, Number(i), 'albumentations', 'transformations'])),
  );
  const normalise = transforms.flatMap(({ path: at, value: list }) =>
    Object.keys(list).flatMap((i) => mapAt(value, [...at, Number(i), 'Normalize'])),
  );
  return normalise.flatMap(({ path: at, value: args }) => {
    const [mean, std] = ['mean', 'std'].map((key) => args[key] === FROM_STATISTICS);
    if (!mean && !std) return [];
    return [{ path: [...path, ...at, mean ? 'mean' : 'std'], fill: (found) => fillScale(args, found, mean === std) }];
  });
}

/** @param isBoth - Whether mean and std both have the word. */
function fillScale(args: Json, { channels }: Statistics, isBoth: boolean): string | undefined {
  if (!isBoth) return 'mean and std belong together; expected statistics for both, or for none';
  if (channels === undefined || channels.length === 0) return 'the statistics have no image channels';
  args['mean'] = channels.map(({ mean }) => mean);
  args['std'] = channels.map(({ standardDeviation }) => standardDeviation);
  return undefined;
}
