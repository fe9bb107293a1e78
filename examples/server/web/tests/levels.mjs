// Plays a manifest with several renditions in Chromium, shows each of them in turn, and prints one line of JSON about it.
//
//   node tests/levels.mjs URL --player hls.js|shaka|dashjs [--deadline N]
//
// Each rendition is asked for while the one before plays, the lowest first, and is given until its pictures are on the screen and
// played for two seconds. Exit status: 0 all were shown; 1 one was not in time (default 60 seconds for all); 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const PLAYERS = {
  'hls.js': 'hls.js/dist/hls.min.js',
  shaka: 'shaka-player/dist/shaka-player.compiled.js',
  dashjs: 'dashjs/dist/modern/umd/dash.all.min.js',
};
const { values, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: { player: { type: 'string', default: 'hls.js' }, deadline: { type: 'string', default: '60' } },
});
if (!url || !PLAYERS[values.player] || !(Number(values.deadline) > 0)) {
  console.error('usage: levels.mjs URL --player hls.js|shaka|dashjs [--deadline N]');
  process.exit(64);
}

const browser = await launch();
let status = 1;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const stand = `${new URL(url).origin}/.well-known/player-probe`;
  const html = '<!doctype html><meta charset="utf-8"><title>probe</title><video muted style="width:100%"></video>';
  await page.route(stand, (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await page.goto(stand);
  await page.addScriptTag({ content: await readFile(new URL(`../node_modules/${PLAYERS[values.player]}`, import.meta.url), 'utf8') });
  const seen = await page.evaluate(show, { url, player: values.player, milliseconds: Number(values.deadline) * 1000 });
  console.log(JSON.stringify(seen));
  status = seen.done ? 0 : 1;
} catch (error) {
  console.log(JSON.stringify({ done: false, heights: [], errors: [{ details: error.message, fatal: true }] }));
} finally {
  await browser.close();
}
process.exit(status);

/** Runs in the page: shows one rendition after the other. */
async function show({ url: manifest, player: kind, milliseconds }) {
  const video = document.querySelector('video');
  const errors = [];
  const shown = [];
  const end = performance.now() + milliseconds;
  const until = async (test) => {
    while (!test()) {
      if (performance.now() > end) return false;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return true;
  };
  const players = {
    'hls.js': () => {
      const hls = new window.Hls({ enableWorker: false });
      hls.on(window.Hls.Events.ERROR, (_, data) => errors.push({ details: data.details, fatal: data.fatal }));
      hls.loadSource(manifest);
      hls.attachMedia(video);
      return {
        heights: () => hls.levels.map((level) => level.height),
        choose: (height) => { hls.nextLevel = hls.levels.findIndex((level) => level.height === height); },
      };
    },
    shaka: () => {
      const player = new window.shaka.Player();
      player.addEventListener('error', (event) => errors.push({ details: `code ${event.detail.code}`, fatal: event.detail.severity === 2 }));
      player.configure({ abr: { enabled: false } });
      player.attach(video).then(() => player.load(manifest)).catch((error) => errors.push({ details: `code ${error.code}`, fatal: true }));
      return {
        heights: () => [...new Set(player.getVariantTracks().map((track) => track.height))],
        choose: (height) => player.selectVariantTrack(player.getVariantTracks().find((track) => track.height === height), true),
      };
    },
    dashjs: () => {
      const player = window.dashjs.MediaPlayer().create();
      player.on('error', ({ error }) => errors.push({ details: `${error?.code}: ${error?.message}`, fatal: true }));
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } }, buffer: { fastSwitchEnabled: true } } });
      player.initialize(video, manifest, true);
      return {
        heights: () => (player.isReady() ? player.getRepresentationsByType('video').map((one) => one.height) : []),
        choose: (height) => player.setRepresentationForTypeById('video', player.getRepresentationsByType('video').find((one) => one.height === height).id, true),
      };
    },
  };
  const { heights, choose } = players[kind]();
  video.play().catch(() => undefined);
  await until(() => video.currentTime > 0 && heights().length > 0);
  const all = heights().sort((a, b) => a - b);
  for (const height of all) {
    choose(height);
    if (!await until(() => video.videoHeight === height)) break;
    const from = video.currentTime;
    video.play().catch(() => undefined);
    if (!await until(() => video.currentTime > from + 2)) break;
    shown.push(height);
  }
  const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
  return { done: shown.length > 0 && shown.length === all.length, heights: all, shown, frames, dropped, errors };
}
