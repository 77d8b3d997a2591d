/**
 * Applies the postprocessors of a task to a table of predictions.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { fromText, moveFields, renameKeys } from './json.ts';
import { applyLabels, idColumns } from './labels.ts';
import { type Postprocessor, transformationOf } from './schema.ts';
import { type Json, mapCells, type PredictionTable, placesMatching, placesOf } from './table.ts';
import { isOfList, type Transformation, transformCell } from './transforms.ts';

/**
 * The table after all `steps`, in order. Neither argument is changed.
 * @throws KonsilError DATA_COLUMN_MISSING when a step's column is not there; DATA_INVALID when a cell does not fit, with
 *   its place and without its value, or when two columns would have one name.
 */
export function postprocess(table: PredictionTable, steps: readonly Postprocessor[]): PredictionTable {
  return steps.reduce(apply, table);
}

function apply(table: PredictionTable, step: Postprocessor): PredictionTable {
  switch (step.type) {
    case 'rename':
      return rename(table, step.column_mapping);
    case 'transform':
      return step.transformations.map(transformationOf).reduce((t, one) => transform(t, step.columns, one), table);
    case 'string_to_json':
      return mapCells(table, placesMatching(table, step.column_patterns), fromText);
    case 'json_wrap_in_list':
      return mapCells(table, placesMatching(table, step.column_patterns), (cell) => [cell]);
    case 'json_restructure': {
      const moves = step.field_mappings.map(({ source_path, target_path }) => ({
        source: source_path.split('.'),
        target: target_path.split('.'),
      }));
      return mapCells(table, placesMatching(table, step.column_patterns), (cell) =>
        moveFields(cell, moves, step.keep_original),
      );
    }
    case 'json_key_rename': {
      const sources = new Map(step.key_mappings.map(({ source_key, target_key }) => [source_key, target_key]));
      const { recursive } = step;
      return mapCells(table, placesMatching(table, step.column_patterns), (cell) =>
        renameKeys(cell, { sources, recursive }),
      );
    }
    case 'huggingface_apply_id_to_labels': {
      const { labels, columns } = step;
      if (labels === undefined) throw new TypeError('labels of a file are filled in before a list is applied');
      const places = columns === undefined ? idColumns(table, labels) : placesOf(table, columns);
      return mapCells(table, places, (cell) => applyLabels(cell, labels));
    }
    case 'compound':
      return postprocess(table, step.postprocessing_sequence);
  }
}

function rename(table: PredictionTable, mapping: Readonly<Record<string, string>>): PredictionTable {
  const places = placesOf(table, Object.keys(mapping));
  const columns = table.columns.map((name, at) => (places.includes(at) ? mapping[name]! : name));
  const twice = columns.find((name, at) => columns.indexOf(name) !== at);
  if (twice !== undefined)
    throw new KonsilError('DATA_INVALID', `two columns of the predictions would be called ${twice}`);
  return { columns, rows: table.rows };
}

/** Numbers in several columns of a row belong together where a list is needed. */
function transform(table: PredictionTable, names: readonly string[], step: Transformation): PredictionTable {
  const places = placesOf(table, names);
  const isAcross = isOfList(step.name) && step.name !== 'argmax' && places.length > 1;
  if (!isAcross || !table.rows.every((row) => places.every((at) => typeof row[at] === 'number')))
    return mapCells(table, places, (cell) => transformCell(cell, step));
  const rows = table.rows.map((row, i) => {
    const found = acrossRow(
      places.map((at) => row[at]!),
      i,
      names,
      step,
    );
    return row.map((cell, at) => (places.includes(at) ? found[places.indexOf(at)]! : cell));
  });
  return { columns: table.columns, rows };
}

function acrossRow(
  list: readonly Json[],
  row: number,
  names: readonly string[],
  step: Transformation,
): readonly Json[] {
  try {
    return transformCell(list, step) as readonly Json[];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const columns = names.join(', ');
    throw new KonsilError('DATA_INVALID', `predictions, columns ${columns}, row ${row + 1}: ${error.message}`);
  }
}
