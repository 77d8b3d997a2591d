import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isKonsilError } from '../base/index.ts';
import { parsePodConfig, readPodConfig } from './index.ts';

const GOOD = `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources:
  - name: tumours
    datasource: CSVSource
    datasource_args: {path: ./a.csv}
approved_modellers: [researcher]
`;

const messageFor = (text: string): string => {
  try {
    parsePodConfig(text, 'pod.yaml');
  } catch (error) {
    if (isKonsilError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('parsePodConfig', () => {
  it('fills in cautious defaults', () => {
    expect(parsePodConfig(GOOD, '/srv/pod.yaml')).toEqual({
      file: '/srv/pod.yaml',
      name: 'hospital-a',
      broker: { url: 'mqtt://127.0.0.1:1883' },
      identity: '/srv/keys/hospital-a',
      datasources: [{ name: 'tumours', datasource: 'CSVSource', path: '/srv/a.csv' }],
      approvedModellers: ['researcher'],
      policy: {
        requireSecureAggregation: true,
        minimumCohort: 3,
        cohortChange: 'refuse',
        shareSiteMetrics: false,
        minimumTestRows: 10,
        allowedProtocols: [
          ...['FederatedAveraging', 'ResultsOnly', 'InferenceAndCSVReport', 'InferenceAndReturnCSVReport'],
          ...['InstrumentedInferenceAndCSVReport', 'InferenceAndImageOutput'],
        ],
        allowsStatistics: false,
      },
      limits: {
        ...{ parallelRuns: 1, queue: 8, coordinatorGraceMs: 600_000 },
        inference: { resilience: true, mostFailures: 5, retries: true },
      },
      device: 'auto',
      threads: 1,
      state: '/srv/state/hospital-a',
    });
  });

  it('takes a device, or several in order, and a number of threads', () => {
    expect(parsePodConfig(`${GOOD}device: cuda\nthreads: 4\n`, 'pod.yaml')).toMatchObject({
      device: 'cuda',
      threads: 4,
    });
    expect(parsePodConfig(`${GOOD}device: [webgpu, cpu]\n`, 'pod.yaml').device).toEqual(['webgpu', 'cpu']);
    expect(messageFor(`${GOOD}device: gpu\n`)).toMatch(
      /pod\.yaml:8:9 device: expected one of auto, cpu, webgpu, cuda, dml, coreml, got "gpu"/,
    );
    expect(messageFor(`${GOOD}device: []\n`)).toMatch(/pod\.yaml:\d+:\d+ device: /);
    expect(messageFor(`${GOOD}device: [auto, cpu]\n`)).toMatch(/pod\.yaml:\d+:\d+ device/);
    expect(messageFor(`${GOOD}threads: 0\n`)).toMatch(/pod\.yaml:\d+:\d+ threads: /);
  });

  it('takes the arguments of the data source', () => {
    const text = GOOD.replace(
      '{path: ./a.csv}',
      '{path: ./a.csv, delimiter: ";", null_values: ["", "?"]}\n    data_config: {force_stypes: {categorical: [sex]}, ignore_cols: [id], coarse_dates: month}',
    );
    expect(parsePodConfig(text, '/srv/pod.yaml').datasources[0]).toEqual({
      name: 'tumours',
      datasource: 'CSVSource',
      coarseDates: 'month',
      path: '/srv/a.csv',
      delimiter: ';',
      nullValues: ['', '?'],
      forceStypes: { categorical: ['sex'], continuous: [], text: [] },
      ignoreColumns: ['id'],
    });
  });

  it('takes folders of files, with the rules of the site about them', () => {
    const text = GOOD.replace('CSVSource', 'bitfount.HeidelbergSource').replace(
      '{path: ./a.csv}',
      `{path: ./scans, modality: OCT, minimum_dob: {year: 1940}, maximum_dob: {year: 1999, month: 6}, minimum_num_bscans: 19}
    data_config:
      expose_cols: [PatientSex]
      file_system_filters: {file_extension: [SDB, .e2e], strict_file_extension: false, min_file_size: 0.5, file_modification_min_date: {year: 2020, month: 2, day: 3}}`,
    );
    expect(parsePodConfig(text, '/srv/pod.yaml').datasources[0]).toEqual({
      name: 'tumours',
      datasource: 'HeidelbergSource',
      path: '/srv/scans',
      filters: {
        extensions: ['.sdb', '.e2e'],
        minFileSize: 0.5,
        modified: { from: '2020-02-03' },
        modality: 'OCT',
        born: { from: '1940-01-01', to: '1999-06-31' },
        minFrames: 19,
      },
      detectsByContent: true,
      infersLabels: false,
      exposeColumns: ['PatientSex'],
      cacheFile: '/srv/state/hospital-a/datasets/tumours.db',
    });
  });

  it('takes a table at an address, read as pandas would be told to', () => {
    const text = GOOD.replace(
      /datasource_args.*/,
      `datasource_args: {path: 'https://data.example/x.csv.gz', redirect_hosts: [cdn.example], read_csv_kwargs: {sep: ';', header: null,
        names: [a, b], usecols: [a], dtype: {a: str}, na_values: [none], skiprows: 2, nrows: 10, encoding: latin1, decimal: ',', thousands: '.',
        quotechar: "'", comment: '#', compression: infer}}`,
    );
    expect(parsePodConfig(text, '/srv/pod.yaml').datasources[0]).toEqual({
      ...{
        name: 'tumours',
        datasource: 'CSVSource',
        url: 'https://data.example/x.csv.gz',
        redirectHosts: ['cdn.example'],
      },
      ...{ path: '/srv/state/hospital-a/datasets/tumours.table', delimiter: ';' },
      nullValues: ['', 'NA', 'NaN', 'null', '.', 'N/A', 'nan', 'NULL', 'none'],
      reading: {
        ...{
          quote: "'",
          comment: '#',
          decimal: ',',
          thousands: '.',
          encoding: 'latin-1',
          skipRows: 2,
          hasHeader: false,
        },
        ...{ names: ['a', 'b'], columns: ['a'], types: { a: 'text' }, maxRows: 10 },
      },
    });
  });

  it('takes databases and servers, with secrets in files or not', () => {
    const source = (kind: string, args: string, rest = '') =>
      parsePodConfig(
        GOOD.replace('CSVSource', kind).replace(/datasource_args.*/, `datasource_args: {${args}}${rest}`),
        '/srv/pod.yaml',
      ).datasources[0];
    expect(
      source(
        'OMOPSource',
        'connection_file: clinic.url, version: v5.4, schema: cdm',
        '\n    data_config: {expose_cols: [note.note_text]}',
      ),
    ).toEqual({
      ...{ name: 'tumours', datasource: 'OMOPSource', version: 'v5.4', schema: 'cdm' },
      ...{ connection: { file: '/srv/clinic.url' }, exposeColumns: ['note.note_text'] },
    });
    expect(source('OMOPSource', "connection_string: 'postgresql://u@h/d', version: v3.0")).toMatchObject({
      connection: { string: 'postgresql://u@h/d' },
    });
    expect(
      source('InterMineSource', "service_url: 'https://m/service', template_name: t, token_file: m.token"),
    ).toEqual({
      ...{ name: 'tumours', datasource: 'InterMineSource', serviceUrl: 'https://m/service', templateName: 't' },
      token: { file: '/srv/m.token' },
    });
  });

  it.each([
    [
      'a bad name',
      GOOD.replace('hospital-a', 'hospital_a'),
      'pod.yaml:1:7 name: expected 3 to 70 letters, digits and hyphens',
    ],
    ['no broker', GOOD.replace(/broker.*\n/, ''), 'broker: is required; expected a map'],
    [
      'a broker without scheme',
      GOOD.replace('mqtt://', ''),
      'pod.yaml:2:15 broker.url: expected an address such as mqtt://',
    ],
    [
      'another source',
      GOOD.replace('CSVSource', 'NullSource'),
      'pod.yaml:5:17 datasources.0.datasource: data source NullSource is not supported by this version',
    ],
    [
      'an option of pandas that is not known here',
      GOOD.replace(/datasource_args: \{/, 'datasource_args: {read_csv_kwargs: {engine: c}, '),
      'read_csv_kwargs.engine: unknown key',
    ],
    [
      'numbers whose thousands look like decimals',
      GOOD.replace(/datasource_args: \{/, "datasource_args: {read_csv_kwargs: {decimal: ',', thousands: ','}, "),
      'read_csv_kwargs.thousands: is also the decimal point',
    ],
    [
      'no line of names and no names',
      GOOD.replace(/datasource_args: \{/, 'datasource_args: {read_csv_kwargs: {header: null}, '),
      'read_csv_kwargs.header: without a line of names, names is required',
    ],
    [
      'a password in an address',
      GOOD.replace(/datasource_args.*/, "datasource_args: {path: 'https://u:sesame@h/x.csv'}"),
      'datasource_args.path: expected an address without a name and a password',
    ],
    [
      'an address of another kind',
      GOOD.replace(/datasource_args.*/, "datasource_args: {path: 's3://h/x.csv'}"),
      'datasource_args.path: expected a file, or an address that begins with https:// or http://',
    ],
    [
      'a database without a place',
      GOOD.replace('CSVSource', 'OMOPSource').replace(/datasource_args.*/, 'datasource_args: {version: v5.4}'),
      'datasource_args: expected one of connection_file and connection_string',
    ],
    [
      'a database as one table',
      GOOD.replace('CSVSource', 'OMOPSource').replace(
        /datasource_args.*/,
        'datasource_args: {connection_file: x, version: v5.4, delimiter: ","}\n    data_config: {rename_cols: {a: b}}',
      ),
      'data_config.rename_cols: only for sources of one table; an OMOPSource has many',
    ],
    [
      'a server without a template',
      GOOD.replace('CSVSource', 'InterMineSource').replace(
        /datasource_args.*/,
        "datasource_args: {service_url: 'https://m/service'}",
      ),
      'datasource_args.template_name: is required',
    ],
    [
      'a misspelt source',
      GOOD.replace('CSVSource', 'CSVsourc'),
      'unknown data source "CSVsourc"; expected one of CSVSource, ImageSource, DICOMSource, DICOMOphthalmologySource, NIFTISource, HeidelbergSource, TopconSource, InterMineSource, OMOPSource (also with prefix bitfount. or konsil.); did you mean "CSVSource"?',
    ],
    [
      'no data',
      GOOD.replace(/datasources[\s\S]*csv}\n/, 'datasources: []\n'),
      'datasources: expected a list with at least 1, got 0',
    ],
    [
      'one name twice',
      GOOD.replace(
        'datasources:\n',
        'datasources:\n  - {name: tumours, datasource: CSVSource, datasource_args: {path: b.csv}}\n',
      ),
      'datasources.1.name: tumours is the name of an earlier data source',
    ],
    [
      'a type forced twice',
      GOOD.replace('.csv}', '.csv}\n    data_config: {force_stypes: {categorical: [sex], text: [sex]}}'),
      'force_stypes.text: sex is already forced to be categorical',
    ],
    [
      'an image of a source of files',
      GOOD.replace('CSVSource', 'ImageSource').replace(
        '.csv}',
        '.csv}\n    data_config: {force_stypes: {image: [scan]}}',
      ),
      'force_stypes.image: the pictures of this ImageSource are the columns "Pixel Data", "Pixel Data 0", …',
    ],
    [
      'an image of a table at an address',
      GOOD.replace(
        '{path: ./a.csv}',
        '{path: "https://data.example/a.csv"}\n    data_config: {force_stypes: {image_prefix: [scan]}}',
      ),
      'force_stypes.image_prefix: only for a CSVSource of a file here',
    ],
    [
      'an argument of another source',
      GOOD.replace('{path: ./a.csv}', '{path: ./a.csv, modality: OCT}'),
      'datasource_args.modality: only for DICOMOphthalmologySource, HeidelbergSource, TopconSource; this is a CSVSource',
    ],
    [
      'filters of files for rows',
      GOOD.replace('.csv}', '.csv}\n    data_config: {file_system_filters: {min_file_size: 1}}'),
      'data_config.file_system_filters: only for sources of files; this is a CSVSource',
    ],
    [
      'a delimiter of pictures',
      GOOD.replace('CSVSource', 'ImageSource').replace('{path: ./a.csv}', '{path: ./a, delimiter: ";"}'),
      'datasource_args.delimiter: only for a CSVSource; this is a ImageSource',
    ],
    [
      'bounds nothing passes',
      GOOD.replace('CSVSource', 'HeidelbergSource').replace(
        '{path: ./a.csv}',
        '{path: ./a, minimum_num_bscans: 9, maximum_num_bscans: 3, minimum_dob: {year: 1990}, maximum_dob: {year: 1950}}',
      ),
      'minimum_num_bscans: is more than maximum_num_bscans, 3',
    ],
    [
      'a sum of one',
      `${GOOD}policy: {minimum_cohort: 1}\n`,
      'pod.yaml:8:26 policy.minimum_cohort: a sum of one update is that update; expected at least 2 with secure aggregation',
    ],
    [
      'a misspelt rule',
      `${GOOD}policy: {share_site_metric: true}\n`,
      'policy.share_site_metric: unknown key; did you mean "share_site_metrics"?',
    ],
    [
      'privacy that would not be kept',
      `${GOOD}differential_privacy: {epsilon: 1}\n`,
      'differential_privacy: use policy.privacy',
    ],
  ])('explains: %s', (_, text, expected) => expect(messageFor(text)).toContain(expected));
});

describe('readPodConfig', () => {
  it('reads the four examples', async () => {
    for (const letter of 'abcd') {
      const file = new URL(`../../examples/breast-cancer/hospital-${letter}.yaml`, import.meta.url).pathname;
      const pod = await readPodConfig(file);
      expect(pod.name).toBe(`hospital-${letter}`);
      expect(pod.policy.shareSiteMetrics).toBe(true);
      expect(pod.state).toBe(resolve(file, '..', 'state', pod.name));
    }
  });

  it('says which data file is missing', async () => {
    const file = new URL('../../test/fixtures/tasks/missingData.yaml', import.meta.url).pathname;
    await expect(readPodConfig(file)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(
        /missingData\.yaml: datasources\.0\.datasource_args\.path: no file .*absent\.csv$/,
      ),
    });
  });
});
