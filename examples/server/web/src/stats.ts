// The figures under the picture, each with its last minute as a plot. Pointer and arrow keys read earlier moments off.

import type { Engine } from './engine';
import { el, setText } from './dom';
import { bitrate, plural } from './format';
import { Plot, SPAN_MS, type Sample } from './plot';

const STEP_MS = 1000;

/** What the figures are taken from. */
export interface Sources {
  video: HTMLVideoElement;
  engine: Engine;
  /** Bit rate by the server's count, for players that do not tell. */
  serverKbps: number | null;
  stalled: boolean;
}

export class Stats {
  private readonly latency = new Plot({ label: 'Behind live', kind: 'line', least: 1, text: (value) => `${value.toFixed(1)} s` });
  private readonly buffer = new Plot({ label: 'Buffer', kind: 'line', least: 1, text: (value) => `${value.toFixed(1)} s` });
  private readonly rate = new Plot({ label: 'Bitrate', kind: 'line', least: 100, text: bitrate });
  private readonly dropped = new Plot({ label: 'Dropped frames', kind: 'bars', least: 5, text: (value) => plural(value, 'frame') });
  private readonly plots = el('dl', 'plots', this.latency.root, this.buffer.root, this.rate.root, this.dropped.root);
  private readonly when = el('p', 'when');
  private droppedBefore: number | null = null;
  private last: Sources | null = null;
  /** How long ago the moment is that is read off; `null` for now. */
  private ago: number | null = null;

  constructor(private readonly root: HTMLElement) {
    Object.assign(this.plots, { tabIndex: 0, ariaLabel: 'Playback in the last minute. Left and right arrow keys read earlier moments.' });
    this.when.setAttribute('aria-live', 'polite');
    root.append(this.plots, this.when);
    this.plots.addEventListener('keydown', (event) => this.onKey(event));
    this.plots.addEventListener('blur', () => this.point(null));
    this.plots.addEventListener('pointermove', (event) => this.onPointer(event));
    this.plots.addEventListener('pointerleave', () => this.point(null));
  }

  /** Takes a sample of all figures and draws; `null` hides everything. */
  update(sources: Sources | null): void {
    this.root.hidden = sources === null;
    if (sources?.engine !== this.last?.engine) this.clear();
    this.last = sources;
    if (!sources) return;
    const { video, engine } = sources;
    const [at, stalled] = [performance.now(), sources.stalled];
    const sample = (value: number | null): Sample => ({ at, value, stalled });
    const quality = video.getVideoPlaybackQuality();
    const dropped = quality.droppedVideoFrames;
    this.latency.add(sample(behind(engine)));
    this.buffer.add(sample(bufferedAhead(video)));
    this.rate.add(sample(engine.kbps() ?? sources.serverKbps));
    this.dropped.add(sample(quality.totalVideoFrames > 0 ? Math.max(0, dropped - (this.droppedBefore ?? dropped)) : null));
    this.droppedBefore = dropped;
    this.draw();
  }

  private clear(): void {
    [this.latency, this.buffer, this.rate, this.dropped].forEach((plot) => plot.clear());
    this.droppedBefore = null;
    this.ago = null;
  }

  private draw(): void {
    if (!this.last) return;
    const { video, engine, serverKbps } = this.last;
    const now = performance.now();
    const shown = this.ago === null ? null : now - this.ago;
    const latency = behind(engine);
    const kbps = engine.kbps() ?? serverKbps;
    const quality = video.getVideoPlaybackQuality();
    this.latency.draw(now, latency === null ? '' : `${latency.toFixed(1)} s`, shown);
    this.buffer.draw(now, `${bufferedAhead(video).toFixed(1)} s`, shown);
    this.rate.draw(now, kbps === null ? '' : bitrate(kbps), shown);
    this.dropped.draw(now, `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}`, shown);
    setText(this.when, this.ago === null ? '' : `${plural(Math.round(this.ago / 1000), 'second')} ago`);
  }

  private point(ago: number | null): void {
    if (ago === this.ago) return;
    this.ago = ago === null ? null : Math.min(SPAN_MS, Math.max(0, ago));
    this.draw();
  }

  private onKey(event: KeyboardEvent): void {
    const ago = this.ago ?? 0;
    const wanted = { ArrowLeft: ago + STEP_MS, ArrowRight: ago <= STEP_MS ? null : ago - STEP_MS, Home: SPAN_MS, End: null }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    this.point(wanted);
  }

  private onPointer(event: PointerEvent): void {
    const svg = event.target instanceof Element ? event.target.closest('.plot')?.querySelector('svg') : null;
    const box = svg?.getBoundingClientRect();
    this.point(box && box.width > 0 ? (1 - (event.clientX - box.left) / box.width) * SPAN_MS : null);
  }
}

/** Behind the moment of capture where the stream has dates, else behind the end of the playlist. */
function behind(engine: Engine): number | null {
  return engine.wallLatency() ?? engine.latency();
}

function bufferedAhead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i)) return video.buffered.end(i) - video.currentTime;
  }
  return 0;
}
