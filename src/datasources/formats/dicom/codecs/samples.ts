/**
 * What a codec gives: samples of one frame, as integers of as many bits as the stream says.
 * @module
 */
import { CodecError } from '../../codecs/codecError.ts';

export interface Samples {
  /** Shape `[height, width, components]`. */
  readonly values: Uint8Array | Uint16Array | Int16Array | Int32Array;
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** Whether the stream itself says that its values are signed; they are then sign-extended. */
  readonly isSigned: boolean;
  /** Whether the codec turned luma and chroma into red, green, blue. */
  readonly isRgb: boolean;
}

/** The image that a stream must hold, from the data set around it. */
export interface Expected {
  readonly width: number;
  readonly height: number;
  readonly components: number;
}

/** @throws CodecError unless a stream's header names the image of the data set: nothing larger is ever allocated. */
export function checkSize(name: string, found: Expected, expected: Expected): void {
  const text = ({ width, height, components }: Expected): string => `${width} × ${height} × ${components}`;
  if (text(found) !== text(expected))
    throw new CodecError(`is a ${name} image of ${text(found)}; expected ${text(expected)}`);
}
