// Plays an MPD in Chromium by dash.js or Shaka Player and prints one line of JSON about it.
//
//   node tests/play-dash.mjs URL|FILE [--player dashjs|shaka] [--seconds N] [--deadline N] [--low-latency] [--until-ended]
//
// Playback must start, and then play N seconds (default 5) of media, or with --until-ended to the end of the presentation, within
// the deadline (default N + 30 seconds). A FILE is given out by a plain static server.
// Exit status: 0 played that long; 1 never started; 2 started and stuck; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';
import { serveFolder } from './folder.mjs';

const PLAYERS = { dashjs: 'dashjs/dist/modern/umd/dash.all.min.js', shaka: 'shaka-player/dist/shaka-player.compiled.js' };

const { values, positionals: [address] } = parseArgs({
  allowPositionals: true,
  options: {
    player: { type: 'string', default: 'dashjs' },
    seconds: { type: 'string', default: '5' },
    deadline: { type: 'string' },
    'low-latency': { type: 'boolean', default: false },
    'until-ended': { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const deadline = Number(values.deadline ?? seconds + 30);
if (!address || !(seconds > 0) || !(deadline > 0) || !PLAYERS[values.player]) {
  console.error('usage: play-dash.mjs URL|FILE [--player dashjs|shaka] [--seconds N] [--deadline N] [--low-latency] [--until-ended]');
  process.exit(64);
}

const folder = /^https?:/.test(address) ? null : await serveFolder(dirname(address));
const url = folder ? folder.url + basename(address) : address;
const browser = await launch();
let status = 1;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const pageErrors = [];
  page.on('pageerror', (error) => pageErrors.push({ details: error.message, fatal: true }));
  const stand = `${new URL(url).origin}/.well-known/player-probe`;
  const html = '<!doctype html><meta charset="utf-8"><title>probe</title><video muted style="width:100%"></video>';
  await page.route(stand, (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await page.goto(stand);
  await page.addScriptTag({ content: await readFile(new URL(`../node_modules/${PLAYERS[values.player]}`, import.meta.url), 'utf8') });
  const wanted = { url, player: values.player, seconds, milliseconds: deadline * 1000, lowLatency: values['low-latency'], untilEnded: values['until-ended'] };
  const { started, reached, ...figures } = await page.evaluate(play, wanted);
  console.log(JSON.stringify({ ...figures, errors: [...figures.errors, ...pageErrors] }));
  status = reached ? 0 : started ? 2 : 1;
} catch (error) {
  console.log(JSON.stringify({ played_s: 0, decoded_frames: 0, errors: [{ details: error.message, fatal: true }] }));
} finally {
  await browser.close();
  folder?.close();
}
process.exit(status);

/** Runs in the page: plays, waits for the video to have played so many seconds or to its end, and says how it went. */
function play({ url: manifest, player: kind, seconds: wanted, milliseconds, lowLatency, untilEnded }) {
  const video = document.querySelector('video');
  const errors = [];
  const sizes = [];
  let latency = () => null;
  if (kind === 'dashjs') {
    const player = window.dashjs.MediaPlayer().create();
    player.on('error', ({ error }) => errors.push({ details: `${error?.code}: ${error?.message}`, fatal: true }));
    player.initialize(video, manifest, true);
    latency = () => player.getCurrentLiveLatency();
  } else {
    window.shaka.polyfill.installAll();
    const player = new window.shaka.Player();
    const note = (error) => errors.push({ details: `${error.category}.${error.code}: ${JSON.stringify(error.data)?.slice(0, 300)}`, fatal: error.severity === 2 });
    player.addEventListener('error', (event) => note(event.detail));
    player.configure({ streaming: { lowLatencyMode: lowLatency } });
    player.attach(video).then(() => player.load(manifest)).then(() => video.play()).catch((error) => note(error));
    latency = () => (player.isLive() ? player.getStats().liveLatency : null);
  }
  let started = false;
  let stalls = 0;
  let least = null;
  const playedS = () => {
    let sum = 0;
    for (let i = 0; i < video.played.length; i += 1) sum += video.played.end(i) - video.played.start(i);
    return sum;
  };
  const round = (value) => (typeof value === 'number' && Number.isFinite(value) ? Number(value.toFixed(3)) : null);
  return new Promise((resolve) => {
    const done = (reached) => {
      clearTimeout(timer);
      const quality = video.getVideoPlaybackQuality();
      resolve({
        started, reached, player: kind,
        played_s: round(playedS()),
        decoded_frames: quality.totalVideoFrames,
        dropped_frames: quality.droppedVideoFrames,
        decoded_audio_bytes: video.webkitAudioDecodedByteCount ?? null,
        stalls, sizes,
        ended: video.ended,
        current_time: round(video.currentTime),
        duration: round(video.duration),
        latency_s: round(latency()),
        least_latency_s: round(least),
        buffered: Array.from({ length: video.buffered.length }, (_, i) => [round(video.buffered.start(i)), round(video.buffered.end(i))]),
        errors: [...errors, ...(video.error ? [{ details: video.error.message || `code ${video.error.code}`, fatal: true }] : [])],
      });
    };
    const timer = setTimeout(() => done(false), milliseconds);
    const look = () => {
      const played = playedS();
      started ||= played > 0;
      const now = latency();
      if (played > 2 && typeof now === 'number' && now > 0) least = Math.min(least ?? now, now);
      if (!untilEnded && played >= wanted) done(true);
    };
    video.addEventListener('timeupdate', look);
    video.addEventListener('resize', () => sizes.push(`${video.videoWidth}x${video.videoHeight}`));
    video.addEventListener('waiting', () => { if (started) stalls += 1; });
    video.addEventListener('ended', () => { look(); done(untilEnded || playedS() >= wanted); });
    look();
  });
}
