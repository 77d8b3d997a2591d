/** What a pod file says of its datasets for people, as the pod has it. */
import { describe, expect, it } from 'vitest';
import type { DatasourceConfig } from '../datasources/index.ts';
import { parsePodConfig } from './index.ts';

const configOf = (more: string, kind = 'datasource: CSVSource, datasource_args: {path: ./a.csv}'): DatasourceConfig =>
  parsePodConfig(
    `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources: [{name: d, ${kind}, ${more}}]
approved_modellers: [researcher]
`,
    'pod.yaml',
  ).datasources[0]!;

describe('descriptions in a pod file', () => {
  it('are of the dataset and of its columns', () => {
    const config = configOf(
      'data_config: {description: less, column_descriptions: {age: in years}, released_categories: [ward]}, datasource_details_config: {display_name: Wards, description: more}',
    );
    expect(config.description).toEqual({ displayName: 'Wards', description: 'more', columns: { age: 'in years' } });
    expect(config).toMatchObject({ releasedCategories: ['ward'] });
    expect(configOf('data_config: {description: less}').description).toEqual({ description: 'less' });
    expect(configOf('data_config: {}')).not.toHaveProperty('description');
  });

  it('are of a database too, which has no categories to release', () => {
    const omop = 'datasource: OMOPSource, datasource_args: {connection_string: "postgresql://a@b/c", version: v5.4}';
    const config = configOf('data_config: {column_descriptions: {person.person_id: who}}', omop);
    expect(config.description).toEqual({ columns: { 'person.person_id': 'who' } });
    expect(() => configOf('data_config: {released_categories: [person.x]}', omop)).toThrow(
      /released_categories: only for sources of one table/,
    );
  });

  it('are short', () => {
    expect(() => configOf(`data_config: {column_descriptions: {age: ${'a'.repeat(201)}}}`)).toThrow(
      /column_descriptions\.age/,
    );
    const many = Array.from({ length: 1_001 }, (_, i) => `c${i}: x`).join(', ');
    expect(() => configOf(`data_config: {column_descriptions: {${many}}}`)).toThrow(/at most 1000 columns/);
  });
});
