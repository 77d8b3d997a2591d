/**
 * Rows that are left out because an image of theirs cannot be decoded: a few broken files must not end a site's part, many
 * are a reason to look at the data.
 * @module
 */
import { isKonsilError, KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';

/** Share of a dataset's rows that may be left out; one row may be in any case. */
const MOST_LEFT_OUT = 0.05;
/** Rows that the site's operator is told of one by one. */
const TOLD_ONE_BY_ONE = 20;

/** The images of a row: which object it is says which row. */
type RowImages = readonly ImageHandle[];

/** Whether `error` is of a file whose image cannot be decoded, and not of what the task wants of it. */
export function isUnreadable(error: unknown): error is KonsilError {
  return isKonsilError(error) && error.facts['file'] !== undefined;
}

/** What a run has found of one dataset. */
export class UnreadableRows {
  readonly #rows: number;
  readonly #tell: (problem: string) => void;
  readonly #found = new Set<RowImages>();

  /**
   * @param rows - Of the dataset.
   * @param tell - Told of each row, up to 20; for the site's operator alone: it names files.
   */
  constructor(rows: number, tell: (problem: string) => void) {
    this.#rows = rows;
    this.#tell = tell;
  }

  has(row: RowImages): boolean {
    return this.#found.has(row);
  }

  /**
   * Leaves the row out from here on. Harmless when repeated.
   * @throws KonsilError DATA_INVALID when these are too many; it says no number, which would say how many rows a site has.
   */
  add(row: RowImages, { code, facts, message }: KonsilError): void {
    if (this.#found.has(row)) return;
    this.#found.add(row);
    const count = this.#found.size;
    const most = Math.max(1, Math.floor(this.#rows * MOST_LEFT_OUT));
    if (count <= TOLD_ONE_BY_ONE)
      this.#tell(
        `an image of ${facts['file']} cannot be used (${code}: ${message.replace(`${facts['file']}: `, '')}); its row is left out`,
      );
    else if (count === TOLD_ONE_BY_ONE + 1)
      this.#tell('further rows are left out; "konsil dataset inspect --decode" lists all files');
    if (count <= most) return;
    this.#tell(`${count} of ${this.#rows} rows have an image that cannot be decoded; at most ${most} are left out`);
    throw new KonsilError(
      'DATA_INVALID',
      `more than ${100 * MOST_LEFT_OUT} % of the rows have an image that cannot be decoded; the site sees which with "konsil dataset inspect --decode"`,
    );
  }
}
