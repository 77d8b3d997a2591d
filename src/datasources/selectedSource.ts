/**
 * Some rows of a source, under the numbers they have there.
 * @module
 */
import type { Batch, DataSource } from './dataSource.ts';
import { ForwardedSource } from './forwardedSource.ts';

/** A source limited to chosen rows. It cannot be narrowed further: filters would number rows anew. */
export class SelectedSource extends ForwardedSource {
  readonly #rows: ReadonlySet<number>;

  /** @param rows - Row numbers of `source`, each once. */
  constructor(source: DataSource, rows: Iterable<number>) {
    const chosen = new Set(rows);
    super(source, { rowCount: chosen.size });
    this.#rows = chosen;
  }

  override async getData(keys: readonly number[]): Promise<Batch> {
    const other = keys.find((key) => !this.#rows.has(key));
    if (other !== undefined) throw new RangeError(`row ${other} is not among those selected`);
    return super.getData(keys);
  }

  protected override shown({ keys, columns }: Batch): Batch {
    const kept = [...keys.keys()].filter((at) => this.#rows.has(keys[at]!));
    return {
      keys: kept.map((at) => keys[at]!),
      columns: Object.fromEntries(
        Object.entries(columns).map(([name, cells]) => [name, kept.map((at) => cells[at] ?? null)]),
      ),
    };
  }
}
