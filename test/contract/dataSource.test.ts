import { openDataset } from '../../src/datasources/index.ts';
import { describeDataSource } from './dataSource.ts';

const path = new URL('../fixtures/data/mixed.csv', import.meta.url).pathname;
describeDataSource('CSVSource', () => openDataset({ name: 'mixed', datasource: 'CSVSource', path }));
