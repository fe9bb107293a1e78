// The line of figures under the picture.

import type { Engine } from './engine';
import { el, setText } from './dom';

export class Stats {
  private readonly values = new Map<string, HTMLElement>();

  constructor(private readonly root: HTMLElement) {
    for (const label of ['Behind live', 'Buffer', 'Picture', 'Dropped frames']) {
      const value = el('dd');
      this.values.set(label, value);
      root.append(el('div', '', el('dt', '', label), value));
    }
  }

  update(video: HTMLVideoElement, engine: Engine | null): void {
    this.root.hidden = engine === null;
    if (!engine) return;
    const latency = engine.latency();
    this.set('Behind live', latency === null ? '' : `${latency.toFixed(1)} s`);
    this.set('Buffer', `${bufferedAhead(video).toFixed(1)} s`);
    this.set('Picture', video.videoWidth > 0 ? `${video.videoWidth}×${video.videoHeight}` : '');
    const quality = video.getVideoPlaybackQuality();
    this.set('Dropped frames', quality.totalVideoFrames > 0 ? `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}` : '');
  }

  private set(label: string, text: string): void {
    const value = this.values.get(label);
    if (!value) return;
    setText(value, text);
    if (value.parentElement) value.parentElement.hidden = text === '';
  }
}

function bufferedAhead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i)) return video.buffered.end(i) - video.currentTime;
  }
  return 0;
}
