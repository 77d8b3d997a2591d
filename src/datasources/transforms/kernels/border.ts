/**
 * What lies beyond the edge of an image.
 *
 * @source OpenCV `BorderTypes` and `borderInterpolate`; numbers as in `cv2.BORDER_…`.
 * @module
 */

export const BORDER = { constant: 0, replicate: 1, reflect: 2, wrap: 3, reflect101: 4 } as const;

export type Border = (typeof BORDER)[keyof typeof BORDER];

/** The place in [0, length) that stands for `place`, or -1 for a constant. */
export function borderPlace(place: number, length: number, border: Border): number {
  if (place >= 0 && place < length) return place;
  if (border === BORDER.constant) return -1;
  if (border === BORDER.replicate) return place < 0 ? 0 : length - 1;
  if (border === BORDER.wrap) return ((place % length) + length) % length;
  if (length === 1) return 0;
  const skipsEdge = border === BORDER.reflect101 ? 1 : 0;
  // back and forth: abcd|dcba (reflect) or abcd|cb (reflect101)
  const period = 2 * (length - skipsEdge);
  const within = ((place % period) + period) % period;
  return within < length ? within : period - 1 + skipsEdge - within;
}
