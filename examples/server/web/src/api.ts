// The server's JSON, read with care: a field that is missing or of another type becomes a harmless default,
// so that a page and a server of different versions still get on.

import { ApiError, call, type Schemas } from './client';

export interface Video { codec: string; width: number; height: number; fps: number }
export interface Audio { codec: string; sampleRate: number; channels: number }

export interface Stream {
  app: string;
  name: string;
  /** `app/name`: what identifies a live stream. */
  path: string;
  /** Start, RFC 3339. */
  since: string;
  uptimeS: number;
  agent: string;
  video: Video | null;
  audio: Audio | null;
  bitrateKbps: number;
  viewers: number;
  players: { rtmp: number; hls: number };
  hls: string | null;
  dash: string | null;
  recording: boolean;
  problems: string[];
}

export type RecordingState = 'recording' | 'finishing' | 'done' | 'failed';

export interface Recording {
  app: string;
  name: string;
  started: string;
  durationS: number;
  bytes: number;
  state: RecordingState;
  mp4: string | null;
  flv: string | null;
  error: string | null;
}

export interface Server { version: string; rtmpPort: number }

export { ApiError } from './client';

export async function fetchStreams(): Promise<Stream[]> {
  return (await pages('/api/v1/streams')).map(toStream);
}

export async function fetchRecordings(): Promise<Recording[]> {
  return (await pages('/api/v1/recordings')).map(toRecording);
}

export async function fetchServer(): Promise<Server> {
  const raw = record(await call('get', '/api/v1/server', {})) as Read<Schemas['Server']>;
  const port = count(raw.rtmp_port);
  return { version: text(raw.version), rtmpPort: port >= 1 && port <= 65535 ? port : 1935 };
}

const PAGES = 10;

/** A list by its pages, up to a thousand items. */
async function pages(path: '/api/v1/streams' | '/api/v1/recordings'): Promise<unknown[]> {
  const found: unknown[] = [];
  let cursor = '';
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await call('get', path, { query: { limit: 100, ...(cursor === '' ? {} : { cursor }) } });
    found.push(...list(answer));
    cursor = text(record(answer)['next_cursor']);
    if (cursor === '') break;
  }
  return found;
}

/** What an answer should be, of which nothing is taken for granted. */
type Read<T> = { readonly [K in keyof T]?: unknown };

function toStream(value: unknown): Stream {
  const raw: Read<Schemas['StreamInfo']> = record(value);
  const app = text(raw.app);
  const name = text(raw.name);
  const publisher: Read<Schemas['PublisherInfo']> = record(raw.publisher);
  const players: Read<Schemas['PlayersInfo']> = record(raw.players);
  return {
    app,
    name,
    path: text(raw.path) || (app ? `${app}/${name}` : name),
    since: text(raw.since),
    uptimeS: count(raw.uptime_s),
    agent: text(publisher.agent),
    video: raw.video ? toVideo(record(raw.video)) : null,
    audio: raw.audio ? toAudio(record(raw.audio)) : null,
    bitrateKbps: count(raw.bitrate_kbps),
    viewers: count(raw.viewers),
    players: { rtmp: count(players.rtmp), hls: count(players.hls) + count(players.dash) },
    hls: link(raw.hls),
    dash: link(raw.dash),
    recording: raw.recording === true,
    problems: Array.isArray(raw.problems) ? raw.problems.map(text).filter(Boolean) : [],
  };
}

function toVideo(raw: Read<Schemas['VideoInfo']>): Video {
  return { codec: text(raw.codec), width: count(raw.width), height: count(raw.height), fps: count(raw.fps) };
}

function toAudio(raw: Read<Schemas['AudioInfo']>): Audio {
  return { codec: text(raw.codec), sampleRate: count(raw.sample_rate), channels: count(raw.channels) };
}

function toRecording(value: unknown): Recording {
  const raw: Read<Schemas['Recording']> = record(value);
  const state = text(raw.state);
  return {
    app: text(raw.app),
    name: text(raw.name),
    started: text(raw.started),
    durationS: count(raw.duration_s),
    bytes: count(raw.bytes),
    state: state === 'recording' || state === 'finishing' || state === 'failed' ? state : 'done',
    mp4: link(raw.mp4),
    flv: link(raw.flv),
    error: text(raw.error) || null,
  };
}

function list(value: unknown): unknown[] {
  const found = record(value)['data'];
  if (!Array.isArray(found)) throw new ApiError('The server answered something this page does not understand.');
  return found;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A finite number that is not negative, else 0. */
function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

/** A link on this very server, as an absolute path; anything else (another host, `javascript:`) is dropped. */
function link(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  try {
    const url = new URL(value, location.origin);
    return url.origin === location.origin ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}
