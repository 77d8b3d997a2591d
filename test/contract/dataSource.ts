/**
 * What every data source must do, whatever it reads.
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch, DataSource } from '../../src/datasources/index.ts';

/** Runs the contract on a source with at least 3 rows and a column. */
export function describeDataSource(name: string, make: () => Promise<DataSource>): void {
  describe(`data source contract: ${name}`, () => {
    let source: DataSource;
    beforeAll(async () => {
      source = await make();
    });
    afterAll(() => source.close());

    const all = async (partitionSize?: number): Promise<Batch[]> => {
      const batches: Batch[] = [];
      for await (const batch of source.yieldData(partitionSize)) batches.push(batch);
      return batches;
    };

    it('yields each row once, in order, whatever the partition size', async () => {
      const whole = (await all(source.rowCount))[0]!;
      expect(whole.keys).toEqual(Array.from({ length: source.rowCount }, (_, i) => i));
      for (const size of [1, 2, source.rowCount - 1, source.rowCount + 5]) {
        const batches = await all(size);
        expect(batches.every((batch) => batch.keys.length <= size)).toBe(true);
        expect(batches.flatMap((batch) => batch.keys)).toEqual(whole.keys);
        for (const column of source.columns)
          expect(batches.flatMap((batch) => batch.columns[column]!)).toEqual(whole.columns[column]);
      }
    });

    it('has every column in every batch, as long as its keys', async () => {
      for (const batch of await all(2)) {
        expect(Object.keys(batch.columns)).toEqual(source.columns);
        for (const cells of Object.values(batch.columns)) expect(cells).toHaveLength(batch.keys.length);
      }
    });

    it('gives the rows asked for, in the order asked for, repeated if asked twice', async () => {
      const whole = (await all())[0]!;
      const keys = [source.rowCount - 1, 0, 1, 0];
      const batch = await source.getData(keys);
      expect(batch.keys).toEqual(keys);
      for (const column of source.columns)
        expect(batch.columns[column]).toEqual(keys.map((key) => whole.columns[column]![key]));
      expect((await source.getData([])).keys).toEqual([]);
    });

    it.each([-1, 0.5, Number.NaN, 1e9])('refuses the key %s', async (key) => {
      await expect(source.getData([key])).rejects.toThrow(RangeError);
    });

    it.each([0, -1, 1.5])('refuses the partition size %s', async (size) => {
      await expect(all(size)).rejects.toThrow(RangeError);
    });

    it('has a schema of its columns, as plain JSON', () => {
      expect(source.schema.columns.map((column) => column.name)).toEqual(source.columns);
      expect(source.schema.rowCount).toBe(source.rowCount);
      expect(JSON.parse(JSON.stringify(source.schema))).toEqual(source.schema);
    });

    it('stops when cancelled', async () => {
      const read = async (): Promise<void> => {
        for await (const _ of source.yieldData(1, AbortSignal.abort())) expect.unreachable();
      };
      await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' });
    });

    it('may be closed twice', async () => {
      const other = await make();
      other.close();
      other.close();
    });
  });
}
