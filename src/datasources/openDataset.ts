/**
 * From a pod's configuration to an open data source.
 * @module
 */
import { CSVSource } from './csv/csvSource.ts';
import type { DataSource, DatasourceConfig, FilesConfig, ImageFormatName, ScanProgress } from './dataSource.ts';
import { FileSource } from './files/fileSource.ts';
import { openFormat } from './formats/registry.ts';
import { RenamedSource } from './renamedSource.ts';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ScanProgress) => void;
}

/** As {@link openDataset}: pods of a simulation have their rows in memory. */
export type OpenDataset = (config: DatasourceConfig, options?: OpenOptions) => Promise<DataSource>;

/** Kinds of files that a source reads. */
const FORMATS: Readonly<Record<FilesConfig['datasource'], readonly ImageFormatName[]>> = {
  ImageSource: ['raster'],
  DICOMSource: ['dicom'],
  DICOMOphthalmologySource: ['dicom'],
  NIFTISource: ['nifti'],
  HeidelbergSource: ['heidelberg'],
  TopconSource: ['topcon'],
};

/** Opens and reads the data source; the caller closes it. @throws KonsilError FILE_NOT_FOUND, DATA_* or CANCELLED. */
export async function openDataset(config: DatasourceConfig, options: OpenOptions = {}): Promise<DataSource> {
  const source = await openAsItIs(config, options);
  if (config.renameColumns === undefined) return source;
  try {
    return new RenamedSource(source, config.renameColumns);
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openAsItIs(config: DatasourceConfig, options: OpenOptions): Promise<DataSource> {
  if (config.datasource === 'CSVSource') return CSVSource.open(config);
  const names = FORMATS[config.datasource];
  const formats = await Promise.all(names.map(async (name) => ({ name, format: await openFormat(name) })));
  const { datasource: kind, ...rest } = config;
  return FileSource.open({ ...rest, kind, formats, ...options });
}
