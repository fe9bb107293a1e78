// The list of live streams: one row each, kept over updates.

import { el, icon, reconcile, setText, svgEl, type Row } from './dom';
import { bitrate, channels, codec, duration, frameRate, moment, plural, sampleRate } from './format';
import { liveHash } from './route';
import type { Audio, Stream, Video } from './api';

const PLAY = 'M8 5.5v13l11-6.5z';
const HISTORY_POINTS = 60;
const FEWEST_POINTS = 4;

export class StreamList {
  private readonly rows = new Map<string, StreamRow>();

  constructor(private readonly root: HTMLElement) {
    setInterval(() => this.rows.forEach((row) => row.tick()), 1000);
  }

  update(streams: Stream[], watching: string | null): void {
    reconcile(this.root, this.rows as Map<string, Row<Stream>>, streams, (stream) => stream.path, (stream) => new StreamRow(stream.path));
    this.mark(watching);
  }

  /** Marks the stream that the player shows. */
  mark(watching: string | null): void {
    this.rows.forEach((row, path) => row.mark(path === watching));
  }

  /** Puts the keyboard back on a stream's link, if it is still there. */
  focus(path: string): boolean {
    const row = this.rows.get(path);
    row?.link.focus();
    return row !== undefined;
  }
}

class StreamRow implements Row<Stream> {
  readonly root: HTMLElement;
  readonly link: HTMLAnchorElement;
  private readonly app = el('span', 'app');
  private readonly name = el('bdi');
  private readonly recording = el('span', 'tag rec', 'Recording');
  private readonly watching = el('span', 'tag', 'Watching');
  private readonly media = el('p', 'facts');
  private readonly uptime = el('span');
  private readonly agent = el('bdi');
  private readonly since = el('time');
  private readonly rate = el('span', 'value');
  private readonly viewers = el('span', 'value');
  private readonly problems = el('ul', 'problems');
  private readonly line = svgEl('path', { class: 'line' });
  private readonly history: number[] = [];
  private uptimeAtUpdate = 0;
  private updatedAt = 0;

  constructor(path: string) {
    this.link = el('a', 'name', this.app, this.name);
    this.link.href = liveHash(path);
    const spark = svgEl('svg', { viewBox: '0 0 100 20', preserveAspectRatio: 'none', class: 'spark', 'aria-hidden': 'true' });
    spark.append(this.line);
    this.root = el('li', 'row stream',
      el('div', 'glyph', icon(PLAY)),
      el('div', 'what',
        el('p', 'title', this.link, this.watching, this.recording),
        this.media,
        el('p', 'facts dim', 'Live for ', this.uptime, ', since ', this.since, this.agent)),
      el('div', 'figure rate', this.rate, spark),
      el('div', 'figure', this.viewers),
      this.problems);
  }

  update(stream: Stream): void {
    setText(this.app, stream.app ? `${stream.app}/` : '');
    setText(this.name, stream.name);
    this.recording.hidden = !stream.recording;
    setText(this.media, [...videoFacts(stream.video), ...audioFacts(stream.audio)].join(' · ') || 'Waiting for picture and sound');
    setText(this.since, moment(stream.since));
    this.since.dateTime = stream.since;
    setText(this.agent, stream.agent ? ` · ${stream.agent}` : '');
    setText(this.rate, bitrate(stream.bitrateKbps));
    setText(this.viewers, plural(stream.viewers, 'viewer'));
    this.viewers.title = `${stream.players.hls} over HLS, ${stream.players.rtmp} over RTMP`;
    this.listProblems(stream.problems);
    this.draw(stream.bitrateKbps);
    this.uptimeAtUpdate = stream.uptimeS;
    this.updatedAt = performance.now();
    this.tick();
  }

  /** Counts the uptime on between updates, on this machine's own clock: the two clocks may differ. */
  tick(): void {
    setText(this.uptime, duration(this.uptimeAtUpdate + (performance.now() - this.updatedAt) / 1000));
  }

  mark(watching: boolean): void {
    this.watching.hidden = !watching;
    this.root.classList.toggle('current', watching);
    if (watching) this.link.setAttribute('aria-current', 'true');
    else this.link.removeAttribute('aria-current');
  }

  private listProblems(problems: string[]): void {
    this.problems.hidden = problems.length === 0;
    if (this.problems.childElementCount === problems.length && problems.every((text, i) => this.problems.children[i]?.textContent === text)) return;
    this.problems.replaceChildren(...problems.map((text) => el('li', '', text)));
  }

  /** The bit rate since the page was opened, at most the last two minutes, from zero up. */
  private draw(kbps: number): void {
    this.history.push(kbps);
    if (this.history.length > HISTORY_POINTS) this.history.shift();
    const last = this.history.length - 1;
    const top = Math.max(...this.history) * 1.1 || 1;
    const points = this.history.map((value, i) => `${((100 * i) / last).toFixed(1)} ${(20 - (value / top) * 19).toFixed(1)}`);
    this.line.setAttribute('d', points.length < FEWEST_POINTS ? '' : `M${points.join('L')}`);
  }
}

function videoFacts(video: Video | null): string[] {
  if (!video) return [];
  const facts = [];
  if (video.width > 0 && video.height > 0) facts.push(`${video.width}×${video.height}`);
  if (video.fps > 0) facts.push(frameRate(video.fps));
  if (video.codec) facts.push(codec(video.codec));
  return facts;
}

function audioFacts(audio: Audio | null): string[] {
  if (!audio) return [];
  const facts = [codec(audio.codec)];
  if (audio.sampleRate > 0) facts.push(sampleRate(audio.sampleRate));
  if (audio.channels > 0) facts.push(channels(audio.channels));
  return [facts.filter(Boolean).join(' ')];
}
