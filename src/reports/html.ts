/**
 * The run's report as one HTML file.
 * @module
 */
import type { RunResult } from './result.ts';

const escape = (text: string): string => text.replace(/[&<>"']/g, (ch) => `&#${ch.charCodeAt(0)};`);

/** A self-contained page. */
export function renderReport(result: RunResult): string {
  return `<!doctype html><meta charset="utf-8"><title>${escape(result.title)}</title><pre>${escape(JSON.stringify(result, null, 2))}</pre>`;
}
