// Small helpers around the DOM. Text always goes in as text nodes: nothing here parses HTML.

type Child = Node | string | null;

/** Makes an element with a class name and children; strings become text nodes and `null` is left out. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, className = '', ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

/** The element of the page with this id. */
export function byId<T extends HTMLElement>(id: string): T {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node as T;
}

/** Sets an element's text only when it differs, so that screen readers and selections are left alone. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** One small line icon from an SVG path. */
export function icon(path: string): SVGSVGElement {
  const svg = svgEl('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon' });
  svg.append(svgEl('path', { d: path }));
  return svg;
}

/** Makes an SVG element with attributes. */
export function svgEl<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Record<string, string>): SVGElementTagNameMap[K] {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A row that is kept over updates, so that focus and selection survive. */
export interface Row<T> {
  readonly root: HTMLElement;
  update(item: T): void;
}

/** Brings the children of `list` in line with `items`: rows are kept by key, made, moved and removed as needed. */
export function reconcile<T>(list: HTMLElement, rows: Map<string, Row<T>>, items: readonly T[], key: (item: T) => string, make: (item: T) => Row<T>): void {
  const wanted = new Set(items.map(key));
  for (const [name, row] of rows) {
    if (wanted.has(name)) continue;
    row.root.remove();
    rows.delete(name);
  }
  let at: Element | null = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let row = rows.get(name);
    if (!row) {
      row = make(item);
      rows.set(name, row);
    }
    row.update(item);
    if (row.root === at) at = at.nextElementSibling;
    else list.insertBefore(row.root, at);
  }
}
