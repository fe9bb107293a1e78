// A secret that the server tells once.

import { byId, setText } from '../dom';
import { act } from './rows';

/** The box `id` of the page, which has parts `…-what`, `…-text`, `…-copy` and `…-done`; `next` has the keyboard afterwards. */
export class Reveal {
  constructor(private readonly id: string, next: string) {
    byId(`${id}-copy`).addEventListener('click', () => void act('Copied.', () => navigator.clipboard.writeText(byId(`${id}-text`).textContent ?? '')));
    byId(`${id}-done`).addEventListener('click', () => {
      byId(id).hidden = true;
      setText(byId(`${id}-text`), '');
      byId(next).focus();
    });
  }

  show(what: string, secret: string | undefined): void {
    if (!secret) return;
    setText(byId(`${this.id}-what`), `${what}, shown this once:`);
    setText(byId(`${this.id}-text`), secret);
    byId(this.id).hidden = false;
    byId(`${this.id}-copy`).focus();
  }
}
