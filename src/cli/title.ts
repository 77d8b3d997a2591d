/** What a task is called in its report. @module */
import { basename, dirname } from 'node:path';

/** The file's name, or its folder's when every task is called task.yaml. */
export function titleOf(file: string): string {
  const name = basename(file).replace(/\.ya?ml$/, '');
  return name === 'task' ? basename(dirname(file)) : name;
}
