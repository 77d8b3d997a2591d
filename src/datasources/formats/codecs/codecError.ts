/**
 * Why a codec gave nothing.
 * @module
 */

/** A stream that cannot be decoded; the message says where, and the caller names the file and the frame. */
export class CodecError extends Error {
  /** Whether the stream may be whole and is of a kind that is not read. */
  readonly isUnsupported: boolean;
  constructor(message: string, isUnsupported = false) {
    super(message);
    this.isUnsupported = isUnsupported;
  }
}
