/** InterMine servers that answer as they should, and as they should not; the recorded model of a real one when it is there. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { itWithSamples, readSample } from '../../../test/support/deviceSamples.ts';
import { type Asked, serve } from '../../../test/support/httpServer.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { openDataset } from '../openDataset.ts';
import { InterMineSource } from './interMineSource.ts';

const TOKEN = 'token-4711';
const MODEL = {
  classes: {
    Employee: {
      attributes: {
        age: { type: 'java.lang.Integer' },
        fullTime: { type: 'boolean' },
        name: { type: 'java.lang.String' },
      },
      references: { department: { referencedType: 'Department' } },
    },
    Department: {
      attributes: { budget: { type: 'double' } },
      collections: { employees: { referencedType: 'Employee' } },
    },
  },
};
const TEMPLATE = {
  view: ['Employee.name', 'Employee.age', 'Employee.fullTime', 'Employee.department.budget', 'Employee.constructor'],
  where: [
    { path: 'Employee.age', op: '>', value: 18, code: 'A', editable: true },
    { path: 'Employee.name', op: '!=', value: 'x', editable: false },
    { path: 'Employee.department', op: 'LOOKUP', value: 'Sales', extraValue: 'UK', editable: true, switched: 'ON' },
    { path: 'Employee.end', op: '=', value: '1', editable: true, switched: 'OFF' },
  ],
};
const rowsOf = (count: number): unknown[][] =>
  Array.from({ length: count }, (_, i) => [`n${i % 3}`, 20 + i, i % 2 === 0, i / 4, null]);

interface Mine {
  readonly rows?: unknown[][];
  /** Rows that it gives at once at most. */
  readonly cap?: number;
  readonly change?: (json: Record<string, unknown>, asked: Asked) => unknown;
}

/** A server as InterMine's web services describe themselves. */
async function mine({ rows = rowsOf(25), cap = 10_000, change = (json) => json }: Mine = {}) {
  const { url, log } = await serve((asked, response) => {
    if (asked.headers.authorization !== `Token ${TOKEN}`)
      return void response.writeHead(401).end(JSON.stringify({ error: `bad ${TOKEN}`, wasSuccessful: false }));
    const body = new URLSearchParams(asked.body);
    const [start, size] = [Number(body.get('start')), Number(body.get('size'))];
    const answers: Record<string, Record<string, unknown>> = {
      '/mine/service/templates?format=json': { templates: { staff: TEMPLATE } },
      '/mine/service/model?format=json': { model: MODEL },
      '/mine/service/template/results': {
        views: TEMPLATE.view,
        results: rows.slice(start, start + Math.min(size, cap)),
      },
    };
    const found = answers[asked.path];
    if (found === undefined) return void response.writeHead(404).end('{}');
    const json = change({ ...found, wasSuccessful: true, error: null, statusCode: 200 }, asked);
    response.end(typeof json === 'string' ? json : JSON.stringify(json));
  });
  return { url: `${url}/mine/service`, log };
}
const config = (serviceUrl: string) =>
  ({
    name: 'staff',
    datasource: 'InterMineSource',
    serviceUrl,
    templateName: 'staff',
    token: { string: TOKEN },
  }) as const;

describe('InterMineSource', () => {
  it('has the views of a template as typed columns, and sends the values that the template has', async () => {
    const { url, log } = await mine();
    const source = await openDataset(config(url));
    expect(source.schema.columns.map(({ name, dataType }) => [name, dataType])).toEqual([
      ['Employee.name', 'text'],
      ['Employee.age', 'integer'],
      ['Employee.fullTime', 'boolean'],
      ['Employee.department.budget', 'number'],
      ['Employee.constructor', 'text'],
    ]);
    expect((await source.getData([7])).columns).toEqual({
      ...{ 'Employee.name': ['n1'], 'Employee.age': [27], 'Employee.fullTime': ['false'] },
      ...{ 'Employee.department.budget': [1.75], 'Employee.constructor': [null] },
    });
    source.close();
    expect(Object.fromEntries(new URLSearchParams(log[2]!.body))).toEqual({
      ...{ name: 'staff', format: 'json', start: '0', size: '10000' },
      ...{ constraint1: 'Employee.age', op1: '>', value1: '18', code1: 'A' },
      ...{ constraint2: 'Employee.department', op2: 'LOOKUP', value2: 'Sales', extra2: 'UK' },
    });
  });

  it.each([
    [10, 10_000],
    [10, 3],
    [25, 10_000],
    [1_000, 24],
  ])('gets all rows by pages of %i from a server that gives at most %i', async (pageRows, cap) => {
    const { url } = await mine({ cap });
    const source = await InterMineSource.open({ ...config(url), pageRows });
    expect(source.rowCount).toBe(25);
    expect((await source.getData(Array.from({ length: 25 }, (_, i) => i))).columns['Employee.age']).toEqual(
      Array.from({ length: 25 }, (_, i) => 20 + i),
    );
    source.close();
  });

  it('takes its token from a file that only its owner may read', async () => {
    const { url } = await mine();
    const file = join(tempFolder(), 'token');
    writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
    (await openDataset({ ...config(url), token: { file } })).close();
  });

  const results = (change: (rows: unknown[][]) => unknown) => (json: Record<string, unknown>) =>
    'results' in json ? { ...json, results: change(json.results as unknown[][]) } : json;
  it.each<[string, Mine['change'], string, RegExp]>([
    [
      'words for numbers',
      results((rows) => rows.map(() => ['a', 'sesame', true, 1, null])),
      'DATA_INVALID',
      /column "Employee.age": expected numbers/,
    ],
    [
      'numbers that JSON rounds',
      results((rows) => rows.map(() => ['a', 2 ** 53, true, 1, null])),
      'DATA_INVALID',
      /2\^53 - 1/,
    ],
    [
      'rows of another width',
      results((rows) => rows.map(() => ['sesame'])),
      'DATA_INVALID',
      /rows of other than 5 cells/,
    ],
    ['more rows than asked', results(() => rowsOf(101)), 'DATA_INVALID', /sends 101 rows; expected at most 100/],
    [
      'cells of cells',
      results((rows) => rows.map(() => [['sesame'], 1, true, 1, null])),
      'DATA_INVALID',
      /does not answer as/,
    ],
    ['no rows', results(() => []), 'DATA_EMPTY', /gives no rows/],
    ['half a page', (json) => JSON.stringify(json).slice(0, -9), 'DATA_INVALID', /no JSON, or not all of it/],
    ['an error', (json) => ({ ...json, wasSuccessful: false, error: 'sesame' }), 'DATA_INVALID', /does not answer as/],
    ['another server', () => '<html>sesame</html>', 'DATA_INVALID', /no JSON/],
    [
      'a huge page',
      (json) => ('results' in json ? ' '.repeat(65_000_000) : json),
      'DATA_UNSUPPORTED',
      /more than 64000000 bytes/,
    ],
    [
      'no such template',
      (json) => ('templates' in json ? { templates: {} } : json),
      'DATA_INVALID',
      /has no template "staff"/,
    ],
    [
      'a column twice',
      (json) => ('templates' in json ? { templates: { staff: { view: ['A.b', 'A.b'] } } } : json),
      'DATA_INVALID',
      /has a column twice/,
    ],
  ])('refuses %s', async (_, change, code, message) => {
    const { url } = await mine({ ...(change && { change }) });
    const error = await InterMineSource.open({ ...config(url), pageRows: 100 }).catch((caught: Error) => caught);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(`${(error as Error).message}${String((error as Error).cause)}`).not.toMatch(/sesame|4711/);
  });

  it('refuses a wrong token, another machine without encryption, and a redirect', async () => {
    const { url } = await mine();
    const fails = (changes: object) => openDataset({ ...config(url), ...changes }).catch((error: Error) => error);
    expect(await fails({ token: { string: 'wrong' } })).toMatchObject({
      ...{ code: 'DATA_UNREACHABLE', message: `${url} refuses the token (401)` },
    });
    expect(await fails({ serviceUrl: 'http://mine.example/service' })).toMatchObject({ code: 'CONFIG_INVALID' });
    const other = await serve((_, response) => void response.writeHead(302, { location: `${url}/x` }).end());
    expect(await fails({ serviceUrl: other.url })).toMatchObject({ code: 'DATA_UNREACHABLE' });
  });

  itWithSamples('types columns by the model of a real server', async () => {
    const recorded = JSON.parse(Buffer.from(readSample('intermine/recorded.json')).toString()) as {
      path: string;
      response: Record<string, unknown>;
    }[];
    const model = recorded.find(({ path }) => path.endsWith('intermine-demo/service/model?format=json'))!.response;
    const page = recorded.find(
      ({ path, response }) =>
        path.endsWith('query/results') &&
        (response.views as string[] | undefined)?.includes('Employee.age') === true &&
        (response.results as unknown[]).length > 2,
    )!.response;
    const view = page.views as string[];
    const all = page.results as unknown[][];
    const { url } = await mine({
      rows: all,
      change: (json) => ('model' in json ? model : 'templates' in json ? { templates: { staff: { view } } } : json),
    });
    const source = await openDataset({ ...config(url), exposeColumns: view });
    expect(source.rowCount).toBe(all.length);
    expect(source.schema.columns.find(({ name }) => name === 'Employee.age')).toMatchObject({ dataType: 'integer' });
    expect((await source.getData([0])).columns['Employee.age']).toEqual([all[0]![view.indexOf('Employee.age')]]);
    source.close();
  });
});
