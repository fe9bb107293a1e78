// The player: what is being watched, how it fares, and what to say about it.

import { FAULT_TEXT, openFile, openLive, type Engine, type Fault, type PlaybackError } from './engine';
import { byId, setText } from './dom';
import { bitrate, bytes, codec, duration, moment, plural } from './format';
import { playlistUrl } from './route';
import { Stats } from './stats';
import type { Recording, Stream } from './api';

export type Target = { kind: 'live'; path: string } | { kind: 'recording'; mp4: string };
export type State = 'closed' | 'waiting' | 'starting' | 'playing' | 'buffering' | 'lost' | 'ended' | 'failed';

const BUFFERING_SHOWN_AFTER_MS = 700;
const GONE_AFTER_MS = 5000;
/** Sound and picture seldom end together, and a player may wait for the one that has no more. */
const END_MARGIN_S = 1.5;
const LOG_LENGTH = 50;

export class Player {
  private readonly section = byId('player');
  private readonly video = byId<HTMLVideoElement>('video');
  private readonly stage = byId('stage');
  private readonly veil = byId('veil');
  private readonly unmute = byId<HTMLButtonElement>('unmute');
  private readonly edge = byId<HTMLButtonElement>('edge');
  private readonly stats = new Stats(byId('stats'));

  private target: Target | null = null;
  private stream: Stream | null = null;
  private recording: Recording | null = null;
  private streamsKnown = false;
  private state: State = 'closed';
  private engine: Engine | null = null;
  private startedSince: string | null = null;
  private startedUrl = '';
  private played = false;
  private interrupted = false;
  private retries = 0;
  private retryTimer = 0;
  private bufferTimer = 0;
  private errors: PlaybackError[] = [];

  constructor() {
    this.video.addEventListener('playing', () => this.onPlaying());
    this.video.addEventListener('waiting', () => this.onWaiting());
    this.video.addEventListener('ended', () => { if (this.target?.kind === 'live') this.end(); });
    this.video.addEventListener('pause', () => this.onPause());
    this.video.addEventListener('canplay', () => { if (this.interrupted) void this.play(); });
    this.video.addEventListener('volumechange', () => { if (!this.video.muted) this.unmute.hidden = true; });
    this.unmute.addEventListener('click', () => {
      this.video.muted = false;
      if (this.video.volume === 0) this.video.volume = 1;
      this.video.focus();
    });
    this.edge.addEventListener('click', () => { this.engine?.jumpToEdge(); void this.play(); });
    byId('veil-retry').addEventListener('click', () => this.start());
    setInterval(() => this.refresh(), 1000);
  }

  /** Shows `target`, or closes with `null`; `streams` are those known to be live, `null` before the first answer. */
  show(target: Target | null, streams: Stream[] | null): void {
    if (JSON.stringify(target) === JSON.stringify(this.target)) return;
    this.stop();
    this.target = target;
    this.recording = null;
    this.stream = streams?.find((stream) => target?.kind === 'live' && stream.path === target.path) ?? null;
    this.section.hidden = target === null;
    if (target === null) this.setState('closed');
    else if (this.isGone()) this.wait();
    else this.start();
  }

  /** Tells what is live now: a stream waited for starts, one that is gone ends. */
  streamsAre(streams: Stream[]): void {
    const wasGone = this.isGone();
    this.streamsKnown = true;
    if (this.target?.kind !== 'live') return;
    const path = this.target.path;
    this.stream = streams.find((stream) => stream.path === path) ?? null;
    if (this.stream) {
      const restarted = (this.startedSince !== null && this.stream.since !== this.startedSince)
        || (this.stream.hls !== null && this.startedUrl !== '' && this.stream.hls !== this.startedUrl);
      this.startedSince = this.stream.since;
      const unplayable = this.stream.hls === null && this.state !== 'failed';
      if (restarted || unplayable || this.state === 'waiting' || (this.state === 'ended' && wasGone)) this.start();
    } else if (!this.played && this.state !== 'failed') {
      this.wait();
    }
    this.refresh();
  }

  /** Tells which recording is on show, for its title. */
  recordingIs(recording: Recording | null): void {
    this.recording = recording;
    this.refresh();
  }

  /** How playback fares, for tests and for the console. */
  snapshot(): object {
    return { state: this.state, engine: this.engine?.kind ?? null, latency_s: this.engine?.latency() ?? null, wall_latency_s: this.engine?.wallLatency() ?? null, errors: this.errors };
  }

  private start(): void {
    this.stop();
    const target = this.target;
    if (!target) return;
    this.startedSince = this.stream?.since ?? null;
    this.setState('starting');
    if (target.kind === 'live' && this.stream !== null && this.stream.hls === null) {
      this.fail('This application offers no HLS, so that no browser can play the stream. Players of RTMP can.');
      return;
    }
    const events = {
      fault: (fault: Fault) => this.onFault(fault),
      log: (error: PlaybackError) => { this.errors = [...this.errors.slice(1 - LOG_LENGTH), error]; },
    };
    this.startedUrl = target.kind === 'live' ? this.stream?.hls ?? playlistUrl(target.path) : target.mp4;
    this.engine = (target.kind === 'live' ? openLive : openFile)(this.video, this.startedUrl, events);
    if (this.engine) void this.play();
    else this.fail('This browser can play neither Media Source Extensions nor HLS.');
  }

  private stop(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.bufferTimer);
    this.engine?.destroy();
    this.engine = null;
    this.played = this.interrupted = false;
    this.retries = 0;
    this.errors = [];
    this.unmute.hidden = this.edge.hidden = true;
  }

  /** Starts with sound, or without where the browser insists on a click first. */
  private play(): Promise<void> {
    return this.video.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return undefined;
      this.video.muted = true;
      this.unmute.hidden = false;
      return this.video.play().catch(() => undefined);
    });
  }

  private onPlaying(): void {
    clearTimeout(this.bufferTimer);
    this.played = true;
    this.interrupted = false;
    this.retries = 0;
    if (this.engine) this.setState('playing');
  }

  private onWaiting(): void {
    if (this.state !== 'playing') return;
    clearTimeout(this.bufferTimer);
    this.bufferTimer = window.setTimeout(() => {
      const left = this.target?.kind === 'live' ? this.engine?.left() ?? null : null;
      if (left !== null && left < END_MARGIN_S) return this.end();
      this.setState('buffering');
      this.bufferTimer = window.setTimeout(() => { if (this.isGone()) this.end(); }, GONE_AFTER_MS);
    }, BUFFERING_SHOWN_AFTER_MS);
  }

  /** A decoding error pauses, too. The engine mends it, but only who pressed pause should have to press play. */
  private onPause(): void {
    this.interrupted = this.video.error !== null;
    if (this.interrupted && this.state === 'playing') this.setState('buffering');
  }

  private onFault(fault: Fault): void {
    if (this.target?.kind === 'live' && (fault === 'missing' || fault === 'network')) {
      if (this.isGone()) return this.played ? this.end() : this.wait();
      // What is buffered plays on; the words come when it has run out.
      if (!this.played) this.setState(fault === 'missing' ? 'starting' : 'lost');
      else if (this.state !== 'playing' || this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) this.setState('lost');
      const delay = Math.min(8000, 1000 * 2 ** (fault === 'missing' ? 0 : this.retries));
      this.retries += 1;
      clearTimeout(this.retryTimer);
      this.retryTimer = window.setTimeout(() => this.engine?.retry(), delay);
      return;
    }
    this.fail(FAULT_TEXT[fault]);
  }

  private isGone(): boolean {
    return this.target?.kind === 'live' && this.streamsKnown && this.stream === null;
  }

  private wait(): void {
    this.stop();
    this.startedSince = null;
    this.startedUrl = '';
    this.setState('waiting');
  }

  private end(): void {
    this.stop();
    this.played = true;
    this.setState('ended');
  }

  private fail(text: string): void {
    const errors = this.errors;
    this.stop();
    this.errors = errors;
    this.setState('failed', text);
  }

  private setState(state: State, failure = ''): void {
    this.state = state;
    this.section.dataset['state'] = state;
    const name = this.target?.kind === 'live' ? lastSegment(this.target.path) : '';
    const text: Record<State, string> = {
      closed: '', playing: '', starting: 'Starting…', buffering: 'Buffering…',
      waiting: `${name} is not live. It will play here as soon as it is.`,
      lost: 'The connection was lost. Trying again…',
      ended: 'The stream has ended.',
      failed: failure,
    };
    this.veil.hidden = text[state] === '';
    this.veil.classList.toggle('solid', state === 'waiting' || state === 'ended' || state === 'failed');
    setText(byId('veil-text'), text[state]);
    byId('veil-retry').hidden = state !== 'failed';
    this.refresh();
  }

  /** Brings titles and figures up to date. */
  private refresh(): void {
    if (!this.target) return;
    const { title, sub } = this.words(this.target);
    setText(byId('player-title'), title);
    setText(byId('player-sub'), sub);
    byId('player-live').hidden = this.stream === null;
    this.linkTo('link-hls', this.stream?.hls ?? null);
    this.linkTo('link-dash', this.stream?.dash ?? null);
    byId('player-links').hidden = this.stream === null;
    this.stage.classList.toggle('sound-only', this.stream !== null && !this.stream.video && this.stream.audio !== null);
    const latency = this.engine?.latency() ?? null;
    const target = this.engine?.targetLatency() ?? 6;
    this.edge.hidden = this.state === 'closed' || latency === null || latency < target + 6;
    const stalled = this.state === 'buffering' || this.state === 'lost';
    const serverKbps = this.stream?.bitrateKbps ?? null;
    this.stats.update(this.played && this.engine ? { video: this.video, engine: this.engine, serverKbps, stalled } : null);
  }

  /** An address to copy into another player. */
  private linkTo(id: string, address: string | null): void {
    const anchor = byId<HTMLAnchorElement>(id);
    anchor.hidden = address === null;
    if (address !== null && anchor.getAttribute('href') !== address) anchor.href = address;
  }

  private words(target: Target): { title: string; sub: string } {
    if (target.kind === 'recording') {
      const r = this.recording;
      return r ? { title: r.name, sub: `Recorded ${moment(r.started, 'today, ')} · ${duration(r.durationS)} · ${bytes(r.bytes)}` } : { title: 'Recording', sub: '' };
    }
    const s = this.stream;
    if (!s) return { title: lastSegment(target.path), sub: this.streamsKnown ? 'Not live' : '' };
    const size = this.played && this.video.videoWidth > 0 ? `${this.video.videoWidth}×${this.video.videoHeight}` : '';
    const codecs = [s.video, s.audio].flatMap((track) => (track ? [codec(track.codec)] : [])).join(' + ');
    return { title: s.name, sub: [size, codecs, bitrate(s.bitrateKbps), plural(s.viewers, 'viewer')].filter(Boolean).join(' · ') };
  }
}

function lastSegment(path: string): string {
  return path.slice(path.indexOf('/') + 1);
}
