// What is live: how each stream fared in the last minute, as the server measured it second by second.

import { call, type Schemas } from '../client';
import { byId, el, reconcile, setText, type Row } from '../dom';
import { bitrate, codec, duration, frameRate, plural, shortTime, skew } from '../format';
import { Plot, SPAN_MS, type Form } from '../plot';
import { PlotGroup } from '../readback';
import { liveHash } from '../route';

type Stream = Schemas['StreamInfo'];
type Sample = Schemas['HealthSample'];

/** A figure of a sample, and how it is drawn. */
interface Figure extends Form { of(sample: Sample): number | null }

const FIGURES: readonly Figure[] = [
  { label: 'Bit rate', kind: 'line', least: 100, text: bitrate, of: (sample) => sample.bitrate_kbps },
  { label: 'Pictures', kind: 'line', least: 10, text: frameRate, of: (sample) => sample.fps },
  { label: 'Key frames', kind: 'line', least: 2, text: (value) => `each ${Number(value.toFixed(2))} s`, of: (sample) => sample.key_frame_interval_s ?? null },
  { label: 'Jitter', kind: 'line', least: 20, text: shortTime, of: (sample) => sample.jitter_ms },
  { label: 'A/V skew', kind: 'line', least: 50, text: skew, signed: true, of: (sample) => sample.av_skew_ms ?? null },
  { label: 'Viewers', kind: 'line', least: 3, text: (value) => plural(Math.round(value), 'viewer'), of: (sample) => sample.viewers },
];

class Card implements Row<Stream> {
  readonly root: HTMLElement;
  private readonly facts = el('p', 'facts');
  private readonly recording = el('span', 'tag rec', 'Recording');
  private readonly problems = el('span', 'tag warned');
  private readonly plots = FIGURES.map((figure) => new Plot(figure));
  private readonly group: PlotGroup;
  private last: Sample | null = null;
  /** When the last sample was taken, on this machine's clock. */
  private lastAt = 0;

  constructor(stream: Stream) {
    this.group = new PlotGroup(this.plots, stream.path, () => this.draw());
    const link = el('a', 'plain flat', stream.path);
    link.href = `/${liveHash(stream.path)}`;
    this.root = el('li', '', el('p', 'title', link, this.recording, this.problems), this.facts, this.group.root, this.group.when);
  }

  update(stream: Stream): void {
    const { video, audio } = stream;
    this.recording.hidden = !stream.recording;
    this.problems.hidden = stream.problems.length === 0;
    setText(this.problems, plural(stream.problems.length, 'problem'));
    const facts = [video && `${video.width}×${video.height}`, video && codec(video.codec), audio && codec(audio.codec), `live for ${duration(stream.uptime_s)}`, players(stream.players), stream.publisher.agent];
    setText(this.facts, facts.filter(Boolean).join(' · '));
  }

  /** Asks for the samples that are new. */
  async sample(path: string): Promise<void> {
    const { data } = await call('get', '/api/v1/streams/{id}/health', { path: { id: path }, query: { since_ms: this.last?.time_ms ?? Math.max(0, Date.now() - 10 * SPAN_MS) } });
    const last = data.samples.at(-1);
    if (!last) return;
    const now = performance.now();
    for (const sample of data.samples) {
      const at = now - (last.time_ms - sample.time_ms);
      FIGURES.forEach((figure, i) => this.plots[i]?.add({ at, value: figure.of(sample), stalled: false }));
    }
    [this.last, this.lastAt] = [last, now];
    this.draw();
  }

  private draw(): void {
    const { last } = this;
    if (!last) return;
    const shown = this.group.shown(this.lastAt);
    FIGURES.forEach((figure, i) => {
      const value = figure.of(last);
      this.plots[i]?.draw(this.lastAt, value === null ? '' : figure.text(value), shown);
    });
  }
}

/** Players by protocol, those that there are. */
function players(of: Schemas['PlayersInfo']): string {
  const known: [string, number][] = [['RTMP', of.rtmp], ['HLS', of.hls], ['DASH', of.dash], ['HTTP-FLV', of.http_flv], ['WS-FLV', of.ws_flv]];
  return known.filter(([, count]) => count > 0).map(([name, count]) => `${count} over ${name}`).join(', ');
}

const cards = new Map<string, Row<Stream>>();

/** Shows the streams, and what is new of each. */
export async function showLive(streams: readonly Stream[]): Promise<void> {
  setText(byId('live-count'), streams.length > 0 ? String(streams.length) : '');
  byId('live-none').hidden = streams.length > 0;
  reconcile(byId('streams'), cards, streams, (stream) => stream.path, (stream) => new Card(stream));
  // One that has just ended has no figures any more.
  await Promise.allSettled(streams.map((stream) => (cards.get(stream.path) as Card).sample(stream.path)));
}
