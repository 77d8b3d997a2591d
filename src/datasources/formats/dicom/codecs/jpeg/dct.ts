/**
 * JPEG with DCT, of 8 or 12 bits, sequential or progressive: all that the 8-bit codec does not read.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';
import { type Expected, type Samples } from '../samples.ts';
import { blockDecoder, type ScanComponent, type ScanState } from './blocks.ts';
import type { JpegComponent, JpegHeader } from './header.ts';
import { BitReader } from './huffman.ts';
import { inverseDct } from './idct.ts';
import { type JpegTables, readScans, type ScanHeader } from './stream.ts';

/** Coefficients of one component. */
interface Plane {
  readonly part: JpegComponent;
  /** Blocks that hold samples of the image, and blocks that are coded in whole units of all components. */
  readonly blocksX: number;
  readonly blocksY: number;
  readonly codedX: number;
  readonly codedY: number;
  readonly coefficients: Int16Array;
  /** As it stood at the component's first scan. */
  quantisation: Uint16Array | undefined;
}

interface Frame {
  readonly header: JpegHeader;
  /** Largest sampling factors, and units of all components in the image. */
  readonly maxH: number;
  readonly maxV: number;
  readonly unitsX: number;
  readonly unitsY: number;
  readonly planes: readonly Plane[];
}

/** @throws CodecError when the stream, whose header was checked, is broken. @source ITU-T T.81 Annexes A, F, G. */
export function decodeDct(bytes: Uint8Array, header: JpegHeader, expected: Expected): Samples {
  const frame = openFrame(header);
  readScans(bytes, header, (scan, tables) => decodeScan(bytes, frame, scan, tables));
  return { ...expected, values: samplesOf(frame), isSigned: false, isRgb: false };
}

function openFrame(header: JpegHeader): Frame {
  const maxH = Math.max(...header.parts.map(({ h }) => h));
  const maxV = Math.max(...header.parts.map(({ v }) => v));
  const unitsX = Math.ceil(header.width / (8 * maxH));
  const unitsY = Math.ceil(header.height / (8 * maxV));
  const planes = header.parts.map((part): Plane => {
    const [codedX, codedY] = [unitsX * part.h, unitsY * part.v];
    return {
      ...{ part, codedX, codedY, quantisation: undefined },
      blocksX: Math.ceil(Math.ceil((header.width * part.h) / maxH) / 8),
      blocksY: Math.ceil(Math.ceil((header.height * part.v) / maxV) / 8),
      coefficients: new Int16Array(codedX * codedY * 64),
    };
  });
  return { header, maxH, maxV, unitsX, unitsY, planes };
}

function decodeScan(bytes: Uint8Array, frame: Frame, scan: ScanHeader, tables: JpegTables): number {
  const isProgressive = frame.header.process === 0xc2;
  checkBand(scan, isProgressive);
  const bits = new BitReader(bytes, scan.data);
  const { first, last, high, low } = scan;
  const state: ScanState = { bits, first, last, high, low, endOfBandRun: 0 };
  const decode = blockDecoder(isProgressive, state);
  const parts = scan.components.map(({ index, dc, ac }) => {
    const plane = frame.planes[index]!;
    plane.quantisation ??= tables.quantisation[plane.part.quantisation];
    return { plane, state: { dc: tables.dc[dc], ac: tables.ac[ac], prediction: 0 } satisfies ScanComponent };
  });
  // a scan of one component has no units: its blocks come in rows, without those beyond the image
  const single = parts.length === 1 ? parts[0]!.plane : undefined;
  const [unitsX, unitsY] = single ? [single.blocksX, single.blocksY] : [frame.unitsX, frame.unitsY];
  for (let unit = 0; unit < unitsX * unitsY; unit++) {
    if (tables.restartInterval > 0 && unit > 0 && unit % tables.restartInterval === 0) {
      bits.restart();
      state.endOfBandRun = 0;
      for (const part of parts) part.state.prediction = 0;
    }
    const [unitX, unitY] = [unit % unitsX, Math.floor(unit / unitsX)];
    for (const { plane, state: component } of parts) {
      const [h, v] = single ? [1, 1] : [plane.part.h, plane.part.v];
      for (let y = unitY * v; y < (unitY + 1) * v; y++)
        for (let x = unitX * h; x < (unitX + 1) * h; x++)
          decode(state, component, plane.coefficients, (y * plane.codedX + x) * 64);
    }
  }
  return bits.position;
}

function checkBand({ first, last, high, low, components }: ScanHeader, isProgressive: boolean): void {
  if (!isProgressive) return;
  const isDc = first === 0;
  if (
    first > last ||
    last > 63 ||
    low > 13 ||
    (isDc ? last !== 0 : components.length > 1) ||
    (high > 0 && high !== low + 1)
  )
    throw new CodecError(
      `has a JPEG scan of coefficients ${first} to ${last}, bits ${high} to ${low}, which cannot be`,
    );
}

/** Samples of all components; those that are fewer stand for several pixels each. */
function samplesOf({ header, maxH, maxV, planes }: Frame): Uint8Array | Uint16Array {
  const { width, height, components, precision } = header;
  const length = width * height * components;
  const values = precision > 8 ? new Uint16Array(length) : new Uint8Array(length);
  planes.forEach(({ part, codedX, codedY, blocksX, blocksY, coefficients, quantisation }, index) => {
    if (quantisation === undefined) throw new CodecError('has a JPEG component without a quantisation table');
    const stride = codedX * 8;
    const plane = new Uint16Array(stride * codedY * 8);
    for (let y = 0; y < blocksY; y++)
      for (let x = 0; x < blocksX; x++)
        inverseDct(
          coefficients,
          (y * codedX + x) * 64,
          quantisation,
          2 ** (precision - 1),
          plane,
          y * 8 * stride + x * 8,
          stride,
        );
    const [h, v] = [part.h / maxH, part.v / maxV];
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y * v) * stride;
      const to = y * width * components + index;
      for (let x = 0; x < width; x++) values[to + x * components] = plane[row + Math.floor(x * h)]!;
    }
  });
  return values;
}
