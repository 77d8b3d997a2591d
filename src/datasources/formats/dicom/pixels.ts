/**
 * Pixels of one frame: stored values turned into modality values or colours.
 * @module
 */
import type { PixelData } from '../imageRecord.ts';
import { readPalette, ybrToRgb } from './colour.ts';
import { invalid, unsupported } from './invalid.ts';
import { modalityTransformOf, modalityValues } from './modality.ts';
import { type Image, readStored } from './storedFrame.ts';
import type { Values } from './storedValues.ts';

/** Samples per pixel of the photometric interpretations that are read. @source DICOM PS3.3 §C.7.6.3.1.2. */
const SAMPLES: Readonly<Record<string, 1 | 3>> = {
  ...{ MONOCHROME1: 1, MONOCHROME2: 1, 'PALETTE COLOR': 1 },
  ...{ RGB: 3, YBR_FULL: 3, YBR_FULL_422: 3 },
};

/** Stored values of frame `index`, before any meaning or colour is given to them; palettes are indices. @throws KonsilError */
export async function storedPixels(image: Image, index: number): Promise<PixelData> {
  return pixelData(image, (await readStored(image, index)).values);
}

/** Modality values of grey frames, red green blue of others. @throws KonsilError DATA_INVALID or DATA_UNSUPPORTED. */
export async function framePixels(image: Image, index: number): Promise<PixelData> {
  const { attributes, dataSet, label } = image;
  const { values, photometric } = await readStored(image, index);
  const samples = SAMPLES[photometric];
  if (samples === undefined) throw unsupported(label, 'has a photometric interpretation (0028,0004) that is not read');
  if (samples !== attributes.samples)
    throw invalid(
      label,
      `has ${attributes.samples} samples per pixel (0028,0002); expected ${samples} for its colours`,
    );
  switch (photometric) {
    case 'MONOCHROME1':
    case 'MONOCHROME2': {
      const transform = modalityTransformOf(dataSet, attributes, index, label);
      return pixelData(image, modalityValues(values, attributes, transform, photometric === 'MONOCHROME1'));
    }
    case 'PALETTE COLOR':
      return pixelData(image, readPalette(dataSet, attributes.isSigned, label)(values));
    case 'RGB':
      return pixelData(image, values);
    default:
      return pixelData(image, ybrToRgb(values, attributes.bitsStored));
  }
}

function pixelData({ attributes, label }: Image, values: Values): PixelData {
  const { width, height } = attributes;
  const channels = values.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw invalid(label, `has ${values.length} samples in an image of ${width} × ${height} pixels`);
  return { width, height, channels, values };
}
