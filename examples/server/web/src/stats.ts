// The figures under the picture, each with its last minute as a plot.

import type { Engine } from './engine';
import { bitrate, plural } from './format';
import { Plot, type Sample } from './plot';
import { PlotGroup } from './readback';

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
  private readonly group = new PlotGroup([this.latency, this.buffer, this.rate, this.dropped], 'Playback', () => this.draw());
  private droppedBefore: number | null = null;
  private last: Sources | null = null;

  constructor(private readonly root: HTMLElement) {
    root.append(this.group.root, this.group.when);
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
    this.group.clear();
  }

  private draw(): void {
    if (!this.last) return;
    const { video, engine, serverKbps } = this.last;
    const now = performance.now();
    const shown = this.group.shown(now);
    const latency = behind(engine);
    const kbps = engine.kbps() ?? serverKbps;
    const quality = video.getVideoPlaybackQuality();
    this.latency.draw(now, latency === null ? '' : `${latency.toFixed(1)} s`, shown);
    this.buffer.draw(now, `${bufferedAhead(video).toFixed(1)} s`, shown);
    this.rate.draw(now, kbps === null ? '' : bitrate(kbps), shown);
    this.dropped.draw(now, `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}`, shown);
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
