/** `konsil dataset inspect`: what a site's datasets hold, what of it a task can use, and what leaves the site. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import {
  type ColumnCategories,
  checkImages,
  checkSchema,
  countCategories,
  type DataSource,
  type DatasourceConfig,
  isDatabase,
  LEAST_ROWS,
  locationOf,
  OMOPSource,
  type OmopConfig,
  type OpenOptions,
  offeredSchema,
  openDataset,
  openQueries,
  type TableConfig,
} from '../../datasources/index.ts';
import { type LocalTask, readPodConfig, readTask, type Task } from '../../tasks/index.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { type Contents, contentLines } from '../render/dataset.ts';
import { ScanLine } from '../render/scan.ts';
import { addSetOption, taskInputs } from '../taskInputs.ts';
import { wholeNumber } from './shared.ts';

interface Flags {
  readonly task?: string;
  readonly set?: readonly string[];
  readonly values?: boolean;
  readonly decode?: boolean;
  readonly json?: boolean;
}

type InspectOptions = OpenOptions & { readonly signal: AbortSignal };

export function addDatasetCommand(program: Command): void {
  const group = program.command('dataset').description('look at the data of a site as tasks and modellers see it');
  addSetOption(group.command('inspect'))
    .description('show what a dataset holds, what of it tasks can use, and what leaves the site')
    .argument('<pod.yaml>')
    .argument('[dataset]', 'one of the pod (default: all)')
    .option('--task <task.yaml>', 'say whether this task fits, and what its filters leave')
    .option('--values', `show the values of text columns that at least ${LEAST_ROWS} rows have`)
    .option('--decode', 'decode every image once and list those that cannot be decoded')
    .option('--json', 'one JSON value a dataset')
    .action(inspect);
  group
    .command('query')
    .description('run one SELECT over a dataset, as a site that allows queries would run it')
    .argument('<pod.yaml>')
    .argument('<dataset>', 'one of the pod; the table of the query has its name')
    .argument('<sql>')
    .option('--minimum-group <rows>', 'show only aggregates, of groups of at least so many rows')
    .option('--json', 'one JSON value')
    .action(query);
}

interface QueryFlags {
  readonly minimumGroup?: string;
  readonly json?: boolean;
}

/** What a modeller's SELECT would give here. */
async function query(file: string, name: string, sql: string, flags: QueryFlags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const { minimumGroup } = flags;
  const minimumGroupSize =
    minimumGroup === undefined ? undefined : wholeNumber('--minimum-group', minimumGroup, 2, 1_000_000);
  const [config] = await chosenDatasets(file, name);
  const sandbox = await openQueries(config!, {
    signal,
    ...(minimumGroupSize !== undefined && { minimumGroupSize }),
  });
  try {
    const result = await sandbox.query(sql);
    output.value(result);
    output.line(result.columns.join('\t'));
    for (const row of result.rows) output.line(row.map((cell) => cell ?? '').join('\t'));
    if (result.suppressed > 0)
      output.line(
        `(${result.suppressed} groups of fewer than ${minimumGroupSize} rows, or patients where they are known, are not shown)`,
      );
  } finally {
    sandbox.close();
  }
}

async function chosenDatasets(file: string, wanted: string | undefined): Promise<readonly DatasourceConfig[]> {
  const { datasources } = await readPodConfig(file);
  const chosen = wanted === undefined ? datasources : datasources.filter(({ name }) => name === wanted);
  if (chosen.length === 0)
    throw new KonsilError(
      'USAGE',
      `${file} has no dataset "${wanted}"; it has ${datasources.map(({ name }) => name).join(', ')}`,
    );
  return chosen;
}

async function inspect(file: string, wanted: string | undefined, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const chosen = await chosenDatasets(file, wanted);
  const task = flags.task === undefined ? undefined : await taskToInspect(flags.task, flags);
  for (const config of chosen)
    await (isDatabase(config)
      ? inspectDatabase(config, output, signal)
      : inspectOne(config, task, flags, output, signal));
}

async function taskToInspect(file: string, { set = [], json = false }: Flags): Promise<LocalTask> {
  return readTask(file, await taskInputs(file, { set, json }));
}

/** Tables and columns only: rows are counted by a query. */
async function inspectDatabase(config: OmopConfig, output: Output, signal: AbortSignal): Promise<void> {
  const source = await OMOPSource.open(config, signal);
  const tables = [...source.tables.values()].map(({ name, columns }) => ({
    name,
    columns: columns.map((column) => ({ name: column.name, type: column.type })),
  }));
  output.value({ dataset: config.name, kind: source.kind, tables, hidden: source.hiddenColumns });
  output.line(`dataset ${config.name}: ${source.kind} ${config.version}`);
  output.line('\n  tables that queries can use; models cannot train on them');
  for (const { name, columns } of tables)
    output.line(`    ${name}: ${columns.map((column) => column.name).join(', ')}`);
  output.line('\n  columns that nobody sees; data_config.expose_cols would show them');
  output.line(`    ${source.hiddenColumns.join(', ')}`);
  source.close();
}

async function inspectOne(
  config: TableConfig,
  task: Task | undefined,
  flags: Flags,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const progress = output.json ? undefined : new ScanLine(process.stderr);
  const options: InspectOptions = { signal, ...(progress && { onProgress: (step) => progress.show(step) }) };
  const source = await openDataset(config, options);
  try {
    progress?.clear();
    const contents = await contentsOf(source, config, flags, options);
    progress?.clear();
    const fit = task && fitOf(source, task);
    output.value({
      dataset: config.name,
      kind: source.kind,
      path: locationOf(config),
      ...contents,
      ...(fit && { task: fit }),
    });
    output.line(`dataset ${config.name}: ${source.kind}, ${locationOf(config)}`);
    for (const line of contentLines(contents, LEAST_ROWS)) output.line(line);
    if (fit !== undefined) for (const line of fitLines(fit, source.rowCount)) output.line(line);
  } finally {
    source.close();
  }
}

async function contentsOf(
  source: DataSource,
  config: TableConfig,
  flags: Flags,
  options: InspectOptions,
): Promise<Contents> {
  const { signal } = options;
  const missing = new Map(source.columns.map((column) => [column, 0]));
  const patients = new Set<string>();
  for await (const { keys, columns } of source.yieldData(1_000, signal)) {
    for (const column of source.columns)
      missing.set(column, missing.get(column)! + columns[column]!.filter((value) => value === null).length);
    for (const key of keys) {
      const group = source.groupOf(key);
      if (group !== null) patients.add(group);
    }
  }
  const { counts, hiddenColumns, unreadable = [] } = source.found?.() ?? { counts: undefined, hiddenColumns: [] };
  const schema = await offeredSchema(source, config, signal);
  const wanted = schema.columns.filter(({ semanticType: type }) => type === 'text' || type === 'categorical');
  const values =
    flags.values === true
      ? await countCategories(
          source,
          wanted.map(({ name }) => name),
          signal,
        )
      : new Map<string, ColumnCategories | null>();
  return {
    ...(schema.displayName !== undefined && { displayName: schema.displayName }),
    ...(schema.description !== undefined && { description: schema.description }),
    rows: source.rowCount,
    patients: patients.size > 0 ? patients.size : null,
    files: counts?.files ?? null,
    skipped: counts?.skipped ?? {},
    columns: schema.columns.map(({ name, semanticType, description, categories }) => {
      const found = values.get(name);
      return {
        ...{ name, type: semanticType, missing: missing.get(name)! },
        ...(description !== undefined && { description }),
        ...(categories !== undefined && { released: categories }),
        ...(found !== undefined && { values: found }),
      };
    }),
    hidden: hiddenColumns,
    unreadable,
    ...(flags.decode === true && { undecodable: await checkImages(source, options) }),
  };
}

interface Fit {
  readonly problems: readonly string[];
  /** Rows after the task's filters; null when they leave none or cannot be applied. */
  readonly rows: number | null;
}

function fitOf(source: DataSource, { dataStructure }: Task): Fit {
  const problems = checkSchema(dataStructure, source.schema);
  const { filters } = dataStructure;
  if (filters === undefined) return { problems, rows: source.rowCount };
  if (source.narrowed === undefined)
    return { problems: [...problems, `the task filters files, a ${source.kind} has rows`], rows: null };
  try {
    return { problems, rows: source.narrowed(filters).rowCount };
  } catch (error) {
    return { problems: [...problems, (error as Error).message], rows: null };
  }
}

function* fitLines({ problems, rows }: Fit, all: number): Generator<string> {
  yield '';
  if (problems.length === 0) yield `  the task fits; after its filters ${rows} of ${all} rows are left`;
  else for (const problem of problems) yield `  the task does not fit: ${problem}`;
}
