/**
 * The little of a DOM that Observable Plot needs to build an SVG, and its way to text. A library for it would bring a
 * dozen packages to each hospital; and this one writes every text through the report's own escaping.
 * @module
 */
import { html, Markup } from './markup.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** An element, or text when it has no name. */
export class SvgNode {
  readonly ownerDocument: SvgDocument;
  readonly namespaceURI: string;
  readonly tagName: string;
  readonly style: { readonly setProperty: (name: string, value: string) => void };
  parentNode: SvgNode | null = null;
  #children: SvgNode[] = [];
  #text = '';
  readonly #attributes = new Map<string, string>();

  constructor(ownerDocument: SvgDocument, namespaceURI: string, tagName: string) {
    this.ownerDocument = ownerDocument;
    this.namespaceURI = namespaceURI;
    this.tagName = tagName;
    this.style = {
      setProperty: (name, value) => this.setAttribute('style', `${this.getAttribute('style') ?? ''}${name}:${value};`),
    };
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }

  appendChild(child: SvgNode): SvgNode {
    return this.insertBefore(child, null);
  }

  insertBefore(child: SvgNode, next: SvgNode | null): SvgNode {
    if (child.parentNode) child.parentNode.#children = child.parentNode.#children.filter((other) => other !== child);
    const at = next === null ? this.#children.length : this.#children.indexOf(next);
    this.#children.splice(at, 0, child);
    child.parentNode = this;
    return child;
  }

  set textContent(text: string) {
    this.#children = [];
    this.#text = String(text);
  }

  get textContent(): string {
    return this.#text + this.#children.map((child) => child.textContent).join('');
  }

  /** What is inside as markup. Plot's own style sheet is left out: the page has one. */
  inner(): Markup {
    return html`${this.#text}${this.#children.filter(({ tagName }) => tagName !== 'style').map((child) => child.#outer())}`;
  }

  #outer(): Markup {
    if (this.tagName === '') return html`${this.#text}`;
    const inner = this.inner();
    // names of elements and attributes are Plot's, never the record's
    const name = new Markup(this.tagName);
    const attributes = [...this.#attributes].flatMap(([key, value]) =>
      LEFT_OUT.has(key) ? [] : html` ${new Markup(key)}="${MEASURES.has(key) ? rounded(value) : value}"`,
    );
    return inner.toString() === '' ? html`<${name}${attributes}/>` : html`<${name}${attributes}>${inner}</${name}>`;
  }
}

/** What Plot takes for a document. */
export class SvgDocument {
  readonly documentElement: SvgNode = new SvgNode(this, SVG, 'svg');

  createElementNS(namespace: string, name: string): SvgNode {
    return new SvgNode(this, namespace, name);
  }

  createTextNode(text: string): SvgNode {
    const node = new SvgNode(this, SVG, '');
    node.textContent = text;
    return node;
  }
}

/** Parts of a drawing are described by its `<desc>`: a label on each group, such as `dot`, would only be in the way. */
const LEFT_OUT = new Set(['aria-label', 'aria-hidden']);
const MEASURES = new Set([
  'd',
  'transform',
  'x',
  'y',
  'x1',
  'x2',
  'y1',
  'y2',
  'cx',
  'cy',
  'r',
  'width',
  'height',
  'points',
]);

/** A tenth of a unit is finer than a screen, and the last bits of a platform's arithmetic are gone. */
function rounded(value: string): string {
  return value.replace(/-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)/g, (number) =>
    String(Math.round(Number(number) * 10) / 10 || 0),
  );
}
