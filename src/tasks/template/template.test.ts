import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isKonsilError } from '../../base/index.ts';
import { formOf, parseAnalysis, parseTask, readTask, type TaskInputs } from '../index.ts';
import { openYaml, valuesOf } from '../yamlFile.ts';
import { fillIn } from './fill.ts';

const FILE = new URL('../../../test/fixtures/tasks/templated.yaml', import.meta.url).pathname;
const TEXT = readFileSync(FILE, 'utf8');

const inputs = (texts: Record<string, string | string[]> = {}, more: Partial<TaskInputs> = {}): TaskInputs => ({
  texts: new Map(Object.entries(texts).map(([name, text]) => [name, typeof text === 'string' ? [text] : text])),
  folder: '/home/r',
  ...more,
});
const NEEDED = { checkpoint_path: 'start.onnx', feature_columns: '[bmi2, pulse]' };

type Json = { readonly [key: string]: Json };
/** The plain values of a task once its references are replaced. */
const filled = (text: string, given = inputs()): Json => valuesOf(fillIn(openYaml(text, 't.yaml'), given)) as Json;

const errorOf = (text: string, given?: TaskInputs): string => {
  try {
    fillIn(openYaml(text, 't.yaml'), given);
  } catch (error) {
    if (isKonsilError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'filled in';
};
/** A task of one value and one input. */
const small = (definition: string, value = '"{{ x }}"'): string =>
  `task: ${value}\ntemplate:\n  x: {label: X, ${definition}}\n`;

describe('filling in a template', () => {
  it('replaces every reference by its value, which keeps its type', () => {
    const task = parseTask(fillIn(openYaml(TEXT, '/srv/t.yaml'), inputs(NEEDED)), '/srv/t.yaml');
    expect(task).toMatchObject({
      training: { batchSize: 8, learningRate: 0.0001 },
      algorithm: { modellerCheckpointing: true },
      dataStructure: {
        target: 'relapse',
        categories: { relapse: ['no', 'yes'] },
        select: { include: ['age', 'bmi2', 'pulse', 'bmi'] },
      },
      local: { checkpointFilename: 'baseline', pretrainedFile: '/home/r/start.onnx' },
    });
  });

  it.each([
    ['type: number', '3', 3],
    ['type: number', '-1.5e-3', -0.0015],
    ['type: boolean', 'false', false],
    ['type: string', '3', '3'],
    ['type: array', '[1, "a b", no]', ['1', 'a b', 'no']],
    ['type: array', ['a', 'b=c'], ['a', 'b=c']],
    ['type: {array: {minItems: 1}}', 'single', ['single']],
    ['type: {file_path: {extension: tar}}', 'a/b.TAR', '/home/r/a/b.TAR'],
    ['type: {file_path: {extension: .tar}}', '/x/b.tar', '/x/b.tar'],
    ['type: {model_slug: {provider: huggingface, library: timm, author: org}}', 'org/model', 'org/model'],
    ['type: {schema_column_name: {semantic_type: image}}', 'Pixel Data 0', 'Pixel Data 0'],
    ['type: {schema_column_name_array: {semantic_type: text}}', ['a', 'b'], ['a', 'b']],
    ['type: task_filters', '[{filter_type: modality, value: OCT}]', [{ filter_type: 'modality', value: 'OCT' }]],
  ])('%s takes %j', (definition, given, value) => {
    expect(filled(small(definition), inputs({ x: given }))).toEqual({ task: value });
  });

  it.each([
    ['type: number', 'abc', 'expected a number, got "abc"'],
    ['type: number', '', 'expected a number, got ""'],
    ['type: number, minimum: 1', '0', 'expected at least 1, got 0'],
    ['type: boolean', 'yes', 'expected true or false, got "yes"'],
    ['type: string, pattern: "^[a-z]+$"', 'A1', 'expected text that matches ^[a-z]+$, got "A1"'],
    ['type: string', ['a', 'b'], 'is given 2 times; expected one value'],
    ['type: array, minItems: 2', 'a', 'expected a list with at least 2, got 1'],
    ['type: array', '[a, [b]]', '1: expected text, got a list'],
    ['type: {file_path: {extension: csv}}', 'a.tsv', 'expected a file that ends in .csv, got ".tsv"'],
    [
      'type: {model_slug: {provider: huggingface, library: timm, author: org}}',
      'other/m',
      'expected a model of org, org/…',
    ],
    ['type: {model_slug: {provider: huggingface, library: timm}}', 'a b', 'expected the id of a model, author/name'],
    ['type: task_filters', '[{filter_type: modality, value: MRI}]', '0.value: expected one of OCT, SLO, got "MRI"'],
    ['type: task_filters', '[', 'expected a list such as [a, b], got "["'],
  ])('%s refuses %j', (definition, given, message) => {
    expect(errorOf(small(definition), inputs({ x: given }))).toBe(`USAGE --set x: ${message}`);
  });

  it('takes a value from an option, else from the file of values, else its default', () => {
    const text = `task: ["{{ a }}", "{{ b }}", "{{ c }}"]
template:
  a: {label: A, type: number, default: 1}
  b: {label: B, type: number, default: 1}
  c: {label: C, type: number, default: 1}
`;
    const valuesFile = { file: 'v.yaml', text: 'a: 2\nb: 2\n' };
    expect(filled(text, inputs({ a: '3' }, { valuesFile }))).toEqual({ task: [3, 2, 1] });
  });

  it('has paths of the file of values start at its folder', () => {
    const valuesFile = { file: '/srv/v.yaml', text: 'x: a.csv\n' };
    expect(filled(small('type: file_path'), inputs({}, { valuesFile }))).toEqual({ task: '/srv/a.csv' });
  });

  it.each([
    ['x: "3"\n', 'CONFIG_INVALID v.yaml:1:4 x: expected a number, got "3"'],
    ['# here\ny: 3\n', 'CONFIG_INVALID v.yaml:2:1 y: t.yaml has no input y; there are x'],
    ['[3]\n', 'CONFIG_INVALID v.yaml:1:1 expected a map from names of inputs to values'],
  ])('finds what is wrong with the file of values %j', (text, message) => {
    expect(errorOf(small('type: number'), inputs({}, { valuesFile: { file: 'v.yaml', text } }))).toBe(message);
  });

  it('says where a value is missing and how to give it', () => {
    expect(errorOf('task:\n  batch_size: "{{ x }}"\ntemplate:\n  x: {label: Batch size, type: number}\n')).toBe(
      "CONFIG_INVALID t.yaml:2:15 task.batch_size: x (Batch size) has no value; give one with --set 'x=1' or in a file with --values, or a default in template.x",
    );
  });

  it('refuses names that are not defined', () => {
    expect(errorOf(TEXT, inputs({ ...NEEDED, batchsize: '3' }))).toMatch(
      /^USAGE --set batchsize: t\.yaml has no input batchsize; there are batch_size, /,
    );
    expect(errorOf('task: 1\n', inputs({ x: '3' }))).toBe('USAGE --set x: t.yaml takes no values; it has no template');
  });

  it('has what is wrong with a value at its reference', () => {
    const text = TEXT.replace('    minimum: 1\n', '');
    const line = text.split('\n').findIndex((one) => one.includes('{{ batch_size }}')) + 1;
    const read = (given: TaskInputs) => parseTask(fillIn(openYaml(text, 't.yaml'), given), 't.yaml');
    expect(() => read(inputs({ ...NEEDED, batch_size: '0' }))).toThrow(
      `t.yaml:${line}:23 task.algorithm.0.model.hyperparameters.batch_size: expected at least 1, got 0`,
    );
    const columns = text.split('\n').findIndex((one) => one.includes('{{ data_filters }}')) + 1;
    expect(() =>
      read(
        inputs({
          ...NEEDED,
          data_filters: '[{filter_type: min-frames, value: 9}, {filter_type: max-frames, value: 1}]',
        }),
      ),
    ).toThrow(`t.yaml:${columns}:13 task.data_structure.filter: min-frames 9 is more than max-frames 1`);
  });

  it('fills in the same value wherever an anchor is used', () => {
    expect(filled('a: &v "{{ x }}"\nb: *v\ntemplate: {x: {label: X, type: number, default: 2}}\n')).toEqual({
      a: 2,
      b: 2,
    });
  });
});

describe('a template', () => {
  it.each([
    ['task: "{{ y }}"\ntemplate: {}\n', '1:7 task: no input y is defined; expected it below template'],
    ['task: "{{ y }}"\n', '1:7 task: no input y is defined; expected it below template'],
    [
      'task: 1\ntemplate:\n  x: {label: X, type: number}\n',
      '3:3 template.x: is not used; write "{{ x }}" where its value belongs, or remove it',
    ],
    [small('type: number', '"a {{ x }}"'), '1:7 task: "{{ x }}" is part of a text; a reference is a whole value'],
    [small('type: number', '"{{ x y }}"'), '1:7 task: a reference is {{ name }}, got "{{ x y }}"'],
    [small('type: number', '{{ x }}'), '1:7 task: a reference stands in quotes: "{{ name }}"'],
    [
      small('type: number', '{"{{ x }}": 1}'),
      '1:8 task.{{ x }}: a reference cannot be a key; expected a value or an item',
    ],
    [small('type: nummer'), 'template.x.type: unknown type "nummer"; expected one of string, boolean, number'],
    [small('minimum: 3'), '3:3 template.x.type: is required; expected one of string'],
    [small('type: {string: {}, number: {}}'), 'template.x.type: expected one type, got 2'],
    [small('type: string, minimum: 3'), 'template.x.minimum: unknown key; allowed: label, tooltip, default, pattern'],
    [small('type: {string: {minimum: 3}}'), 'template.x.type.string.minimum: unknown key'],
    [small('type: {array: {minItems: 1}}, minItems: 1'), 'template.x.type.array.minItems: already given beside type'],
    [small('type: {array: {items: {type: number}}}'), 'template.x.type.array.items.type: lists are of text only'],
    [small('type: string, pattern: "("'), 'template.x.pattern: not a pattern: a "(" is not closed'],
    [small('type: number, minimum: 2, default: 1'), 'template.x.default: expected at least 2, got 1'],
    [small('type: {array: {default: [1]}}'), 'template.x.type.array.default: 0: expected text, got 1'],
    [
      small('type: {model_slug: {provider: other, library: timm}}'),
      'template.x.type.model_slug.provider: the only provider is huggingface',
    ],
    [small('type: {model_slug: {provider: huggingface}}'), 'library: is required'],
    [
      small('type: {schema_column_name: {semantic_type: picture}}'),
      'expected one of categorical, continuous, image, text',
    ],
    ['task: "{{ x }}"\ntemplate: {x: {type: number}}\n', '2:12 template.x.label: is required; expected text'],
    ['task: "{{ x }}"\ntemplate: {x: 3}\n', '2:15 template.x: expected a map with label and type'],
    ['task: 1\ntemplate: [x]\n', '2:11 template: expected a map from names to inputs'],
    ['task: 1\ntemplate: {"a b": {label: X, type: number}}\n', '2:12 template.a b: a name has letters'],
  ])('%j is refused', (text, message) => {
    expect(errorOf(text)).toContain(`CONFIG_INVALID t.yaml:`);
    expect(errorOf(text)).toContain(message);
  });

  it('is never part of a task that is sent', () => {
    expect(() => parseTask(fillIn(openYaml(`${TEXT}\n`, 't.yaml'), inputs(NEEDED)), 't.yaml')).not.toThrow();
    expect(valuesOf(fillIn(openYaml(TEXT, 't.yaml'), inputs(NEEDED)))).not.toHaveProperty('template');
  });

  it('is refused at its own places, below the type too', () => {
    const text = small('type: {array: {minItems: 1, default: [a, 1]}}');
    expect(errorOf(text)).toBe(
      `CONFIG_INVALID t.yaml:3:${text.split('\n')[2]!.indexOf('[a, 1]') + 1} template.x.type.array.default: 1: expected text, got 1`,
    );
  });

  it('explains the skeletons of the documentation', () => {
    const skeleton = 'task:\n  protocol:\n    name: bitfount.<Protocol>\n    arguments: { ... }\n';
    expect(errorOf(skeleton)).toBe(
      'CONFIG_INVALID t.yaml:4:16 task.protocol.arguments: "..." is a placeholder of the documentation; write the settings here or remove the key',
    );
  });
});

describe('the form of a task', () => {
  it('has the inputs in order, with what each may be', () => {
    const { form } = formOf(TEXT, FILE);
    expect(form.fields.map(({ name, required }) => `${name}${required ? ' *' : ''}`)).toEqual([
      'batch_size',
      'learning_rate',
      'run_label',
      'keep',
      'test_run',
      'checkpoint_path *',
      'feature_columns *',
      'extra_column',
      'target',
      'classes',
      'data_filters',
    ]);
    expect(form.fields[0]).toEqual({
      ...{ name: 'batch_size', type: 'number', label: 'Batch size' },
      ...{ tooltip: 'Number of samples per batch during training.', default: 8, required: false },
      ...{ constraints: { minimum: 1 }, used_at: ['task.algorithm.0.model.hyperparameters.batch_size'] },
    });
    const constraintsOf = (name: string) => form.fields.find((field) => field.name === name)?.constraints;
    expect(constraintsOf('checkpoint_path')).toEqual({ extension: 'onnx' });
    expect(constraintsOf('feature_columns')).toEqual({ semantic_type: 'continuous' });
    expect(constraintsOf('classes')).toEqual({ items: { type: 'string' }, minItems: 2 });
  });

  it('is empty for a task without a template', () => {
    expect(formOf('task: 1\n', 't.yaml').form.fields).toEqual([]);
  });
});

describe('reading a task file', () => {
  const folder = new URL('../../../test/fixtures/tasks/templates/', import.meta.url).pathname;

  it('fills in tasks that ask', () => {
    const text = readFileSync(join(folder, 'sql.yaml'), 'utf8');
    const read = (given = inputs()) => parseAnalysis(fillIn(openYaml(text, 't.yaml'), given), 't.yaml');
    expect(read()).toMatchObject({
      algorithm: { name: 'SqlQuery', query: 'SELECT * FROM `table` LIMIT 100' },
      protocol: { saveLocation: ['Modeller', 'Worker'] },
    });
    expect(read(inputs({ query: 'SELECT 1', save_location: 'Worker' }))).toMatchObject({
      algorithm: { query: 'SELECT 1' },
      protocol: { saveLocation: ['Worker'] },
    });
    expect(() => read(inputs({ save_location: 'Home' }))).toThrow(
      'task.protocol.arguments.save_location.0: expected one of Worker, Modeller, got "Home"',
    );
  });

  it('names every input without a value at once', async () => {
    await expect(readTask(FILE)).rejects.toThrow(/checkpoint_path .*\n.*feature_columns /);
  });

  it.each([
    [
      'timm.yaml',
      [
        'class_outputs',
        'checkpoint_path',
        'image_column_name',
        'retfound_model',
        'test_run',
        'force_rerun_failed_files',
      ],
    ],
    ['fineTuning.yaml', ['batch_size', 'learning_rate', 'weight_decay', 'target_column_name']],
    ['textClassification.yaml', ['target_column_name']],
    ['timmInference.yaml', ['image_column_name']],
  ])('knows the inputs of the documentation’s %s', (name, names) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(
      formOf(text, name)
        .form.fields.map((field) => field.name)
        .sort(),
    ).toEqual([...names].sort());
  });

  it('fills in the documentation’s example of all references', () => {
    const text = readFileSync(join(folder, 'timm.yaml'), 'utf8');
    const given = inputs({ retfound_model: 'bitfount/RETFound_MAE', checkpoint_path: '/c.tar' });
    const task = filled(text, given);
    expect(task).toMatchObject({ test_run: false, force_rerun_failed_files: true });
    expect(task['task']?.['algorithm']?.[0]).toMatchObject({
      arguments: {
        model_id: 'bitfount/RETFound_MAE',
        class_outputs: ['CNV (%)', 'DME (%)', 'DRUSEN (%)', 'NORMAL (%)'],
        checkpoint_path: '/c.tar',
      },
    });
    expect(task['task']?.['data_structure']?.['select']?.['include']).toEqual(['Pixel Data 0']);
  });
});
