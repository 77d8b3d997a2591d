/** `konsil model new`: a built-in architecture as an ONNX file. @module */
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { KonsilError, messageOf } from '../../base/index.ts';
import { didYouMean } from '../../datasources/index.ts';
import { inspectModel, ZOO, type ZooModel } from '../../training/index.ts';
import { humanBytes, Output } from '../output.ts';

type Spec = ZooModel['options'][string];
type Value = number | string | readonly number[];

export function addModelNewCommand(model: Command): void {
  const names = ZOO.map(({ name, title }) => `  ${name.padEnd(20)} ${title}`).join('\n');
  const group = model
    .command('new')
    .description('write a built-in architecture, with fresh weights, as an ONNX file')
    .usage('<name> --out <file.onnx> [options]')
    .argument('[name]')
    .allowExcessArguments()
    .allowUnknownOption()
    .addHelpText('after', `\nArchitectures (konsil model new <name> --help for options):\n${names}`)
    .helpCommand(false)
    .action((name: string | undefined) => {
      const known = ZOO.map((entry) => entry.name);
      const wrong = name === undefined ? 'which model?' : `no built-in model ${JSON.stringify(name)};`;
      const hint = name === undefined ? '' : didYouMean(name, known);
      throw new KonsilError('USAGE', `${wrong} there are ${known.join(', ')}${hint}`);
    });
  for (const entry of ZOO) addArchitecture(group, entry);
}

function addArchitecture(group: Command, { name, title, source, options, build }: ZooModel): void {
  const command = group
    .command(name, { hidden: true })
    .allowExcessArguments(false)
    .description(`${title}\n${source}`)
    .requiredOption('--out <file.onnx>', 'file to write')
    .option('--force', 'replace the file when it exists')
    .option('--json', 'one JSON value');
  for (const [key, spec] of Object.entries(options)) {
    const needed = spec.default === undefined ? 'required' : `default ${String(spec.default)}`;
    command.option(`--${key} <${placeholder(spec)}>`, `${spec.doc} (${needed})`);
  }
  command.action((flags: Readonly<Record<string, string>> & { out: string; force?: boolean; json?: boolean }) => {
    const given = Object.entries(options).flatMap(([key, spec]): [string, Value][] =>
      flags[key] === undefined ? [] : [[key, parse(spec, flags[key])]],
    );
    const bytes = build(Object.fromEntries(given));
    write(flags.out, bytes, flags.force ?? false);
    const { parameterCount, inputs, outputs } = inspectModel(bytes, flags.out);
    const output = new Output(flags.json ?? false);
    output.value({ file: flags.out, model: name, bytes: bytes.length, parameterCount });
    const shape = (ports: typeof inputs): string => `[${ports[0]!.dims.join(', ')}]`;
    output.line(`${flags.out}: ${name}, ${humanBytes(bytes.length)}, ${shape(inputs)} to ${shape(outputs)}`);
    output.line(`in a task: model_ref: ./${flags.out.split('/').at(-1)!}`);
  });
}

function placeholder({ kind }: Spec): string {
  return { count: 'n', counts: 'n,n,...', ratio: 'x', choice: 'name' }[kind];
}

/** What is no number stays text, so that the architecture refuses it and says what it expected. */
function parse(spec: Spec, text: string): Value {
  const number = (part: string): number | string =>
    part.trim() === '' || Number.isNaN(Number(part)) ? part : Number(part);
  if (spec.kind === 'choice') return text;
  if (spec.kind !== 'counts') return number(text);
  return (text === '' ? [] : text.split(',').map(number)) as readonly number[];
}

function write(file: string, bytes: Uint8Array, force: boolean): void {
  if (!force && existsSync(file))
    throw new KonsilError('FILE_WRITE_FAILED', `${file} exists already; give another --out, or --force to replace it`);
  try {
    writeFileSync(file, bytes);
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${file}: cannot write the model: ${messageOf(cause)}`, {}, { cause });
  }
}
