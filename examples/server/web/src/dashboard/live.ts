// What is live: bit rate, pictures and viewers of the last minute, as the server measured them second by second.

import { call, type Schemas } from '../client';
import { byId, el, reconcile, setText, type Row } from '../dom';
import { bitrate, codec, duration, frameRate, plural } from '../format';
import { Plot, SPAN_MS } from '../plot';
import { liveHash } from '../route';

type Stream = Schemas['StreamInfo'];

class Card implements Row<Stream> {
  readonly root: HTMLElement;
  private readonly facts = el('p', 'facts');
  private readonly recording = el('span', 'tag rec', 'Recording');
  private readonly plots = [
    new Plot({ label: 'Bit rate', text: bitrate, kind: 'line', least: 100 }),
    new Plot({ label: 'Pictures', text: frameRate, kind: 'line', least: 10 }),
    new Plot({ label: 'Viewers', text: (value) => plural(Math.round(value), 'viewer'), kind: 'line', least: 3 }),
  ];
  private since = 0;

  constructor(stream: Stream) {
    const link = el('a', 'plain flat', stream.path);
    link.href = `/${liveHash(stream.path)}`;
    this.root = el('li', '', el('p', 'title', link, this.recording), this.facts, el('dl', 'plots', ...this.plots.map((plot) => plot.root)));
  }

  update(stream: Stream): void {
    const { video, audio } = stream;
    this.recording.hidden = !stream.recording;
    const facts = [video && `${video.width}×${video.height}`, video && codec(video.codec), audio && codec(audio.codec), `live for ${duration(stream.uptime_s)}`, players(stream.players), stream.publisher.agent];
    setText(this.facts, facts.filter(Boolean).join(' · '));
  }

  /** Asks for the samples that are new. */
  async sample(path: string): Promise<void> {
    const { data } = await call('get', '/api/v1/streams/{id}/health', { path: { id: path }, query: { since_ms: Math.max(this.since, Date.now() - 10 * SPAN_MS) } });
    const last = data.samples.at(-1);
    if (!last) return;
    this.since = last.time_ms;
    const now = performance.now();
    for (const sample of data.samples) {
      const at = now - (last.time_ms - sample.time_ms);
      [sample.bitrate_kbps, sample.fps, sample.viewers].forEach((value, i) => this.plots[i]?.add({ at, value, stalled: false }));
    }
    [bitrate(last.bitrate_kbps), frameRate(last.fps), plural(last.viewers, 'viewer')].forEach((said, i) => this.plots[i]?.draw(now, said, null));
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
