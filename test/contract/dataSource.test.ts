import { MemorySource } from '../../sim/data/memorySource.ts';
import { openDataset } from '../../src/datasources/index.ts';
import { describeDataSource } from './dataSource.ts';

const path = new URL('../fixtures/data/mixed.csv', import.meta.url).pathname;
describeDataSource('CSVSource', () => openDataset({ name: 'mixed', datasource: 'CSVSource', path }));
describeDataSource('MemorySource', async () => {
  const columns = { age: [61, 7.5, null], smoker: ['yes', 'no', 'no'], y: ['a', 'b', 'a'] };
  return new MemorySource('mixed', { rows: 3, columns, target: 'y', classes: ['a', 'b'] });
});
