/**
 * What every report's page is checked for, whatever it shows.
 * @module
 */

/** Tags still open at the end, and closing tags that fit nothing. */
export function unbalanced(page: string): string[] {
  const isVoid = new Set(['meta', 'br', 'img']);
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name, rest] of page
    .replace(/<!doctype html>|<style>[^]*?<\/style>|<script[^]*?<\/script>/g, '')
    .matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/gi)) {
    if (slash === '/') {
      if (open.pop() !== name) wrong.push(name!);
    } else if (!isVoid.has(name!) && !rest!.endsWith('/')) open.push(name!);
  }
  return [...open, ...wrong];
}

/** What a reader can read: no tags, style or record. */
export const textOf = (page: string): string =>
  page
    .replace(/<(style|script)[^]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&nbsp;/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ');

/** Ids that are there twice, and references to ids that are not there. */
export function wrongIds(page: string): string[] {
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  const referred = [...page.matchAll(/aria-labelledby="([^"]*)"/g)].flatMap(([, list]) => list!.split(' '));
  return [...twice, ...referred.filter((id) => !ids.includes(id))];
}

/** Tables without a caption, header cells without a scope, drawings without a name or a text. */
export function unnamed(page: string): string[] {
  const wrong: string[] = [];
  for (const [table] of page.matchAll(/<table[^]*?<\/table>/g)) {
    if (!/^<table[^>]*>\s*<caption>./.test(table)) wrong.push(table.slice(0, 80));
    for (const [cell] of table.matchAll(/<th(?![a-z])[^>]*>/g)) if (!cell.includes('scope=')) wrong.push(cell);
  }
  for (const [svg] of page.matchAll(/<svg(?![^>]*aria-hidden)[^]*?<\/svg>/g))
    if (!/<title id="[^"]+">[^<]+<\/title><desc id="[^"]+">[^<]+<\/desc>/.test(svg)) wrong.push(svg.slice(0, 120));
  return wrong;
}
