/**
 * Transfer syntaxes: how the data set is written, and what decodes its frames.
 * @module
 */

/** What turns the bytes of one frame into samples. */
export type FrameCoding = 'native' | 'rle' | 'jpeg' | 'jpegLs' | 'jpeg2000' | 'htj2k' | 'deflatedFrame';

export interface TransferSyntax {
  readonly name: string;
  readonly coding: FrameCoding;
  readonly deflated?: boolean;
}

const UID = '1.2.840.10008.1.2';

/** @source DICOM PS3.5 §10 and Annex A; PS3.6 Table A-1. */
export const TRANSFER_SYNTAXES: Readonly<Record<string, TransferSyntax>> = {
  [UID]: { name: 'Implicit VR Little Endian', coding: 'native' },
  [`${UID}.1`]: { name: 'Explicit VR Little Endian', coding: 'native' },
  [`${UID}.1.99`]: { name: 'Deflated Explicit VR Little Endian', coding: 'native', deflated: true },
  [`${UID}.2`]: { name: 'Explicit VR Big Endian', coding: 'native' },
  [`${UID}.5`]: { name: 'RLE Lossless', coding: 'rle' },
  [`${UID}.4.50`]: { name: 'JPEG Baseline', coding: 'jpeg' },
  [`${UID}.4.51`]: { name: 'JPEG Extended', coding: 'jpeg' },
  [`${UID}.4.53`]: { name: 'JPEG Spectral Selection', coding: 'jpeg' },
  [`${UID}.4.55`]: { name: 'JPEG Full Progression', coding: 'jpeg' },
  [`${UID}.4.57`]: { name: 'JPEG Lossless', coding: 'jpeg' },
  [`${UID}.4.70`]: { name: 'JPEG Lossless, First-Order Prediction', coding: 'jpeg' },
  [`${UID}.4.80`]: { name: 'JPEG-LS Lossless', coding: 'jpegLs' },
  [`${UID}.4.81`]: { name: 'JPEG-LS Near-Lossless', coding: 'jpegLs' },
  [`${UID}.4.90`]: { name: 'JPEG 2000 Lossless', coding: 'jpeg2000' },
  [`${UID}.4.91`]: { name: 'JPEG 2000', coding: 'jpeg2000' },
  [`${UID}.4.201`]: { name: 'High-Throughput JPEG 2000 Lossless', coding: 'htj2k' },
  [`${UID}.4.202`]: { name: 'High-Throughput JPEG 2000 RPCL Lossless', coding: 'htj2k' },
  [`${UID}.4.203`]: { name: 'High-Throughput JPEG 2000', coding: 'htj2k' },
  [`${UID}.8.1`]: { name: 'Deflated Image Frame', coding: 'deflatedFrame' },
};

/** Syntaxes that are known and not read; their data sets are explicit little endian. */
const UNREAD: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.1(00|01|02|03|04|05|06|07|08)(\.1)?$/, 'MPEG video'],
  [/^1\.2\.840\.10008\.1\.2\.4\.11[0-2]$/, 'JPEG XL'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[23]$/, 'JPEG 2000 multi-component'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[45]$/, 'JPIP, whose pixels are on another machine'],
  [/^1\.2\.840\.10008\.1\.2\.4\.(5[2469]|6\d)$/, 'a retired JPEG process'],
];

/** Name of a syntax whose pixels are not read, for the message. */
export function nameUnread(uid: string): string {
  return UNREAD.find(([pattern]) => pattern.test(uid))?.[1] ?? 'a transfer syntax that is not known here';
}
