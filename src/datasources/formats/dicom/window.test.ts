import { describe, expect, it } from 'vitest';
import { type Tags, writeDicom } from '../../../../test/support/dicomWriter.ts';
import { readDicom } from './dicomFormat.ts';

async function windowOf(tags: Tags, values: Uint16Array | Int16Array = Uint16Array.of(1, 2), bitsStored = 12) {
  const pixels = { width: 2, height: 1, frames: [values], bitsStored };
  const { window } = await readDicom(writeDicom({ pixels, tags }), 'test').frame(0);
  return window;
}

describe('the window of a DICOM image', () => {
  it('is the first one the file names, as the standard cuts it', async () => {
    expect(await windowOf({ WindowCenter: 40, WindowWidth: 400 })).toEqual({ low: -160, high: 239 });
    expect(await windowOf({ WindowCenter: [40, 600], WindowWidth: [400, 1500] })).toEqual({ low: -160, high: 239 });
  });

  it('is the range of unsigned stored bits where the file names none', async () => {
    expect(await windowOf({})).toEqual({ low: 0, high: 4095 });
    expect(await windowOf({}, Uint16Array.of(1, 2), 16)).toBeUndefined();
    expect(await windowOf({ WindowCenter: 40 })).toEqual({ low: 0, high: 4095 });
  });

  it('is unknown for rescaled and signed values, and for images that are turned around', async () => {
    expect(await windowOf({ RescaleIntercept: -1024 })).toBeUndefined();
    expect(await windowOf({}, Int16Array.of(-1, 2))).toBeUndefined();
    const inverted = { PhotometricInterpretation: 'MONOCHROME1', WindowCenter: 40, WindowWidth: 400 };
    expect(await windowOf(inverted)).toBeUndefined();
  });
});
