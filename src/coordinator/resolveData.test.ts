/** Categories that pods release, in a task that lists none: of all pods, in one order, only where they can be used. */
import { describe, expect, it } from 'vitest';
import type { ColumnSchema, Schema } from '../datasources/index.ts';
import type { TaskData } from '../tasks/index.ts';
import { releasedBy, resolveData } from './resolveData.ts';

const column = (name: string, semanticType: ColumnSchema['semanticType'], categories?: string[]): ColumnSchema => ({
  ...{ name, dataType: semanticType === 'continuous' ? 'number' : 'text', semanticType },
  ...(categories && { categories }),
});
const schema = (columns: ColumnSchema[]): Schema => ({ name: 'd', datasource: 'CSVSource', rowCount: 0, columns });
const offer = (json: string) => ({ member: {}, dataset: 'd', datasets: [{ name: 'd', schema: json }] });
const offered = (...columns: ColumnSchema[]) => offer(JSON.stringify(schema(columns)));
const structure: TaskData = {
  select: {},
  target: 'relapse',
  categories: { relapse: ['no', 'yes'] },
  standardise: true,
  split: {
    ...{ splitter: 'percentage', testPercentage: 10, validationPercentage: 10 },
    ...{ shuffle: true, stratify: false, seed: 0 },
  },
};

describe('released categories', () => {
  it('are those of all pods, sorted, whoever answers first; garbage is passed over', () => {
    const pods = [
      offered(column('ward', 'text', ['C', 'A'])),
      offer('{"garbage": true}'),
      offered(column('ward', 'text', ['B', 'A']), column('lonely', 'text', ['x'])),
    ];
    const expected = new Map([['ward', ['A', 'B', 'C']]]);
    expect(releasedBy(pods)).toEqual(expected);
    expect(releasedBy([...pods].reverse())).toEqual(expected);
  });

  it('are left out when they are more than a task may have', () => {
    const pods = [...Array(11).keys()].map((pod) =>
      offered(
        column(
          'c',
          'text',
          [...Array(1_000).keys()].map((i) => `${pod}-${i}`),
        ),
      ),
    );
    expect(releasedBy(pods.slice(0, 10)).get('c')).toHaveLength(10_000);
    expect(releasedBy(pods).size).toBe(0);
  });

  const columns = [
    column('relapse', 'text'),
    column('age', 'continuous'),
    column('ward', 'text'),
    column('grade', 'categorical'),
    column('note', 'text'),
  ];
  const released = new Map([
    ['ward', ['A', 'B']],
    ['grade', ['1', '2']],
    ['age', ['30', '31']],
    ['relapse', ['maybe', 'no', 'yes']],
    ['elsewhere', ['x', 'y']],
  ]);

  it('make text an input, and leave numbers, the target and what the task lists as they are', () => {
    const plain = resolveData({ ...structure, select: { exclude: ['grade'] } }, schema(columns), 'task.yaml', 'a');
    expect(plain.select.include).toEqual(['age']);
    const resolved = resolveData(structure, schema(columns), 'task.yaml', 'a', released);
    expect(resolved.select.include).toEqual(['age', 'grade', 'ward']);
    expect(resolved.categories).toEqual({ relapse: ['no', 'yes'], ward: ['A', 'B'], grade: ['1', '2'] });
    const own = { ...structure, categories: { ...structure.categories, ward: ['B', 'C'] } };
    expect(resolveData(own, schema(columns), 'task.yaml', 'a', released).categories['ward']).toEqual(['B', 'C']);
  });

  it('are of no use for columns that the task leaves out', () => {
    const some = { ...structure, select: { exclude: ['ward'] } };
    const resolved = resolveData(some, schema(columns), 'task.yaml', 'a', released);
    expect(Object.keys(resolved.categories)).toEqual(['relapse', 'grade']);
  });
});
