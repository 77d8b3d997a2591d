/**
 * Labels and splits that folders stand for: `train/cat/1.png` and `cat/train/1.png` both say that 1.png is a cat to train
 * on.
 * @source spec/platform.md §3, columns BITFOUNT_INFERRED_LABEL and BITFOUNT_SPLIT_CATEGORY.
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** Column with the label of the folder. */
export const LABEL_COLUMN = 'BITFOUNT_INFERRED_LABEL';
/** Column with TRAIN, VALIDATION or TEST. */
export const SPLIT_COLUMN = 'BITFOUNT_SPLIT_CATEGORY';

const SPLIT_FOLDERS: Readonly<Record<string, string>> = {
  train: 'TRAIN',
  training: 'TRAIN',
  val: 'VALIDATION',
  valid: 'VALIDATION',
  validation: 'VALIDATION',
  test: 'TEST',
  testing: 'TEST',
};

/** What the folders of a file say. */
export interface FolderLabels {
  readonly label?: string;
  readonly split?: string;
}

/** @param path - Relative to the dataset's folder, with `/`. */
export function labelsOf(path: string): FolderLabels {
  const folders = path.split('/').slice(0, -1);
  const splits = folders.flatMap((folder) => SPLIT_FOLDERS[folder.toLowerCase()] ?? []);
  // the folder nearest to the root that is no split: deeper ones are patients, visits, eyes
  const label = folders.find((folder) => SPLIT_FOLDERS[folder.toLowerCase()] === undefined);
  return { ...(label !== undefined && { label }), ...(splits[0] !== undefined && { split: splits[0] }) };
}

/**
 * Columns for the files: splits only where folders have them.
 * @throws KonsilError DATA_INVALID when a file lies in no folder, or when some files have a split and others none.
 */
export function labelColumns(root: string, paths: readonly string[]): readonly string[] {
  const found = paths.map(labelsOf);
  const unlabelled = found.filter(({ label }) => label === undefined).length;
  const split = found.filter(({ split }) => split !== undefined).length;
  const invalid = (message: string): KonsilError =>
    new KonsilError('DATA_INVALID', `${root}: ${message}`, { file: root });
  if (unlabelled > 0)
    throw invalid(
      `${unlabelled} of ${paths.length} files lie in no folder that names a class; expected class/file or split/class/file`,
    );
  if (split === 0) return [LABEL_COLUMN];
  if (split < paths.length)
    throw invalid(`${paths.length - split} of ${paths.length} files lie in no folder train, validation or test`);
  return [LABEL_COLUMN, SPLIT_COLUMN];
}
