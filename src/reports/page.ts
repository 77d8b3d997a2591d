/**
 * The page that reports are: one file that needs nothing else, whose policy lets nothing run and nothing load.
 * @module
 */
import { type Content, html, Markup } from './markup.ts';
import { STYLE } from './style.ts';

/** Parts of a page from top to bottom. */
export interface Page {
  readonly title: string;
  readonly header: Content;
  readonly sections: readonly (readonly [id: string, title: string, content: Content])[];
  readonly footer: Content;
  /** More rules, after those of all reports. */
  readonly style?: string;
}

/** The whole text of a page. */
export function renderPage({ title, header, sections, footer, style = '' }: Page): string {
  // should markup ever slip through, the policy still lets nothing run and nothing load
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE + style)}</style>
</head>
<body>
${header}
<main>
${sections.map(
  ([id, heading, content]) => html`<section aria-labelledby="${id}"><h2 id="${id}">${heading}</h2><div>
${content}
</div></section>
`,
)}</main>
<footer>${footer}</footer>
</body>
</html>
`.toString();
}
