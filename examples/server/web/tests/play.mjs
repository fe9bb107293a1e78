// Plays a stream in Chromium and prints one line of JSON about it.
//
//   node tests/play.mjs URL [--seconds N] [--deadline N] [--screenshot FILE] [--player hls.js|shaka|mpegts.js]
//
// URL is a page that plays by itself (http://host:8080/#/live/demo), or a manifest (….m3u8, ….mpd) or FLV (….flv, also by ws://), which
// is put into a bare page on the same host, with hls.js, Shaka Player or mpegts.js as it is out of the box, but for low latency. Playback must start, and then play N seconds (default 5) of media, within the deadline
// (default N + 30 seconds, counted from the opening of the page).
// Exit status: 0 played that long; 1 never started; 2 started and stuck; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' }, deadline: { type: 'string' }, screenshot: { type: 'string' }, player: { type: 'string', default: 'hls.js' } },
});
const seconds = Number(values.seconds);
const deadline = Number(values.deadline ?? seconds + 30);
if (!url || !(seconds > 0) || !(deadline > 0) || !['hls.js', 'shaka', 'mpegts.js'].includes(values.player)) {
  console.error('usage: play.mjs URL [--seconds N] [--deadline N] [--screenshot FILE] [--player hls.js|shaka|mpegts.js]');
  process.exit(64);
}

const PLAYERS = {
  'hls.js': ['hls.js/dist/hls.min.js', `
    const video = document.querySelector('video');
    const errors = [];
    const hls = new Hls({ enableWorker: false, lowLatencyMode: true });
    hls.on(Hls.Events.ERROR, (event, data) => errors.push({ type: data.type, details: data.details, fatal: data.fatal }));
    hls.loadSource(address);
    hls.attachMedia(video);
    video.play().catch(() => undefined);
    window.streamcore = { player: () => ({ engine: 'hls.js', latency_s: hls.latency || null, wall_latency_s: hls.playingDate ? (Date.now() - hls.playingDate) / 1000 : null, errors }) };`],
  shaka: ['shaka-player/dist/shaka-player.compiled.js', `
    const video = document.querySelector('video');
    const errors = [];
    const tell = (error) => errors.push({ type: 'shaka', details: 'code ' + error.code + ' ' + JSON.stringify(error.data), fatal: error.severity === 2 });
    const player = new shaka.Player();
    player.addEventListener('error', (event) => tell(event.detail));
    player.configure({ streaming: { lowLatencyMode: true } });
    player.attach(video).then(() => player.load(address)).then(() => video.play()).catch(tell);
    const date = () => (player.isLive() ? player.getPlayheadTimeAsDate() : null);
    window.streamcore = { player: () => ({ engine: 'shaka', latency_s: null, wall_latency_s: date() ? (Date.now() - date()) / 1000 : null, errors }) };`],
  'mpegts.js': ['mpegts.js/dist/mpegts.js', `
    const video = document.querySelector('video');
    const errors = [];
    const player = mpegts.createPlayer({ type: 'flv', isLive: true, url: address });
    player.on(mpegts.Events.ERROR, (type, details, info) => errors.push({ type, details: details + ' ' + info?.msg, fatal: true }));
    player.attachMediaElement(video);
    player.load();
    video.play().catch(() => undefined);
    const behind = () => (video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : null);
    window.streamcore = { player: () => ({ engine: 'mpegts.js', latency_s: behind(), wall_latency_s: null, errors }) };`],
};

const browser = await launch();
let status = 1;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const pageErrors = [];
  page.on('pageerror', (error) => pageErrors.push({ type: 'pageError', details: error.message, fatal: true }));
  const opened = Date.now();
  const left = () => Math.max(1, deadline * 1000 - (Date.now() - opened));
  await open(page, url, left());
  const video = await page.waitForSelector('video', { state: 'attached', timeout: left() }).catch(() => null);
  const result = video ? await page.evaluate(watch, { seconds, milliseconds: left() }) : { started: false, reached: false, errors: [] };
  const { started, reached, ...figures } = result;
  if (values.screenshot) await page.screenshot({ path: values.screenshot });
  console.log(JSON.stringify({ ...figures, errors: [...figures.errors, ...pageErrors] }));
  status = reached ? 0 : started ? 2 : 1;
} catch (error) {
  console.log(JSON.stringify({ played_s: 0, decoded_frames: 0, errors: [{ type: 'probe', details: error.message, fatal: true }] }));
} finally {
  await browser.close();
}
process.exit(status);

/** Opens the page itself, or for a manifest a bare player that seems to come from the same host, so that no rule on origins gets in the way. */
async function open(page, address, timeout) {
  const { pathname, origin } = new URL(address.replace(/^ws/, 'http'));
  if (!/\.(m3u8|mpd|flv)$/.test(pathname)) {
    await page.goto(address, { timeout });
    return;
  }
  const [library, script] = PLAYERS[pathname.endsWith('.flv') ? 'mpegts.js' : values.player];
  const player = await readFile(createRequire(import.meta.url).resolve(library), 'utf8');
  const html = '<!doctype html><meta charset="utf-8"><title>probe</title><video controls muted style="width:100%"></video>';
  if (pathname.endsWith('.flv')) {
    // A page that was not really loaded may open no WebSocket to this machine: it stands in place of one that was.
    await page.goto(`${origin}/healthz`, { timeout });
    await page.setContent(html);
  } else {
    const stand = `${origin}/.well-known/player-probe`;
    await page.route(stand, (route) => route.fulfill({ contentType: 'text/html', body: html }));
    await page.goto(stand, { timeout });
  }
  await page.addScriptTag({ content: player });
  await page.addScriptTag({ content: `{ const address = ${JSON.stringify(address)}; ${script} }` });
}

/** Runs in the page: waits for the video to have played so many seconds, or for the time to be over, and says how it went. */
function watch({ seconds: wanted, milliseconds }) {
  const video = document.querySelector('video');
  let started = false;
  let stalls = 0;
  // Ranges really played: seeks do not count.
  const playedS = () => {
    let sum = 0;
    for (let i = 0; i < video.played.length; i += 1) sum += video.played.end(i) - video.played.start(i);
    return sum;
  };
  const buffered = () => Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)].map((time) => Number(time.toFixed(3))));
  const round = (value, digits = 3) => (typeof value === 'number' && Number.isFinite(value) ? Number(value.toFixed(digits)) : null);
  return new Promise((resolve) => {
    const done = (reached) => {
      clearTimeout(timer);
      const player = window.streamcore?.player() ?? {};
      const quality = video.getVideoPlaybackQuality();
      resolve({
        started, reached,
        played_s: round(playedS()),
        decoded_frames: quality.totalVideoFrames,
        dropped_frames: quality.droppedVideoFrames,
        decoded_audio_bytes: video.webkitAudioDecodedByteCount ?? null,
        stalls,
        current_time: round(video.currentTime),
        latency_s: round(player.latency_s),
        wall_latency_s: round(player.wall_latency_s),
        engine: player.engine ?? 'native',
        width: video.videoWidth,
        height: video.videoHeight,
        buffered: buffered(),
        errors: [...(player.errors ?? []), ...(video.error ? [{ type: 'videoError', details: video.error.message || `code ${video.error.code}`, fatal: true }] : [])],
      });
    };
    const timer = setTimeout(() => done(false), milliseconds);
    const look = () => {
      const played = playedS();
      started ||= played > 0;
      if (played >= wanted) done(true);
    };
    video.addEventListener('timeupdate', look);
    video.addEventListener('waiting', () => { if (started) stalls += 1; });
    video.addEventListener('ended', () => { look(); done(playedS() >= wanted); });
    look();
  });
}
