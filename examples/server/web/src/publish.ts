// How to publish: the addresses to type into an encoder, with copy buttons.

import { byId, el, icon, setText } from './dom';

const COPY = 'M9 9h11v11H9zM5 15H4V4h11v1';
const COPIED_SHOWN_MS = 1600;

export class PublishHelp {
  private readonly details = el('details', 'publish');
  private readonly lead = el('p', 'lead');
  private readonly lines = new Map<string, HTMLElement>();
  private wanted = false;

  constructor(private readonly announce: (text: string) => void) {
    const summary = el('summary', '', 'How to publish');
    summary.addEventListener('click', () => (this.wanted = !this.details.open));
    this.details.append(summary, this.lead,
      el('dl', 'copyables',
        ...this.line('server', 'Server'),
        ...this.line('key', 'Stream key'),
        ...this.line('film', 'A film, with ffmpeg'),
        ...this.line('test', 'A test picture, with ffmpeg')));
    byId('publish').append(this.details);
    this.setPort(1935);
  }

  setPort(port: number): void {
    const server = `rtmp://${location.hostname || 'localhost'}:${port}/live`;
    this.setLine('server', server);
    this.setLine('key', 'demo');
    this.setLine('film', `ffmpeg -re -i film.mp4 -c copy -f flv ${server}/demo`);
    this.setLine('test', `ffmpeg -re -f lavfi -i testsrc2=size=1280x720 -f lavfi -i sine -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -c:a aac -f flv ${server}/demo`);
  }

  /** While nobody is live the help stands open and cannot be folded; else it folds, unless the reader wants it open. */
  setEmpty(empty: boolean): void {
    this.details.classList.toggle('empty', empty);
    this.details.open = empty || this.wanted;
    setText(this.lead, empty
      ? 'Point OBS, ffmpeg or any other RTMP encoder at this server. The stream shows up here by itself.'
      : 'Point OBS, ffmpeg or any other RTMP encoder at this server. Any stream key that is not taken will do.');
  }

  private line(id: string, label: string): [HTMLElement, HTMLElement] {
    const code = el('code');
    const button = el('button', 'copy', icon(COPY), el('span', '', 'Copy'));
    button.type = 'button';
    button.setAttribute('aria-label', `Copy: ${label}`);
    const caption = button.lastElementChild as HTMLElement;
    let timer = 0;
    button.addEventListener('click', async () => {
      const ok = await copy(code);
      setText(caption, ok ? 'Copied' : 'Press Ctrl+C');
      button.classList.add('told');
      this.announce(ok ? `${label}: copied` : `${label}: selected, press Control C to copy`);
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        setText(caption, 'Copy');
        button.classList.remove('told');
      }, COPIED_SHOWN_MS);
    });
    this.lines.set(id, code);
    const hint = id === 'key' ? el('span', 'hint', 'or any other name') : null;
    return [el('dt', '', label), el('dd', '', code, hint, button)];
  }

  private setLine(id: string, text: string): void {
    const code = this.lines.get(id);
    if (code) setText(code, text);
  }
}

/** Copies an element's text; without the clipboard interface (a page over plain HTTP has none) by selecting it. */
async function copy(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}
