/**
 * JSON in which byte strings survive: `{"$base64": "…"}` stands for a Uint8Array. For files of our own only.
 * @module
 */
const KEY = '$base64';

/** Text of a plain value whose leaves are JSON or Uint8Array. */
export function bytesToJson(value: unknown): string {
  // `this[key]`: a Buffer would have been turned into something else by its own toJSON
  return JSON.stringify(value, function (this: Record<string, unknown>, key: string, turned: unknown) {
    const original = this[key];
    return original instanceof Uint8Array ? { [KEY]: Buffer.from(original).toString('base64') } : turned;
  });
}

/** The value of {@link bytesToJson}'s text. @throws SyntaxError when it is none. */
export function bytesFromJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(KEY in value)) return value;
    return new Uint8Array(Buffer.from(String(value[KEY]), 'base64'));
  });
}
