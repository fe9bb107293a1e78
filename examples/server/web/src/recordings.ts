// The list of recordings, newest first.

import { byId, el, icon, reconcile, setText, type Row } from './dom';
import { bytes, duration, moment } from './format';
import { recordingHash } from './route';
import type { Recording } from './api';

const PLAY = 'M8 5.5v13l11-6.5z';
const FILM = 'M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4';
const SHOWN_AT_FIRST = 12;

const STATE_TEXT: Record<Recording['state'], string> = {
  recording: 'Recording',
  finishing: 'Making the MP4',
  done: '',
  failed: 'Failed',
};

export class RecordingList {
  private readonly section = byId('recordings-section');
  private readonly root = byId('recordings');
  private readonly count = byId('rec-count');
  private readonly more = byId<HTMLButtonElement>('rec-more');
  private readonly rows = new Map<string, RecordingRow>();
  private all: Recording[] = [];
  private showAll = false;
  private watching: string | null = null;

  constructor() {
    this.more.addEventListener('click', () => {
      const next = this.visible().length;
      this.showAll = true;
      this.render();
      // The button goes away under the keyboard: hand on to the first row it brought.
      this.root.children[next]?.querySelector<HTMLElement>('a')?.focus();
    });
  }

  update(recordings: Recording[]): void {
    this.all = recordings;
    this.render();
  }

  /** Marks the recording that the player shows. */
  mark(mp4: string | null): void {
    this.watching = mp4;
    this.rows.forEach((row) => row.mark(mp4));
  }

  find(mp4: string): Recording | null {
    return this.all.find((recording) => recording.mp4 === mp4) ?? null;
  }

  /** Whether some recording is still being written or converted. */
  isBusy(): boolean {
    return this.all.some((recording) => recording.state === 'recording' || recording.state === 'finishing');
  }

  /** Puts the keyboard back on a recording's link, if it is still there. */
  focus(mp4: string): boolean {
    return [...this.rows.values()].some((row) => row.focusIf(mp4));
  }

  private visible(): Recording[] {
    return this.showAll ? this.all : this.all.slice(0, SHOWN_AT_FIRST);
  }

  private render(): void {
    this.section.hidden = this.all.length === 0;
    setText(this.count, String(this.all.length));
    const visible = this.visible();
    reconcile(this.root, this.rows as Map<string, Row<Recording>>, visible, key, () => new RecordingRow());
    this.more.hidden = visible.length === this.all.length;
    setText(this.more, `Show all ${this.all.length} recordings`);
    this.mark(this.watching);
  }
}

function key(recording: Recording): string {
  return `${recording.app}/${recording.name} ${recording.started}`;
}

class RecordingRow implements Row<Recording> {
  readonly root: HTMLElement;
  private readonly app = el('span', 'app');
  private readonly name = el('bdi');
  private readonly link: HTMLAnchorElement = el('a', 'name', this.app, this.name);
  private readonly watching = el('span', 'tag', 'Playing');
  private readonly state = el('span', 'tag');
  private readonly started = el('time');
  private readonly length = el('span');
  private readonly size = el('span');
  private readonly error = el('ul', 'problems');
  private readonly mp4 = el('a', 'button', 'MP4');
  private readonly flv = el('a', 'button', 'FLV');
  private target: string | null = null;

  constructor() {
    this.root = el('li', 'row recording',
      el('div', 'glyph', icon(PLAY), icon(FILM)),
      el('div', 'what',
        el('p', 'title', this.link, this.watching, this.state),
        el('p', 'facts', this.started, this.length, this.size)),
      el('div', 'buttons', this.mp4, this.flv),
      this.error);
  }

  update(r: Recording): void {
    this.target = r.mp4;
    setText(this.app, r.app ? `${r.app}/` : '');
    setText(this.name, r.name);
    if (r.mp4) this.link.href = recordingHash(r.mp4);
    else this.link.removeAttribute('href');
    this.root.classList.toggle('playable', r.mp4 !== null);
    setText(this.started, moment(r.started, 'Today, '));
    this.started.dateTime = r.started;
    setText(this.length, r.durationS > 0 ? ` · ${duration(r.durationS)}` : '');
    setText(this.size, r.bytes > 0 ? ` · ${bytes(r.bytes)}` : '');
    setText(this.state, STATE_TEXT[r.state]);
    this.state.hidden = r.state === 'done';
    this.state.className = `tag ${r.state === 'recording' ? 'rec' : r.state === 'failed' ? 'bad' : ''}`;
    this.error.hidden = r.error === null;
    if (this.error.textContent !== (r.error ?? '')) this.error.replaceChildren(...(r.error ? [el('li', '', r.error)] : []));
    download(this.mp4, r.mp4, `Download ${r.name} as MP4`);
    download(this.flv, r.flv, `Download ${r.name} as FLV`);
  }

  mark(mp4: string | null): void {
    const watching = mp4 !== null && this.target === mp4;
    this.watching.hidden = !watching;
    this.root.classList.toggle('current', watching);
    if (watching) this.link.setAttribute('aria-current', 'true');
    else this.link.removeAttribute('aria-current');
  }

  focusIf(mp4: string): boolean {
    if (this.target !== mp4) return false;
    this.link.focus();
    return true;
  }
}

function download(link: HTMLAnchorElement, url: string | null, label: string): void {
  link.hidden = url === null;
  if (!url) return;
  link.href = url;
  link.download = '';
  link.setAttribute('aria-label', label);
}
