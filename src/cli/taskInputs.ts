/**
 * Values for the inputs of a task: options, a file of values, and questions on a terminal for what is missing.
 * @module
 */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { KonsilError } from '../base/index.ts';
import {
  fieldsWithoutValue,
  formOf,
  readConfigText,
  type TaskInputs,
  type TemplateField,
  valueFromTexts,
} from '../tasks/index.ts';

export interface InputFlags {
  readonly set?: readonly string[];
  readonly values?: string;
  readonly ask?: boolean;
  readonly json?: boolean;
}

/** The options that give values; read by {@link taskInputs}. */
export function addInputOptions(command: Command): Command {
  return addSetOption(command)
    .option('--values <file.yaml>', 'values for the inputs: a map from names to values')
    .option('--ask', 'ask on the terminal for every input, not only for those without a value');
}

/** `--set` alone. */
export function addSetOption(command: Command): Command {
  return command.option(
    '--set <name=value>',
    'value for an input of the task’s template; again for more, or for more items of a list',
    (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
  );
}

/** Where questions are asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Whoever sits there, unless the output is for machines. */
function terminalOf({ json }: InputFlags): Terminal | undefined {
  const isInteractive = process.stdin.isTTY && process.stderr.isTTY && json !== true;
  return isInteractive ? { input: process.stdin, output: process.stderr } : undefined;
}

/**
 * The values for the task in `file`. Asks at a terminal for what has none; without one it stays missing, and whoever
 * reads the task says so.
 * @throws KonsilError USAGE for options that do not fit, CONFIG_INVALID or FILE_NOT_FOUND for the files.
 */
export async function taskInputs(
  file: string,
  flags: InputFlags,
  terminal: Terminal | undefined = terminalOf(flags),
): Promise<TaskInputs> {
  const texts = textsOf(flags.set ?? []);
  const { values } = flags;
  const given: TaskInputs = {
    texts,
    folder: process.cwd(),
    ...(values !== undefined && { valuesFile: { file: values, text: await readConfigText(values) } }),
  };
  if (flags.ask && terminal === undefined) throw new KonsilError('USAGE', '--ask: there is no terminal to ask on');
  if (terminal === undefined) return given;
  const { fields } = formOf(await readConfigText(file), file);
  const missing = fieldsWithoutValue(fields, file, given);
  const asked = flags.ask ? fields.filter(({ name }) => !texts.has(name)) : missing;
  if (asked.length === 0) return given;
  return { ...given, texts: new Map([...texts, ...(await askFor(asked, missing, given.folder, terminal))]) };
}

function textsOf(options: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>();
  for (const option of options) {
    const at = option.indexOf('=');
    if (at < 1) throw new KonsilError('USAGE', `--set ${option}: expected name=value`);
    const name = option.slice(0, at);
    texts.set(name, [...(texts.get(name) ?? []), option.slice(at + 1)]);
  }
  return texts;
}

/** Asks for each field until the answer fits. An empty answer keeps the value of a field that has one. */
async function askFor(
  fields: readonly TemplateField[],
  missing: readonly TemplateField[],
  folder: string,
  { input, output }: Terminal,
): Promise<[string, readonly string[]][]> {
  const prompt = createInterface({ input, output });
  const lines = prompt[Symbol.asyncIterator](); // keeps lines that come before they are asked for
  const answers: [string, readonly string[]][] = [];
  try {
    for (const field of fields) {
      output.write(`\n${introduction(field)}\n`);
      for (;;) {
        prompt.setPrompt(`${field.name}${shownDefault(field)}: `);
        prompt.prompt();
        const line = await lines.next();
        if (line.done) throw new KonsilError('CANCELLED', 'no value given');
        const answer = line.value.trim();
        if (answer === '' && !missing.includes(field)) break;
        const texts = answersOf(field, answer);
        const read = answer === '' ? { problem: 'expected a value' } : valueFromTexts(field, texts, folder);
        if ('problem' in read) {
          output.write(`  ${read.problem}\n`);
          continue;
        }
        answers.push([field.name, texts]);
        break;
      }
    }
    return answers;
  } finally {
    prompt.close();
  }
}

function introduction({ label, tooltip, type }: TemplateField): string {
  const hints: Partial<Record<TemplateField['type'], string>> = {
    boolean: 'true or false',
    array: 'items with commas',
    schema_column_name_array: 'columns with commas',
    task_filters: 'as [{filter_type: …, value: …}]',
  };
  const hint = hints[type] === undefined ? '' : ` (${hints[type]})`;
  return `${label}${hint}${tooltip === undefined ? '' : `\n  ${tooltip.trim()}`}`;
}

function shownDefault({ default: value }: TemplateField): string {
  if (value === undefined) return '';
  return ` [${Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.join(', ') : typeof value === 'string' ? value : JSON.stringify(value)}]`;
}

/** At a question, commas part the items of a list. */
function answersOf({ type }: TemplateField, answer: string): readonly string[] {
  const isList = type === 'array' || type === 'schema_column_name_array';
  return isList && !answer.startsWith('[') ? answer.split(',').map((item) => item.trim()) : [answer];
}
