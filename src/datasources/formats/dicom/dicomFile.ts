/**
 * A DICOM file opened: preamble, file meta information and data set, however much of the first two is missing.
 * @module
 */
import { inflateRawSync } from 'node:zlib';
import { isRepresentation, PIXEL_DATA, readElementHeader, readElements } from './elements.ts';
import { invalid } from './invalid.ts';
import type { Element, Elements, Encoding } from './parser.ts';
import { TRANSFER_SYNTAXES } from './transferSyntax.ts';

/** Most bytes of a deflated data set; one that is larger is an attack. */
const MAX_INFLATED = 1 << 30;
const PREAMBLE = 128;
const META_ENCODING: Encoding = { explicit: true, littleEndian: true };

export interface DicomFile {
  readonly label: string;
  /** Of the file meta information, group 0002. */
  readonly meta: { readonly bytes: Uint8Array; readonly elements: Elements };
  /** What the data set lies in: the file, or what it was inflated to. */
  readonly bytes: Uint8Array;
  readonly elements: Elements;
  readonly encoding: Encoding;
  /** UID as declared; missing in files without meta information. */
  readonly transferSyntax: string | undefined;
}

/** Whether bytes begin as a DICOM file does: with `DICM`, or with a group that comes first when there is no preamble. */
export function looksLikeDicom(head: Uint8Array): boolean {
  return hasPreamble(head) || findHeadEncoding(head, 0) !== undefined;
}

/** @throws KonsilError DATA_INVALID naming the byte at which the file breaks off. */
export function openDicom(given: Uint8Array, label: string): DicomFile {
  const bytes = plainBytes(given);
  const metaStart = hasPreamble(bytes) ? PREAMBLE + 4 : 0;
  const meta = readMeta(bytes, metaStart, label);
  const transferSyntax = syntaxOf(bytes, meta.elements);
  const deflated = TRANSFER_SYNTAXES[transferSyntax ?? '']?.deflated === true;
  const body = deflated ? inflate(bytes.subarray(meta.end), label) : bytes;
  const start = deflated ? 0 : meta.end;
  const encoding = findHeadEncoding(body, start) ?? declaredEncoding(transferSyntax);
  if (encoding === undefined)
    throw invalid(label, `has no DICOM data set at byte ${start}; expected an attribute of group 0008`);
  const elements = readElements(body, start, encoding, label);
  if (Object.keys(elements).length === 0) throw invalid(label, `has no attribute after byte ${start}`);
  if (metaStart === 0 && !isPlausible(elements))
    throw invalid(label, 'is no DICOM file; expected "DICM" at byte 128, or a class and the size of an image');
  return { label, meta: { bytes, elements: meta.elements }, bytes: body, elements, encoding, transferSyntax };
}

/** The same bytes, never as a Buffer, whose `slice` is a view: what is sliced here is a copy that may be changed. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hasPreamble(bytes: Uint8Array): boolean {
  const at = PREAMBLE;
  return bytes[at] === 0x44 && bytes[at + 1] === 0x49 && bytes[at + 2] === 0x43 && bytes[at + 3] === 0x4d;
}

/** Elements of group 0002, which are explicit little endian whatever follows them. */
function readMeta(bytes: Uint8Array, start: number, label: string): { elements: Elements; end: number } {
  const elements: Record<string, Element> = {};
  let end = start;
  while (bytes[end] === 2 && bytes[end + 1] === 0) {
    const vr = String.fromCharCode(bytes[end + 4] ?? 0, bytes[end + 5] ?? 0);
    // some write the meta information as implicit as the data set
    const encoding = isRepresentation(vr) ? META_ENCODING : { explicit: false, littleEndian: true };
    const element = readElementHeader(bytes, end, encoding, label);
    if (element.length > bytes.length - element.dataOffset)
      throw invalid(label, `ends at byte ${bytes.length}, in its meta information at byte ${end}`);
    elements[element.tag] = element;
    end = element.dataOffset + element.length;
  }
  return { elements, end };
}

function syntaxOf(bytes: Uint8Array, meta: Elements): string | undefined {
  const element = meta['x00020010'];
  if (element === undefined) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + element.dataOffset, Math.min(element.length, 64));
  // oxlint-disable-next-line no-control-regex -- UIDs are padded with NUL
  return text.toString('latin1').replace(/[\0 ]+.*$/s, '') || undefined;
}

/**
 * Encoding that the first attribute at `at` shows, whatever the file declares: files exist that declare explicit
 * representations and have none. Groups 0002 and 0008 come first in whole files, the following ones in parts.
 */
function findHeadEncoding(bytes: Uint8Array, at: number): Encoding | undefined {
  if (at + 8 > bytes.length) return undefined;
  const [low, high] = [bytes[at]!, bytes[at + 1]!];
  const isFirst = (group: number): boolean => group >= 2 && group <= 0x20 && group % 2 === 0;
  const littleEndian = high === 0 && isFirst(low);
  if (!littleEndian && !(low === 0 && isFirst(high))) return undefined;
  if (isRepresentation(String.fromCharCode(bytes[at + 4]!, bytes[at + 5]!))) return { explicit: true, littleEndian };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(at + 4, littleEndian);
  if (!littleEndian || (length !== 0xffffffff && length > bytes.length)) return undefined;
  return { explicit: false, littleEndian };
}

function declaredEncoding(transferSyntax: string | undefined): Encoding | undefined {
  if (transferSyntax === undefined) return undefined;
  return { explicit: transferSyntax !== '1.2.840.10008.1.2', littleEndian: transferSyntax !== '1.2.840.10008.1.2.2' };
}

/** A file without preamble is taken for DICOM only when it says what it is of, or holds an image. */
function isPlausible(elements: Elements): boolean {
  return ['x00080016', 'x00080060', 'x00280010', 'x0020000d', PIXEL_DATA].some((tag) => elements[tag] !== undefined);
}

function inflate(bytes: Uint8Array, label: string): Uint8Array {
  try {
    return plainBytes(inflateRawSync(bytes, { maxOutputLength: MAX_INFLATED }));
  } catch {
    throw invalid(label, `cannot be decompressed; expected a whole deflated data set of at most ${MAX_INFLATED} bytes`);
  }
}
