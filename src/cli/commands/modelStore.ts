/** `konsil model add`, `list`, `show`, `rm`: models on this machine, by name and version. @module */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { DEFAULT_STORE, MODEL_LIMITS, ModelStore, type StoredVersion } from '../../modelStore/index.ts';
import { humanBytes, Output } from '../output.ts';
import { wholeNumber } from './shared.ts';

interface Flags {
  readonly store: string;
  readonly json?: boolean;
}

type AddFlags = Flags & {
  readonly name: string;
  readonly description?: string;
  readonly descriptionFile?: string;
  readonly licence?: string;
  readonly private?: boolean;
  readonly maxSize: string;
  readonly maxCode: string;
};

export function addModelStoreCommands(models: Command): void {
  const inStore = (command: Command): Command =>
    command.option('--store <folder>', 'where the models lie', DEFAULT_STORE).option('--json', 'one JSON value');
  const megabytes = (bytes: number): string => String(bytes / 1e6);
  inStore(models.command('add'))
    .description('keep a model file as a new version of a name; tasks refer to it as owner/name')
    .argument('<model.onnx | model.json | module>')
    .requiredOption('--name <owner/name>', 'what it is called')
    .option('--description <text>', 'what this version is, and what has changed')
    .option('--description-file <file>', 'the same from a file')
    .option('--licence <name>', 'under which terms it may be used')
    .option('--private', 'note that it is for its owner only')
    .option('--max-size <MB>', 'most megabytes of a model', megabytes(MODEL_LIMITS.weights))
    .option('--max-code <MB>', 'most megabytes of a module that builds a model', megabytes(MODEL_LIMITS.code))
    .action(add);
  inStore(models.command('list')).description('all models of the store').action(list);
  inStore(models.command('show'))
    .description('what is known of a model, or of one version')
    .argument('<owner/name[:version]>')
    .action(show);
  inStore(models.command('rm'))
    .description('remove a version, or all of a model; their numbers are not used again')
    .argument('<owner/name[:version]>')
    .action(remove);
}

async function add(file: string, flags: AddFlags): Promise<void> {
  const { name, licence, descriptionFile } = flags;
  if (flags.description !== undefined && descriptionFile !== undefined)
    throw new KonsilError('USAGE', 'give --description or --description-file, not both');
  const description = descriptionFile === undefined ? flags.description : await descriptionIn(descriptionFile);
  const { version, isNew } = await ModelStore.open(flags.store).add(file, {
    ...{ name, private: flags.private ?? false },
    ...(description !== undefined && { description }),
    ...(licence !== undefined && { licence }),
    limits: {
      weights: 1e6 * wholeNumber('--max-size', flags.maxSize, 1, 100_000),
      code: 1e6 * wholeNumber('--max-code', flags.maxCode, 1, 100_000),
    },
  });
  const output = new Output(flags.json ?? false);
  output.value({ name, isNew, ...version });
  const size = humanBytes(version.bytes);
  output.line(
    isNew
      ? `${name}:${version.version} added, ${size}`
      : `${name}:${version.version} has the same bytes; nothing was added, and what is noted of it stays`,
  );
  output.line(`in a task: model_ref: ${name}, model_version: ${version.version}`);
}

async function descriptionIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `--description-file ${file}: cannot be read`, { file }, { cause });
  }
}

async function list(flags: Flags): Promise<void> {
  const models = await ModelStore.open(flags.store).list();
  const output = new Output(flags.json ?? false);
  output.value({ store: flags.store, models });
  if (models.length === 0) output.line(`no models in ${flags.store}`);
  for (const { name, versions } of models) {
    const latest = versions.at(-1)!;
    const numbers = versions.map(({ version }) => version).join(', ');
    output.line(`${name.padEnd(32)} ${latest.kind}  ${humanBytes(latest.bytes).padStart(9)}  versions ${numbers}`);
  }
}

async function show(reference: string, flags: Flags): Promise<void> {
  const model = await ModelStore.open(flags.store).show(reference);
  const output = new Output(flags.json ?? false);
  output.value(model);
  for (const version of model.versions) output.line(versionLines(model.name, version).join('\n'));
}

function versionLines(name: string, version: StoredVersion): string[] {
  const ports = (list: StoredVersion['inputs']): string =>
    list.map((port) => `${port.name} ${port.dtype}[${port.dims.join(', ')}]`).join('; ') || 'not known';
  return [
    `${name}:${version.version}  ${version.private ? 'private' : 'public'}, added ${version.added}`,
    `  model       ${version.kind}, ${humanBytes(version.bytes)}, ${version.parameters} parameters, from ${version.source}`,
    `  sha256      ${version.sha256}`,
    `  inputs      ${ports(version.inputs)}`,
    `  outputs     ${ports(version.outputs)}`,
    `  licence     ${version.licence ?? 'not given'}`,
    ...(version.description === undefined
      ? []
      : version.description
          .trim()
          .split('\n')
          .map((line) => `  ${line}`)),
  ];
}

async function remove(reference: string, flags: Flags): Promise<void> {
  const removed = await ModelStore.open(flags.store).remove(reference);
  const output = new Output(flags.json ?? false);
  output.value({ reference, removed });
  const name = reference.replace(/:\d+$/, '');
  output.line(removed.map((version) => `${name}:${version} removed`).join('\n'));
}
