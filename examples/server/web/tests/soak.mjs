// Plays one stream by four players at once, in one page of Chromium, to its end, and prints one line of JSON about each.
//
//   node tests/soak.mjs BASE [--deadline SECONDS] [--only NAME,…] [--file MP4]
//
// BASE is the address of the stream's folder on this machine (http://127.0.0.1:8080/live/demo/). Each player asks a host of its own name, as each viewer has
// connections of its own: four that hold requests would be in each other's way with the six that Chromium has for a host. The players are hls.js as the watch page sets it up, Shaka Player with HLS
// and with DASH, and dash.js, the last two with the low-latency MPD. Each line of the result says, by the time of day, where playback stood still and
// where frames were dropped; how many of these were not within four seconds of a picture of another size (`dropped_apart`), which is where the stream of
// the soak was disturbed; and how far behind live it was, by the stream's own dates. A player named `file` plays that MP4 out of memory, in the same page and
// at the same time: what it drops is the browser's and the machine's own.
// Exit status: 0 all came to the end (`at_end`: said so; hls.js within half a second of it, Shaka Player over HLS at it); 1 one did not; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values, positionals: [base] } = parseArgs({ allowPositionals: true, options: { deadline: { type: 'string', default: '120' }, only: { type: 'string', default: 'hls.js,shaka-hls,shaka-dash,dash.js' }, file: { type: 'string' } } });
const NAMES = ['hls.js', 'shaka-hls', 'shaka-dash', 'dash.js', 'file'];
const unknown = values.only.split(',').filter((name) => !NAMES.includes(name));
if (!base?.endsWith('/') || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no player is named ${unknown.join(' or ')}; there are ${NAMES.join(', ')}`);
  console.error('usage: soak.mjs BASE/ [--deadline SECONDS] [--only NAME,…] [--file MP4]');
  process.exit(64);
}
const LIBRARIES = ['hls.js/dist/hls.min.js', 'shaka-player/dist/shaka-player.compiled.js', 'dashjs/dist/modern/umd/dash.all.min.js'];

const browser = await launch({ hosts: true });
let all = [];
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const stand = `${new URL(base).origin}/.well-known/player-probe`;
  await page.route(stand, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset="utf-8"><title>probe</title><style>video{width:48%}</style>' }));
  if (values.file) await page.route(`${stand}/file`, (route) => route.fulfill({ contentType: 'video/mp4', path: values.file }));
  await page.goto(stand);
  for (const library of LIBRARIES) await page.addScriptTag({ content: await readFile(new URL(`../node_modules/${library}`, import.meta.url), 'utf8') });
  all = await page.evaluate(playAll, { base, names: values.only.split(','), milliseconds: Number(values.deadline) * 1000 });
} finally {
  await browser.close();
}
console.log(JSON.stringify(all));
// Not at once: what is written to a pipe may still be on its way.
process.exitCode = all.length > 0 && all.every((one) => one.at_end) ? 0 : 1;

/** Runs in the page. */
function playAll({ base, names, milliseconds }) {
  const open = {
    'hls.js': (video, player, base) => {
      const { playlistLoadPolicy, fragLoadPolicy } = window.Hls.DefaultConfig;
      const patient = (policy) => ({ default: { ...policy.default, errorRetry: { maxNumRetry: 10, retryDelayMs: 500, maxRetryDelayMs: 2000, shouldRetry: (retry, count, _timeout, response) => count < retry.maxNumRetry && !(response?.code >= 400 && response.code < 500) } } });
      const hls = new window.Hls({ enableWorker: false, lowLatencyMode: true, playlistLoadPolicy: patient(playlistLoadPolicy), fragLoadPolicy: patient(fragLoadPolicy), liveDurationInfinity: true, backBufferLength: 30, maxLiveSyncPlaybackRate: 1.05 });
      hls.on(window.Hls.Events.ERROR, (_, data) => player.errors.push({ details: `${data.details} ${data.error?.message ?? ''}`, fatal: data.fatal, at: Date.now() }));
      hls.loadSource(`${base}index.m3u8`);
      hls.attachMedia(video);
      // The others begin by themselves: dash.js takes a video that plays before it is there for one that is paused, and asks for no MPD again.
      video.play().catch(() => undefined);
      return () => (hls.playingDate ? (Date.now() - hls.playingDate) / 1000 : null);
    },
    'shaka-hls': (video, player, base) => shaka(video, player, `${base}index.m3u8`),
    'shaka-dash': (video, player, base) => shaka(video, player, `${base}index_ll.mpd`),
    'dash.js': (video, player, base) => {
      const dash = window.dashjs.MediaPlayer().create();
      dash.on('error', ({ error }) => player.errors.push({ details: `${error?.code}: ${error?.message}`, fatal: true, at: Date.now() }));
      dash.initialize(video, `${base}index_ll.mpd`, true);
      return () => dash.getCurrentLiveLatency() || null;
    },
    file: (video, player) => {
      const note = (error) => player.errors.push({ details: String(error), fatal: true, at: Date.now() });
      video.addEventListener('error', () => note(video.error?.message));
      fetch(`${location.href}/file`).then((answer) => answer.blob()).then((blob) => { video.src = URL.createObjectURL(blob); return video.play(); }).catch(note);
      return () => null;
    },
  };
  function shaka(video, player, manifest) {
    window.shaka.polyfill.installAll();
    const it = new window.shaka.Player();
    const note = (error) => player.errors.push({ details: error.category ? `${error.category}.${error.code}: ${JSON.stringify(error.data)?.slice(0, 300)}` : String(error), fatal: error.severity === 2, at: Date.now() });
    it.addEventListener('error', (event) => note(event.detail));
    it.configure({ streaming: { lowLatencyMode: true } });
    // Its dates are off in DASH: it moves the start of the presentation by what it takes for drift, and takes media times in the MPD for times of the
    // presentation. What the MPD says counts.
    let start = 0;
    if (manifest.endsWith('.mpd')) fetch(manifest).then((answer) => answer.text()).then((text) => { start = Date.parse(text.match(/availabilityStartTime="([^"]+)"/)?.[1]) || 0; });
    it.attach(video).then(() => it.load(manifest)).then(() => video.play()).catch(note);
    return () => {
      if (!it.isLive()) return null;
      const date = start ? start + video.currentTime * 1000 : it.getPlayheadTimeAsDate()?.getTime();
      return date ? (Date.now() - date) / 1000 : null;
    };
  }
  const round = (value) => Number(value.toFixed(3));
  const share = (sorted, part) => (sorted.length > 0 ? round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]) : null);

  const play = (name, index) => new Promise((resolve) => {
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const player = { name, errors: [], stalls: [], drops: [], sizes: [], resized: [], latencies: [] };
    const address = new URL(base);
    address.hostname = `player${index}.test`;
    const latency = open[name](video, player, address.href);
    let [time, since, dropped] = [0, 0, 0];
    const sample = () => {
      const now = Date.now();
      const started = video.currentTime > 0 && video.readyState >= 2;
      if (started && since === 0) since = now;
      if (since > 0 && video.currentTime === time && !video.ended) {
        const last = player.stalls.at(-1);
        if (last && last.to >= now - 400) last.to = now;
        else player.stalls.push({ from: now, to: now });
      } else if (since > 0) {
        const late = latency();
        if (typeof late === 'number' && late > 0) player.latencies.push({ at: now, late: round(late) });
      }
      time = video.currentTime;
      // hls.js stays a little before the end where the buffer has a small hole further back, as a discontinuity leaves behind frames that are reordered.
      const stalled = player.stalls.at(-1);
      if (isAtEnd() && stalled?.to === now && now - stalled.from > 3000) return done();
      const quality = video.getVideoPlaybackQuality();
      if (quality.droppedVideoFrames > dropped) player.drops.push({ at: now, count: quality.droppedVideoFrames - dropped });
      dropped = quality.droppedVideoFrames;
    };
    const left = () => video.duration - video.currentTime;
    // Shaka Player over HLS may stand at the last picture and not say that it is the last.
    const near = { 'hls.js': 0.5, 'shaka-hls': 0.02 }[name] ?? 0;
    const isAtEnd = () => video.ended || left() < near;
    const timer = setInterval(sample, 250);
    const done = () => {
      clearInterval(timer);
      clearTimeout(deadline);
      const quality = video.getVideoPlaybackQuality();
      const late = player.latencies.map((one) => one.late).sort((a, b) => a - b);
      const apart = player.drops.filter((drop) => !player.resized.some((at) => Math.abs(drop.at - at) < 4000));
      let played = 0;
      for (let i = 0; i < video.played.length; i += 1) played += video.played.end(i) - video.played.start(i);
      resolve({
        ...player, latencies: undefined, started: since, ended: video.ended, at_end: isAtEnd(), played_s: round(played), decoded_frames: quality.totalVideoFrames, dropped_frames: quality.droppedVideoFrames, dropped_apart: apart.reduce((sum, drop) => sum + drop.count, 0),
        stalls: player.stalls.filter((stall) => stall.to - stall.from >= 250),
        latency_s: { p50: share(late, 0.5), p95: share(late, 0.95), max: share(late, 1) },
        current_time: round(video.currentTime), left_s: Number.isFinite(left()) ? round(left()) : null,
      });
    };
    const deadline = setTimeout(done, milliseconds);
    video.addEventListener('ended', done);
    video.addEventListener('resize', () => { const size = `${video.videoWidth}x${video.videoHeight}`; if (player.sizes.at(-1) !== size) { player.sizes.push(size); player.resized.push(Date.now()); } });
  });
  return Promise.all(names.map(play));
}
