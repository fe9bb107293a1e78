// Lists whose rows are made anew when what they show has changed, without taking the keyboard away.

import { byId, el, reconcile, setText, type Row } from '../dom';
import { ApiError } from '../client';

/** A list of the page; `make` gives the children of the row of an item. */
export class List<T> {
  private readonly rows = new Map<string, Row<T>>();

  constructor(private readonly id: string, private readonly key: (item: T) => string, private readonly make: (item: T) => (Node | null)[], private readonly none?: string, private readonly look = 'row') {}

  show(items: readonly T[]): void {
    if (this.none) byId(this.none).hidden = items.length > 0;
    const list = byId(this.id);
    const had = list.contains(document.activeElement);
    reconcile(list, this.rows, items, this.key, () => this.row());
    // Whose row has gone goes on from the head of the list.
    const head = list.closest('section')?.querySelector('h2');
    if (had && head && !list.contains(document.activeElement)) {
      head.tabIndex = -1;
      head.focus({ preventScroll: true });
    }
  }

  private row(): Row<T> {
    const root = el('li', this.look);
    let shown = '';
    const update = (item: T): void => {
      const text = JSON.stringify(item);
      // A question that is open is not taken away.
      if (text === shown || root.querySelector('.armed, [aria-busy]')) return;
      shown = text;
      const label = root.contains(document.activeElement) ? document.activeElement?.getAttribute('aria-label') : null;
      root.replaceChildren(...this.make(item).filter((node) => node !== null));
      if (label) [...root.querySelectorAll<HTMLElement>('[aria-label]')].find((node) => node.getAttribute('aria-label') === label)?.focus();
    };
    return { root, update };
  }
}

/** What follows each change, so that the page shows it at once. */
export const after = { change: (): void => undefined };

/** Does something with the server, and says aloud how it went. */
export async function act(said: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    setText(byId('announce'), said);
    byId('away').hidden = true;
    return true;
  } catch (error) {
    setText(byId('away-what'), error instanceof ApiError ? error.message : 'Something went wrong in this page.');
    byId('away').hidden = false;
    return false;
  } finally {
    after.change();
  }
}

/** A button that does `work`; with `sure`, only when it is pressed a second time. */
export function button(text: string, about: string, work: () => Promise<unknown>, sure?: string): HTMLButtonElement {
  const node = el('button', '', text);
  node.type = 'button';
  const name = (shown: string): void => node.setAttribute('aria-label', `${shown}: ${about}`);
  const disarm = (): void => {
    node.classList.remove('armed');
    setText(node, text);
    name(text);
  };
  name(text);
  node.addEventListener('blur', disarm);
  node.addEventListener('click', () => {
    if (sure && !node.classList.contains('armed')) {
      node.classList.add('armed');
      setText(node, sure);
      name(sure);
      return;
    }
    disarm();
    if (node.hasAttribute('aria-busy')) return;
    // Not disabled: that would take the keyboard away.
    node.setAttribute('aria-busy', 'true');
    void act(`${text}: ${about}: done.`, work).finally(() => node.removeAttribute('aria-busy'));
  });
  return node;
}

/** One that stands among text. */
export function mini(...given: Parameters<typeof button>): HTMLButtonElement {
  const node = button(...given);
  node.className = 'mini';
  return node;
}

/** A short word on a state. */
export function tag(text: string, kind = ''): HTMLElement {
  return el('span', `tag ${kind}`, text);
}

/** What a row says: a title with tags, and lines below. */
export function what(title: (Node | null)[], ...lines: (string | Node | null)[]): HTMLElement {
  return el('div', 'what', el('p', 'title', ...title), ...lines.map((line) => (line === null || line === '' ? null : el('p', 'facts dim', line))));
}
