// The server's JSON, read with care: a field that is missing or of another type becomes a harmless default,
// so that a page and a server of different versions still get on.

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

/** Why a request gave nothing; `message` is a sentence for people. */
export class ApiError extends Error {
  constructor(message: string, readonly status = 0) {
    super(message);
  }
}

const TIMEOUT_MS = 6000;

export async function fetchStreams(): Promise<Stream[]> {
  return list(await getJson('/api/v1/streams?limit=100'), 'data').map(toStream);
}

export async function fetchRecordings(): Promise<Recording[]> {
  return list(await getJson('/api/v1/recordings?limit=100'), 'data').map(toRecording);
}

export async function fetchServer(): Promise<Server> {
  const raw = record(await getJson('/api/v1/server'));
  const port = count(raw['rtmp_port']);
  return { version: text(raw['version']), rtmpPort: port >= 1 && port <= 65535 ? port : 1935 };
}

async function getJson(path: string): Promise<unknown> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(path, { cache: 'no-store', signal: abort.signal, headers: { accept: 'application/json' } });
    if (!response.ok) throw new ApiError(`The server answered with status ${response.status}.`, response.status);
    const body = await response.text();
    try {
      return JSON.parse(body);
    } catch {
      throw new ApiError('The server answered something this page does not understand.', response.status);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(abort.signal.aborted ? 'The server takes too long to answer.' : 'The server does not answer.');
  } finally {
    clearTimeout(timer);
  }
}

function toStream(value: unknown): Stream {
  const raw = record(value);
  const app = text(raw['app']);
  const name = text(raw['name']);
  const players = record(raw['players']);
  return {
    app,
    name,
    path: text(raw['path']) || (app ? `${app}/${name}` : name),
    since: text(raw['since']),
    uptimeS: count(raw['uptime_s']),
    agent: text(record(raw['publisher'])['agent']),
    video: raw['video'] ? toVideo(record(raw['video'])) : null,
    audio: raw['audio'] ? toAudio(record(raw['audio'])) : null,
    bitrateKbps: count(raw['bitrate_kbps']),
    viewers: count(raw['viewers']),
    players: { rtmp: count(players['rtmp']), hls: count(players['hls']) },
    hls: link(raw['hls']),
    dash: link(raw['dash']),
    recording: raw['recording'] === true,
    problems: Array.isArray(raw['problems']) ? raw['problems'].map(text).filter(Boolean) : [],
  };
}

function toVideo(raw: Record<string, unknown>): Video {
  return { codec: text(raw['codec']), width: count(raw['width']), height: count(raw['height']), fps: count(raw['fps']) };
}

function toAudio(raw: Record<string, unknown>): Audio {
  return { codec: text(raw['codec']), sampleRate: count(raw['sample_rate']), channels: count(raw['channels']) };
}

function toRecording(value: unknown): Recording {
  const raw = record(value);
  const state = text(raw['state']);
  return {
    app: text(raw['app']),
    name: text(raw['name']),
    started: text(raw['started']),
    durationS: count(raw['duration_s']),
    bytes: count(raw['bytes']),
    state: state === 'recording' || state === 'finishing' || state === 'failed' ? state : 'done',
    mp4: link(raw['mp4']),
    flv: link(raw['flv']),
    error: text(raw['error']) || null,
  };
}

function list(value: unknown, field: string): unknown[] {
  const found = record(value)[field];
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
