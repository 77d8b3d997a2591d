import { describe, expect, it } from 'vitest';
import { KonsilError } from '../base/index.ts';
import { fillInLabels, type Json, labelPathsOf, type PredictionTable, postprocess, postprocessors } from './index.ts';
import { parsePythonLiteral } from './pythonLiteral.ts';

const table = (columns: readonly string[], ...rows: readonly (readonly Json[])[]): PredictionTable => ({
  columns,
  rows,
});
/** `cells` of one column `c` after the steps, which are written as in a task. */
const cellsAfter = (cells: readonly Json[], ...steps: readonly object[]): Json[] =>
  postprocess(table(['c'], ...cells.map((cell) => [cell])), postprocessors.parse(steps)).rows.map(([cell]) => cell!);
const problemOf = (...steps: readonly unknown[]): string => {
  const { error } = postprocessors.safeParse(steps);
  return error ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n') : 'accepted';
};
const failureOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof KonsilError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no failure';
};
const transform = (name: unknown) => ({ type: 'transform', columns: ['c'], transform: name });
const patterns = { column_patterns: ['c'] };

describe('postprocess', () => {
  it('does what the documentation’s example says', () => {
    const steps = postprocessors.parse([
      { type: 'rename', columns: ['logits'], mapping: { logits: 'probabilities' } },
      { type: 'transform', columns: ['probabilities'], transform: 'softmax' },
    ]);
    const before = table(['id', 'logits'], ['a', [0, Math.log(3)]], ['b', [[5, 5]]], ['c', null]);
    const copy = structuredClone(before);
    const { columns, rows } = postprocess(before, steps);
    expect(columns).toEqual(['id', 'probabilities']);
    expect(rows[0]![1]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
    expect(rows.slice(1)).toEqual([
      ['b', [[0.5, 0.5]]],
      ['c', null],
    ]);
    expect(before).toEqual(copy);
  });

  it('goes by the order of the list', () => {
    const first = { type: 'rename', column_mapping: { c: 'd' } };
    expect(failureOf(() => cellsAfter([1], first, transform('exp')))).toBe(
      'DATA_COLUMN_MISSING predictions have no column c; there are d',
    );
    expect(cellsAfter([1], transform('exp'), first)).toEqual([Math.E]);
  });

  it('gives a list that is accepted again as it is', () => {
    const steps = postprocessors.parse([
      { type: 'rename', columns: ['a'], mapping: { a: 'c' } },
      transform('softmax'),
      { type: 'string_to_json', column_patterns: 'c' },
      { type: 'compound', postprocessing_sequence: [transform({ round: null })] },
      { type: 'huggingface_apply_id_to_labels', labels: { 0: 'no' } },
    ]);
    expect(postprocessors.parse(structuredClone(steps))).toEqual(steps);
  });
});

describe('rename', () => {
  it('takes both spellings', () => {
    const cells = table(['a', 'b'], [1, 2]);
    for (const args of [{ column_mapping: { a: 'b', b: 'a' } }, { columns: ['a', 'b'], mapping: { a: 'b', b: 'a' } }])
      expect(postprocess(cells, postprocessors.parse([{ type: 'rename', ...args }])).columns).toEqual(['b', 'a']);
  });

  it('makes no two columns of one name', () => {
    const steps = postprocessors.parse([{ type: 'rename', column_mapping: { a: 'b' } }]);
    expect(failureOf(() => postprocess(table(['a', 'b'], [1, 2]), steps))).toBe(
      'DATA_INVALID two columns of the predictions would be called b',
    );
  });
});

describe('transform', () => {
  it.each<[unknown, Json, Json]>([
    ['softmax', [1000, 1000], [0.5, 0.5]],
    ['log_softmax', [1000, 1000], [-Math.LN2, -Math.LN2]],
    ['argmax', [0.1, 0.7, 0.7], 1],
    [
      'argmax',
      [
        [0.1, 0.7],
        [3, 2],
      ],
      [1, 0],
    ],
    ['argmax', [[0.1, 0.7]], [1]],
    ['sigmoid', 0, 0.5],
    ['sigmoid', [0, [0]], [0.5, [0.5]]],
    ['log', [1, Math.E], [0, 1]],
    ['exp', 0, 1],
    ['sqrt', [4], [2]],
    ['abs', -2, 2],
    ['tanh', 0, 0],
    ['round', 2.5, 3],
    [{ round: { decimals: 2 } }, [1.005, -0.126, 12], [1.01, -0.13, 12]],
    [{ round: { decimals: 3 } }, 1.5e-9, 0],
  ])('%j of %j', (name, cell, expected) => {
    expect(cellsAfter([cell], transform(name))[0]).toEqual(expected);
  });

  it('has numbers of several columns belong together where a list is needed', () => {
    const cells = table(['a', 'b', 'id'], [0, Math.log(3), 'x']);
    const steps = postprocessors.parse([{ type: 'transform', columns: ['b', 'a'], transformations: ['softmax'] }]);
    const [row] = postprocess(cells, steps).rows;
    expect(row).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12), 'x']);
  });

  it('applies several in order', () => {
    const step = { type: 'transform', columns: ['c'], transformations: ['softmax', 'argmax'] };
    expect(cellsAfter([[1, 5, 2]], step)).toEqual([1]);
  });

  it.each<[string, Json, RegExp]>([
    ['softmax', 0.5, /row 2: softmax is of a list of numbers/],
    ['softmax', [0.5], /row 2: softmax is of a list of numbers/],
    ['softmax', [], /of an empty list/],
    ['sigmoid', 'Jane Doe', /expected a number/],
    ['log', [0], /not a finite number/],
    ['argmax', [1, 'Jane Doe'], /expected a number/],
  ])('%s of %j says where, and not what', (name, cell, message) => {
    const failure = failureOf(() => cellsAfter([null, cell], transform(name)));
    expect(failure).toMatch(/^DATA_INVALID predictions, column c, row 2: /);
    expect(failure).toMatch(message);
    expect(failure).not.toContain('Jane');
  });
});

describe('string_to_json', () => {
  it.each<[Json, Json]>([
    ['{"a": [1, null]}', { a: [1, null] }],
    ["{'a': (1, True, None), 'b': 'it\\'s'}", { a: [1, true, null], b: "it's" }],
    [['{"a": 1}'], [{ a: 1 }]],
    [
      ['1', '2'],
      ['1', '2'],
    ],
    ['free text', 'free text'],
    ['{1, 2}', '{1, 2}'],
    ['__import__("os")', '__import__("os")'],
    [`${'['.repeat(300)}${']'.repeat(300)}`, `${'['.repeat(300)}${']'.repeat(300)}`],
    [7, 7],
  ])('of %j', (cell, expected) => {
    expect(cellsAfter([cell], { type: 'string_to_json', ...patterns })).toEqual([expected]);
  });
});

describe('parsePythonLiteral', () => {
  it.each<[string, Json]>([
    ['\'a\' "b"', 'ab'],
    ["'\\x41\\u00e4\\101\\n\\q'", 'AäA\n\\q'],
    ['[1, -2.5, 1e3, .5, 1_000, 0x1F, +3,]', [1, -2.5, 1000, 0.5, 1000, 31, 3]],
    ['(1)', 1],
    ['(1,)', [1]],
    ['()', []],
    [' { 1 : "x" , } ', { 1: 'x' }],
    ['-0.0', -0],
  ])('%s', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual({ value });
  });

  it.each([
    '',
    '[1 2]',
    '[1',
    "'a",
    "'a\nb'",
    'nan',
    'true',
    '{1}',
    '{[1]: 2}',
    "b'a'",
    '1 2',
    '012',
    '1__0',
    '1.2.3',
    '[,]',
    "'''a'''",
    "'\\N{DASH}'",
    '1e999',
    "'\\xg0'",
    '{"a": 1 "b": 2}',
    'f(1)',
    '1j',
    `${'('.repeat(200)}1${')'.repeat(200)}`,
  ])('leaves %j', (text) => {
    expect(parsePythonLiteral(text)).toBeUndefined();
  });

  it('has no key with a meaning of its own', () => {
    const read = parsePythonLiteral("{'__proto__': {'polluted': 1}}")?.value as object;
    expect(Object.keys(read)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

describe('json_restructure', () => {
  const step = (maps: Record<string, string>, more: object = {}) => ({
    type: 'json_restructure',
    ...patterns,
    field_mappings: Object.entries(maps).map(([source_path, target_path]) => ({ source_path, target_path })),
    ...more,
  });

  it.each<[Record<string, string>, Json, Json]>([
    [{ 'out.label': 'label' }, { out: { label: 'x', p: 1 } }, { out: { p: 1 }, label: 'x' }],
    [{ label: 'out.name' }, { label: 'x' }, { out: { name: 'x' } }],
    [{ a: 'a.b' }, { a: 1 }, { a: { b: 1 } }],
    [{ a: 'b', b: 'c' }, { a: 1, b: 2 }, { c: 1 }],
    [{ 'list.1.x': 'x' }, { list: [{}, { x: 1 }] }, { list: [{}, {}], x: 1 }],
    [{ 'list.0': 'first' }, { list: [1, 2] }, { list: [2], first: 1 }],
    [{ missing: 'x' }, { a: 1 }, { a: 1 }],
    [{ a: 'b' }, [{ a: 1 }], [{ b: 1 }]],
    [{ a: 'b' }, [{ a: 1 }, { a: 2 }], [{ b: 1 }, { b: 2 }]],
    [{ a: 'b' }, 'text', 'text'],
  ])('%j of %j', (maps, cell, expected) => {
    expect(cellsAfter([cell], step(maps))).toEqual([expected]);
  });

  it('keeps the original when asked', () => {
    expect(cellsAfter([{ a: 1 }], step({ a: 'b' }, { keep_original: true }))).toEqual([{ a: 1, b: 1 }]);
  });

  it('reaches no prototype', () => {
    const [cell] = cellsAfter([{ a: 1 }], step({ a: '__proto__.polluted' }));
    expect(Object.keys(cell as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(cellsAfter([{ a: 1 }], step({ 'constructor.name': 'x' }))).toEqual([{ a: 1 }]);
  });

  it('overwrites no value on the way', () => {
    expect(failureOf(() => cellsAfter([{ a: 1, b: 2 }], step({ a: 'b.c' })))).toMatch(
      /row 1: target_path goes through/,
    );
  });
});

describe('json_key_rename', () => {
  const step = (more: object = {}) => ({
    type: 'json_key_rename',
    ...patterns,
    key_mappings: [{ source_key: 'class1', target_key: 'cat' }],
    ...more,
  });

  it('renames at every depth, or only at the top', () => {
    const cell = { class1: { class1: 1 }, list: [{ class1: 2 }] };
    expect(cellsAfter([cell], step())).toEqual([{ cat: { cat: 1 }, list: [{ cat: 2 }] }]);
    expect(cellsAfter([cell], step({ recursive: false }))).toEqual([{ cat: { class1: 1 }, list: [{ class1: 2 }] }]);
    const items = [{ class1: { class1: 1 } }, { class1: 2 }];
    expect(cellsAfter([items], step({ recursive: false }))).toEqual([[{ cat: { class1: 1 } }, { cat: 2 }]]);
  });

  it('drops no value', () => {
    expect(failureOf(() => cellsAfter([{ class1: 1, cat: 2 }], step()))).toMatch(/row 1: two keys would be called cat/);
  });
});

describe('json_wrap_in_list', () => {
  it('puts a list around all but nothing', () => {
    const cells = [{ a: 1 }, [1, 2], [1], 'x', null];
    expect(cellsAfter(cells, { type: 'json_wrap_in_list', ...patterns })).toEqual([
      [{ a: 1 }],
      [[1, 2]],
      [[1]],
      ['x'],
      null,
    ]);
  });

  it('is of the columns that match', () => {
    const steps = postprocessors.parse([{ type: 'json_wrap_in_list', column_patterns: ['^p_', 'json$'] }]);
    const { rows } = postprocess(table(['p_a', 'x_json', 'x_p_a'], [1, 2, 3]), steps);
    expect(rows).toEqual([[[1], [2], 3]]);
    expect(failureOf(() => postprocess(table(['a', 'b'], [1, 2]), steps))).toBe(
      'DATA_COLUMN_MISSING no column of the predictions matches ^p_ or json$; there are a, b',
    );
  });
});

describe('compound', () => {
  it('is its steps in order', () => {
    const sequence = [
      { type: 'string_to_json', ...patterns },
      { type: 'json_key_rename', ...patterns, key_mappings: [{ source_key: 'a', target_key: 'b' }] },
    ];
    const step = { type: 'compound', name: 'clean', postprocessing_sequence: sequence };
    expect(cellsAfter(['{"a": 1}'], step)).toEqual([{ b: 1 }]);
  });
});

describe('huggingface_apply_id_to_labels', () => {
  const step = { type: 'huggingface_apply_id_to_labels', filepath: 'config.json', key: 'id2label' };
  const config = JSON.stringify({ id2label: { 0: 'cat', 1: 'dog' }, heads: { size: { id2label: { 0: 'big' } } } });
  /** The list with its labels, as it is sent. */
  const filled = (more: object = {}) => {
    const list = [{ ...step, ...more }];
    expect(fillInLabels(list, (file) => (file === 'config.json' ? config : undefined))).toEqual([]);
    return list;
  };

  it('takes labels of a file, which sites do not need', () => {
    expect(labelPathsOf([{ type: 'compound', postprocessing_sequence: [step, step] }])).toEqual(['config.json']);
    expect(filled()).toEqual([{ type: step.type, labels: { 0: 'cat', 1: 'dog' } }]);
    expect(cellsAfter([1, '0', 'LABEL_1', [0, 1], { label: 0, score: 1 }], ...filled())).toEqual([
      'dog',
      'cat',
      'dog',
      ['cat', 'dog'],
      { label: 'cat', score: 1 },
    ]);
    expect(cellsAfter([0], ...filled({ key: 'heads.size.id2label' }))).toEqual(['big']);
  });

  it('leaves other columns alone', () => {
    const cells = table(['class', 'count'], [1, 1], [0, 7]);
    expect(postprocess(cells, postprocessors.parse(filled())).rows).toEqual([
      ['dog', 1],
      ['cat', 7],
    ]);
    expect(postprocess(cells, postprocessors.parse(filled({ columns: ['count'] }))).rows).toEqual([
      [1, 'dog'],
      [0, 7],
    ]);
  });

  it.each([
    [{ filepath: 'none.json' }, 'none.json cannot be read'],
    [{ key: 'labels' }, 'config.json has no map from ids to labels at labels'],
    [{ key: 'heads' }, 'config.json has at heads what is no id with its label'],
  ])('says what is wrong with %j', (more, message) => {
    const list = [{ ...step, ...more }];
    const read = (file: string): string | undefined => (file === 'config.json' ? config : undefined);
    expect(fillInLabels(list, read)).toEqual([{ path: [0, 'filepath'], message }]);
  });
});

describe('postprocessors', () => {
  it.each([
    [{ type: 'renam' }, '0.type: unknown postprocessor "renam"; expected one of rename, transform'],
    [{}, '0.type: is required; expected one of rename'],
    [{ type: 'ner_deidentification' }, '0.type: ner_deidentification needs the entities'],
    [{ type: 'rename' }, '0.column_mapping: is required'],
    [{ type: 'rename', column_mapping: { a: 'b' }, mapping: { a: 'b' } }, '0.mapping: already given as column_mapping'],
    [{ type: 'rename', columns: ['a'], mapping: { b: 'c' } }, '0.columns: and mapping differ in a'],
    [{ type: 'rename', columns: ['a'], mapping: { a: 'c', b: 'd' } }, '0.columns: and mapping differ in b'],
    [{ type: 'rename', column_mapping: {}, more: 1 }, '0: Unrecognized key: "more"'],
    [{ type: 'transform', columns: ['c'] }, '0.transform: is required; expected one of softmax'],
    [transform('soft'), '0.transform: '],
    [{ ...transform('exp'), transformations: ['log'] }, '0.transformations: already given as transform'],
    [transform({ round: { decimals: 99 } }), '0.transform'],
    [{ type: 'string_to_json', column_patterns: ['('] }, '0.column_patterns.0: not a pattern: a "(" is not closed'],
    [{ type: 'string_to_json', column_patterns: ['(a)\\1'] }, 'back references are not supported'],
    [
      { type: 'json_restructure', ...patterns, field_mappings: [{ source_path: 'a..b', target_path: 'c' }] },
      '0.field_mappings.0.source_path: expected keys',
    ],
    [{ type: 'json_key_rename', ...patterns, key_mappings: [] }, '0.key_mappings: '],
    [{ type: 'compound' }, '0.postprocessing_sequence: is required'],
    [
      { type: 'compound', name: 'pathology_to_segmentation' },
      '0.name: the preset pathology_to_segmentation is not supported: what its output looks like is not documented',
    ],
    [{ type: 'retinal_layers_to_segmentation' }, '0.type: the preset retinal_layers_to_segmentation is not supported'],
    [
      { type: 'compound', postprocessing_sequence: [{ type: 'x' }] },
      '0.postprocessing_sequence.0.type: unknown postprocessor "x"',
    ],
    [
      { type: 'huggingface_apply_id_to_labels', model_id: 'a/b', filepath: 'c', key: 'k' },
      '0.model_id: nothing is downloaded',
    ],
    [{ type: 'huggingface_apply_id_to_labels' }, '0.filepath: is required'],
  ])('refuses %j at its place', (step, message) => {
    expect(problemOf(step)).toContain(message);
  });

  it('bounds steps and nesting', () => {
    const nest = (depth: number): object =>
      depth === 0 ? transform('exp') : { type: 'compound', postprocessing_sequence: [nest(depth - 1)] };
    expect(problemOf(nest(4))).toBe('accepted');
    expect(problemOf(nest(5))).toContain('nested deeper than 5');
    const many = { type: 'compound', postprocessing_sequence: Array.from({ length: 60 }, () => transform('exp')) };
    expect(problemOf(many, many)).toContain('at most 100 steps in all');
  });
});
