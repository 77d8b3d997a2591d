/**
 * Ids to labels, as the config.json of a Hugging Face model lists them.
 * @source spec/platform.md §4.8, F-464.
 * @module
 */
import { fieldAt } from './json.ts';
import { isList, isObject, type Json, objectOf, type PredictionTable } from './table.ts';

export type Labels = Readonly<Record<string, string>>;

const MOST_LABELS = 100_000;
type Path = readonly (string | number)[];

interface LabelStep {
  readonly path: Path;
  readonly step: Record<string, unknown>;
  readonly filepath: string;
}

/** Steps of a list, as a task has it, whose labels are in a file. */
function stepsWithFile(list: unknown, path: Path = []): LabelStep[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((step: unknown, i): LabelStep[] => {
    if (typeof step !== 'object' || step === null || Array.isArray(step)) return [];
    const { type, filepath, postprocessing_sequence: inner } = step as Record<string, unknown>;
    if (type === 'compound') return stepsWithFile(inner, [...path, i, 'postprocessing_sequence']);
    if (type !== 'huggingface_apply_id_to_labels' || typeof filepath !== 'string') return [];
    return [{ path: [...path, i], step: step as Record<string, unknown>, filepath }];
  });
}

/** The files, as written, that the plain JSON of a list of postprocessors names. */
export function labelPathsOf(list: unknown): readonly string[] {
  return [...new Set(stepsWithFile(list).map(({ filepath }) => filepath))];
}

/**
 * Writes the labels of files into the plain JSON of a list, in place, so that it can be sent.
 * @param textOf - What a file holds; undefined when it cannot be read.
 * @returns What is wrong, with places in the list.
 */
export function fillInLabels(
  list: unknown,
  textOf: (filepath: string) => string | undefined,
): readonly { readonly path: Path; readonly message: string }[] {
  return stepsWithFile(list).flatMap(({ path, step, filepath }) => {
    const { model_id: model, key = 'id2label' } = step;
    if (model !== undefined || typeof key !== 'string') return []; // the schema says what is wrong
    const text = textOf(filepath);
    const read = text === undefined ? 'cannot be read' : labelsIn(text, key);
    if (typeof read === 'string') return [{ path: [...path, 'filepath'], message: `${filepath} ${read}` }];
    delete step['filepath'];
    delete step['key'];
    step['labels'] = read;
    return [];
  });
}

/** @returns The labels at `key`, a path with dots, or what is wrong. */
function labelsIn(text: string, key: string): Labels | string {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return 'is no JSON';
  }
  const found = fieldAt(json, key.split('.'));
  if (!isObject(found)) return `has no map from ids to labels at ${key}`;
  const entries = Object.entries(found);
  if (entries.length === 0 || entries.length > MOST_LABELS) return `has ${entries.length} labels at ${key}`;
  const isLabels = entries.every(([id, label]) => /^\d+$/.test(id) && typeof label === 'string');
  return isLabels ? (found as Labels) : `has at ${key} what is no id with its label`;
}

/** Columns in which everything is an id: where no columns are named. */
export function idColumns({ columns, rows }: PredictionTable, labels: Labels): number[] {
  return columns.flatMap((_, at) => {
    const cells = rows.map((row) => row[at]!).filter((cell) => cell !== null);
    return cells.length > 0 && cells.every((cell) => labelled(cell, labels) !== undefined) ? [at] : [];
  });
}

/** Labels for an id, for those in a list, and for the `label` of objects; what is no id stays. */
export function applyLabels(cell: Json, labels: Labels): Json {
  if (isList(cell)) return cell.map((item) => applyLabels(item, labels));
  return labelled(cell, labels) ?? cell;
}

/** Undefined where there is no id. */
function labelled(cell: Json, labels: Labels): Json | undefined {
  if (isList(cell)) {
    const items = cell.map((item) => labelled(item, labels));
    return cell.length > 0 && items.every((item) => item !== undefined) ? items : undefined;
  }
  if (isObject(cell)) {
    const label = Object.hasOwn(cell, 'label') ? labelled(cell['label']!, labels) : undefined;
    if (label === undefined) return undefined;
    return objectOf(Object.entries(cell).map(([key, value]) => [key, key === 'label' ? label : value]));
  }
  const id = typeof cell === 'number' ? String(cell) : typeof cell === 'string' ? cell.replace(/^LABEL_/, '') : '';
  return Object.hasOwn(labels, id) ? labels[id] : undefined;
}
