/**
 * HTML that is safe by default: a tagged template that escapes every value put into it unless it is markup already.
 * Names and reasons come from other hospitals, so forgetting to escape must not be possible.
 * @module
 */

/** Text that is HTML already. Made by {@link html} alone. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template takes; null and false leave nothing, so `condition && html…` works. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

/** Markup of a template; every value that is not {@link Markup} is escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((piece, i) => piece + (i < values.length ? render(values[i]) : '')).join(''));
}

function render(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value));
  return value.map(render).join('');
}

/** `text` for element content and quoted attributes; what cannot be seen is made visible. */
function escapeText(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, (ch) => `&#${ch.charCodeAt(0)};`);
}

/**
 * `text` with control characters and direction overrides replaced: they could steer a terminal, or make a name read as
 * another one.
 */
export function visible(text: string): string {
  return text.replace(/[\n\t]/g, ' ').replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** At most `length` characters, the last an ellipsis when some are left off. */
export function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
