import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { MemorySource } from '../../sim/data/memorySource.ts';
import { openDataset } from '../../src/datasources/index.ts';
import { describeDataSource } from './dataSource.ts';

const path = new URL('../fixtures/data/mixed.csv', import.meta.url).pathname;
describeDataSource('CSVSource', () => openDataset({ name: 'mixed', datasource: 'CSVSource', path }));
describeDataSource('MemorySource', async () => {
  const columns = { age: [61, 7.5, null], smoker: ['yes', 'no', 'no'], y: ['a', 'b', 'a'] };
  return new MemorySource('mixed', { rows: 3, columns, target: 'y', classes: ['a', 'b'] });
});

const server = createServer((request, response) => {
  if (request.url === '/mixed.csv') return void response.end(readFileSync(path));
  const answers: Record<string, unknown> = {
    '/service/templates?format=json': { templates: { all: { view: ['A.age', 'A.site'] } } },
    '/service/model?format=json': { model: { classes: { A: { attributes: { age: { type: 'int' } } } } } },
  };
  let form = '';
  request.on('data', (bytes: Buffer) => (form += bytes.toString()));
  request.on('end', () => {
    const start = Number(new URLSearchParams(form).get('start'));
    const rows = [
      [61, 'a'],
      [7, null],
      [null, 'b'],
      [33, 'a'],
    ].slice(start);
    response.end(JSON.stringify(answers[request.url!] ?? { results: rows }));
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const folder = mkdtempSync(join(tmpdir(), 'konsil-contract-'));
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
describeDataSource('CSVSource at an address', () =>
  openDataset({
    ...{ name: 'mixed', datasource: 'CSVSource', url: `${url}/mixed.csv` },
    path: join(folder, 'mixed.table'),
  }),
);
describeDataSource('InterMineSource', () =>
  openDataset({ name: 'mine', datasource: 'InterMineSource', serviceUrl: `${url}/service`, templateName: 'all' }),
);
