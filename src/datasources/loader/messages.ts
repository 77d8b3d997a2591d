/**
 * What the thread that trains, or waits for it, asks of the threads that decode images.
 * @module
 */
import type { ErrorCode, KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';

/** Images of one row, each to be decoded and transformed. */
export interface RowJob {
  readonly images: readonly ImageJob[];
  /** What random transforms are drawn from; undefined leaves them out. */
  readonly draw?: { readonly seed: number; readonly step: number; readonly row: number };
}

export interface ImageJob {
  readonly handle: ImageHandle;
  /** Transforms as a task writes them, as JSON. */
  readonly transforms: string;
  readonly convertsGreyscale: boolean;
  /** Classes of its pixels: a picture whose grey values stand for them, in order. */
  readonly mask?: { readonly handle: ImageHandle; readonly greys: readonly number[] };
}

/** Shape of an image as the model takes it. */
export interface PreparedShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** All images of a row, one after another, each `[channels, height, width]`. */
export interface PreparedRow {
  readonly shapes: readonly PreparedShape[];
  readonly values: Float32Array;
  /** Of a job with a mask: shape `[height, width]` of its image. */
  readonly mask?: Uint8Array;
}

export interface JobMessage {
  readonly id: number;
  readonly job: RowJob;
}

export type JobReply =
  | { readonly id: number; readonly row: PreparedRow }
  | {
      readonly id: number;
      readonly failure: {
        readonly code: ErrorCode | undefined;
        readonly message: string;
        readonly facts: KonsilError['facts'];
      };
    };
