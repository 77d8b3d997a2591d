/**
 * Rows on their way into batches: from memory as they are, or made while the model trains, some batches ahead of it.
 * @module
 */
import { gatherRows, orderedBatches } from './batches.ts';
import type { MadeRows, RowData, RowSource } from './rowSource.ts';

/** Batches that are made while one is trained on: enough to even out rows that take longer than others. */
const AHEAD = 4;

/** As much of a program as matters here: values of a row's target. */
interface Shape {
  readonly target: { readonly width: number };
}

/** The rows of one step: those numbered `batch` in `x` and `y`. Rows that could not be made are not among them. */
export interface TakenRows<Y> {
  readonly batch: Uint32Array;
  /** Their numbers among all rows. */
  readonly rows: Uint32Array;
  readonly x: Float32Array;
  readonly y: Y;
}

/** Rows of `y`, copied. */
function gathered<Y extends Float32Array | Int32Array>(y: Y, width: number, batch: Uint32Array): Y {
  const out = (
    y instanceof Int32Array ? new Int32Array(batch.length * width) : new Float32Array(batch.length * width)
  ) as Y;
  gatherRows<Float32Array | Int32Array>(out, y, width, batch);
  return out;
}

/** Targets that were made with their rows, in the type of `like`. */
function typedAs<Y extends Float32Array | Int32Array>(like: Y, y: Uint8Array): Y {
  return (like instanceof Int32Array ? Int32Array.from(y) : Float32Array.from(y)) as Y;
}

/** One batch after another, in the given order. */
export class RowFeed<Y extends Float32Array | Int32Array> {
  /** Milliseconds that {@link take} waited for rows. */
  waitedMs = 0;
  readonly #program: Shape;
  readonly #x: RowData;
  readonly #y: Y;
  readonly #order: Iterator<Uint32Array>;
  readonly #seed: number | undefined;
  readonly #coming: Promise<MadeRows>[] = [];
  #left: number;
  #asked = 0;

  /**
   * @param order - Row numbers of each batch.
   * @param options - `batches`: how many will be taken, so that none is made in vain; `seed`: of random changes, none without.
   */
  constructor(
    program: Shape,
    { x, y }: { readonly x: RowData; readonly y: Y },
    order: Iterator<Uint32Array>,
    {
      batches = Number.POSITIVE_INFINITY,
      seed,
    }: { readonly batches?: number; readonly seed?: number | undefined } = {},
  ) {
    this.#program = program;
    this.#x = x;
    this.#y = y;
    this.#order = order;
    this.#seed = seed;
    this.#left = batches;
  }

  /** Whether rows are made on the way. */
  get isStreamed(): boolean {
    return !(this.#x instanceof Float32Array);
  }

  /** The next batch; undefined after the last. @throws what {@link RowSource.read} does. */
  async take(): Promise<TakenRows<Y> | undefined> {
    const x = this.#x;
    if (x instanceof Float32Array) {
      const batch = this.#next();
      return batch && { batch, rows: batch, x, y: this.#y };
    }
    this.#ask(x);
    const first = this.#coming.shift();
    if (first === undefined) return undefined;
    const started = performance.now();
    const made = await first;
    this.waitedMs += performance.now() - started;
    this.#ask(x);
    return {
      batch: Uint32Array.from(made.rows, (_, i) => i),
      ...made,
      y: made.y ? typedAs(this.#y, made.y) : gathered(this.#y, this.#program.target.width, made.rows),
    };
  }

  #next(): Uint32Array | undefined {
    if (this.#left <= 0) return undefined;
    const { value, done } = this.#order.next();
    if (done === true) {
      this.#left = 0;
      return undefined;
    }
    this.#left--;
    return value;
  }

  #ask(source: RowSource): void {
    while (this.#coming.length < AHEAD) {
      const batch = this.#next();
      if (batch === undefined) return;
      const step = this.#asked++;
      const draw = this.#seed === undefined ? {} : { draw: { seed: this.#seed, step } };
      const made = source.read({ rows: batch, ...draw });
      // whoever takes it hears of it; nobody does once training has stopped for another reason
      made.catch(() => undefined);
      this.#coming.push(made);
    }
  }
}

/** All rows that can be made at once, as they are. */
export async function allRows<Y extends Float32Array | Int32Array>(
  program: Shape,
  { x, rows }: { readonly x: RowData; readonly rows: number },
  y: Y,
): Promise<Omit<TakenRows<Y>, 'rows'>> {
  const { batch, ...taken } = (await new RowFeed(program, { x, y }, orderedBatches(rows, rows)).take())!;
  return { batch, x: taken.x, y: taken.y };
}

const NO_TARGETS: Shape = { target: { width: 0 } };

/** All rows that can be made in batches, as they are; `y` may be left out where it is not used. */
export async function* rowsInOrder<Y extends Float32Array | Int32Array>(
  program: Shape & { readonly batchSize: number },
  { x, rows }: { readonly x: RowData; readonly rows: number },
  y?: Y,
): AsyncGenerator<TakenRows<Y>, void> {
  const shape = y === undefined ? NO_TARGETS : program;
  const feed = new RowFeed(shape, { x, y: y ?? (new Float32Array(0) as Y) }, orderedBatches(rows, program.batchSize));
  for (let taken = await feed.take(); taken !== undefined; taken = await feed.take())
    if (taken.batch.length > 0) yield taken;
}
