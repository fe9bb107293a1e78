// A stand-in for the server: the page, the API and a live stream, with everything a test may want to turn.
// By hand: node tests/mock.mjs [--port N] [--scenario live|empty|busy] [--size 1280x720] [--page fallback.html]

import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { livePlaylist, makeMedia } from './media.mjs';

const TYPES = { html: 'text/html; charset=utf-8', json: 'application/json', m3u8: 'application/vnd.apple.mpegurl', m4s: 'video/iso.segment', mp4: 'video/mp4' };
const HEAD_START_S = 14;

/** A stream as the API tells of it; `changes` replaces fields. */
export function stream(name, changes = {}) {
  return {
    app: 'live', name, path: `live/${name}`, since: new Date(Date.now() - 754_000).toISOString(), uptime_s: 754,
    publisher: { address: '192.0.2.7:51234', agent: 'FMLE/3.0 (compatible; FMSc/1.0)' },
    video: { codec: 'avc1.64001f', width: 1280, height: 720, fps: 30 }, audio: { codec: 'mp4a.40.2', sample_rate: 48000, channels: 2 },
    bitrate_kbps: 2480, viewers: 3, players: { rtmp: 1, hls: 2 }, bytes_in: 233_000_000, hls: `/live/${encodeURIComponent(name)}/index.m3u8`,
    dash: `/live/${encodeURIComponent(name)}/index.mpd`,
    recording: true, problems: [], ...changes,
  };
}

/** A recording as the API tells of it; `changes` replaces fields. */
export function recording(name, changes = {}) {
  const base = `/recordings/live/${encodeURIComponent(name)}/20250301T180000.000Z`;
  return { app: 'live', name, started: '2025-03-01T18:00:00.000Z', duration_s: 10, bytes: 1_820_000, state: 'done', mp4: `${base}.mp4`, flv: null, error: null, ...changes };
}

export class Mock {
  streams = [];
  recordings = [];
  server = { version: '0.1.0', rtmp_port: 1935 };
  /** Set: every API request is answered with this status. */
  apiStatus = 0;
  /** Set: the next so many requests for segments are answered with 503. */
  failSegments = 0;
  /** Set: the next so many video segments come with their payload overwritten. */
  garbleSegments = 0;
  /** Set: media playlists carry the end marker. */
  ended = false;
  /** Set: the live playlist is not there. */
  missing = false;
  /** Addresses asked for, in order. */
  requests = [];
  #folder = '';
  #page;
  #server = null;
  #began = Date.now();
  #sockets = new Set();

  constructor(page) {
    this.#page = page;
  }

  static async start({ page = 'dist/index.html', port = 0, ...media } = {}) {
    const mock = new Mock(fileURLToPath(new URL(`../${page}`, import.meta.url)));
    mock.#folder = await mkdtemp(join(tmpdir(), 'streamcore-web-'));
    await makeMedia(mock.#folder, media);
    mock.restartStream();
    await mock.up(port);
    return mock;
  }

  /** Begins the live stream anew: what is on offer is as if it had started a few segments ago. */
  restartStream() {
    this.#began = Date.now() - HEAD_START_S * 1000;
    this.ended = this.missing = false;
  }

  /** Listens (again), on the port it had before. */
  async up(port = this.port ?? 0) {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        response.writeHead(500).end(String(error));
      });
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise((resolve, reject) => this.#server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
  }

  /** Goes away as a killed server does. */
  async down() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async stop() {
    await this.down();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.url);
    this.requests.push(pathname);
    if (pathname === '/') return send(response, 'html', await readFile(this.#page));
    if (pathname.startsWith('/api/v1/')) return this.#api(pathname.slice(8), response);
    if (pathname.startsWith('/recordings/')) return sendFile(request, response, join(this.#folder, 'film.mp4'), 'mp4');
    const file = pathname.split('/').at(-1);
    if (this.missing || !/^[a-z0-9_]+\.(m3u8|m4s|mp4)$/.test(file)) return response.writeHead(404).end();
    const path = join(this.#folder, file);
    if (file === 'index.m3u8') return send(response, 'm3u8', await readFile(path));
    if (file.endsWith('.m3u8')) return send(response, 'm3u8', await livePlaylist(path, (Date.now() - this.#began) / 1000, { ended: this.ended, began: this.#began }));
    if (this.failSegments > 0) {
      this.failSegments -= 1;
      return response.writeHead(503).end();
    }
    if (this.garbleSegments > 0 && file.startsWith('seg_video')) {
      this.garbleSegments -= 1;
      const bytes = await readFile(path);
      return send(response, 'm4s', bytes.fill(0xff, bytes.indexOf('mdat') + 4));
    }
    return sendFile(request, response, path, file.split('.')[1]);
  }

  #api(name, response) {
    if (this.apiStatus) return response.writeHead(this.apiStatus).end();
    const answers = { streams: { data: this.streams, next_cursor: null }, recordings: { data: this.recordings, next_cursor: null }, server: this.server };
    return name in answers && answers[name] ? send(response, 'json', JSON.stringify(answers[name])) : response.writeHead(404).end();
  }
}

function send(response, type, body) {
  response.writeHead(200, { 'content-type': TYPES[type], 'cache-control': 'no-store' }).end(body);
}

async function sendFile(request, response, path, type) {
  const size = await stat(path).then((found) => found.size, () => -1);
  if (size < 0) return response.writeHead(404).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    'content-type': TYPES[type], 'content-length': end - start + 1, 'accept-ranges': 'bytes',
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  });
  if (request.method === 'HEAD') return response.end();
  return createReadStream(path, { start, end }).on('error', () => response.destroy()).pipe(response);
}

/** Ready-made situations, for looking at the page by hand. */
const SCENARIOS = {
  empty: () => ({ streams: [], recordings: [] }),
  live: () => ({
    streams: [stream('demo', { publisher: { address: '', agent: 'OBS 30.2.3' } })],
    recordings: [recording('demo', { state: 'recording', mp4: null, started: new Date(Date.now() - 754_000).toISOString(), duration_s: 754, bytes: 233_000_000 }), recording('demo'), recording('rehearsal', { started: '2024-12-24T09:30:00Z', duration_s: 5521, bytes: 1_733_000_000 })],
  }),
  busy: () => ({
    streams: [
      stream('demo', { publisher: { address: '', agent: 'OBS 30.2.3' }, viewers: 128, bitrate_kbps: 6120, video: { codec: 'avc1.640028', width: 1920, height: 1080, fps: 59.94 } }),
      stream('camera-2', { viewers: 1, recording: false, bitrate_kbps: 820, problems: ['Key frames are 10 s apart: players start late. Set the key frame interval of the encoder to 2 s.'] }),
      stream('radio', { app: 'audio', path: 'audio/radio', hls: '/audio/radio/index.m3u8', video: null, bitrate_kbps: 128, viewers: 0 }),
    ],
    recordings: [
      recording('demo', { state: 'recording', mp4: null, started: new Date(Date.now() - 754_000).toISOString(), duration_s: 754, bytes: 233_000_000 }),
      recording('camera-2', { state: 'finishing', mp4: null, started: new Date(Date.now() - 7_200_000).toISOString(), duration_s: 3605, bytes: 411_000_000 }),
      recording('demo'),
      recording('broken', { state: 'failed', mp4: null, flv: '/recordings/live/broken/x.flv', started: '2025-02-27T20:15:00Z', error: 'The disk was full after 12 min 8 s. What was written is whole and can be downloaded as FLV.' }),
      recording('rehearsal', { started: '2024-12-24T09:30:00Z', duration_s: 5521, bytes: 1_733_000_000, flv: '/recordings/live/rehearsal/x.flv' }),
    ],
  }),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8090' }, scenario: { type: 'string', default: 'live' }, size: { type: 'string', default: '1280x720' }, page: { type: 'string' }, seconds: { type: 'string', default: '120' } } });
  const mock = await Mock.start({ port: Number(values.port), size: values.size, seconds: Number(values.seconds), ...(values.page ? { page: values.page } : {}) });
  Object.assign(mock, SCENARIOS[values.scenario]());
  setInterval(() => mock.streams.forEach((live) => { live.uptime_s += 1; live.bitrate_kbps = Math.round(live.bitrate_kbps * (0.95 + Math.random() * 0.1)); }), 1000);
  process.once('SIGINT', () => void mock.stop().then(() => process.exit(0)));
  process.once('SIGTERM', () => void mock.stop().then(() => process.exit(0)));
  console.log(mock.url);
}
