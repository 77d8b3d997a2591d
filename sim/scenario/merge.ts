/**
 * Settings laid over one another.
 * @module
 */

/** A map of a YAML file. */
export type Settings = { readonly [key: string]: unknown };

export const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `over` laid over `base`: maps are merged key by key, everything else is replaced, and null takes a key away. */
export function merge(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (value === null) delete merged[key];
    else merged[key] = isSettings(value) ? merge(isSettings(below) ? below : {}, value) : value;
  }
  return merged;
}

/** The value at `path`, undefined where there is none. */
export function at(settings: unknown, path: readonly PropertyKey[]): unknown {
  let value = settings;
  for (const key of path) value = isSettings(value) && Object.hasOwn(value, key) ? value[String(key)] : undefined;
  return value;
}
