/**
 * A data structure without some of its columns: those whose values are yet to be found fit no data structure.
 * @module
 */
import type { TaskData } from '../dataStructure/read.ts';

/** @param columns - Not the target. */
export function withoutColumns(dataStructure: TaskData, columns: readonly string[]): TaskData {
  const { select, categories, images } = dataStructure;
  const { include, includePrefix, exclude } = select;
  const isKept = (name: string): boolean => !columns.includes(name);
  // a task of images that selects nothing has no other columns to leave out
  const hasImagesAlone = images !== undefined && Object.keys(select).length === 0;
  const impliesSome = includePrefix !== undefined || (include === undefined && !hasImagesAlone);
  return {
    ...dataStructure,
    select: {
      ...select,
      ...(include && { include: include.filter(isKept) }),
      ...(impliesSome && { exclude: [...new Set([...(exclude ?? []), ...columns])] }),
    },
    categories: Object.fromEntries(Object.entries(categories).filter(([name]) => isKept(name))),
  };
}
