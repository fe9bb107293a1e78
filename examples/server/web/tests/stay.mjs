// Stays on a stream through an outage: plays it by one player, and says how it fared.
//
//   node tests/stay.mjs MANIFEST [--player hls.js|shaka|dashjs] [--deadline SECONDS] [--lowest]
//
// Prints `playing` once four seconds were played. From then on it waits until playback stands still for a second or something goes wrong, and until five more
// seconds were played behind that (with hls.js: once a discontinuity was passed); then it prints a line of JSON. The players are as they are out of the box, but for low latency, and for hls.js asking again where
// a connection is refused, as the watch page has it. With --lowest hls.js plays the lowest rendition and has no other to go to.
// Exit status: 0 it went on; 1 it did not; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values, positionals: [url] } = parseArgs({ allowPositionals: true, options: { player: { type: 'string', default: 'hls.js' }, deadline: { type: 'string', default: '90' }, lowest: { type: 'boolean', default: false } } });
const LIBRARIES = { 'hls.js': 'hls.js/dist/hls.min.js', shaka: 'shaka-player/dist/shaka-player.compiled.js', dashjs: 'dashjs/dist/modern/umd/dash.all.min.js' };
if (!url || !LIBRARIES[values.player]) {
  console.error('usage: stay.mjs MANIFEST [--player hls.js|shaka|dashjs] [--deadline SECONDS] [--lowest]');
  process.exit(64);
}
const browser = await launch();
let result = { went_on: false };
try {
  const page = await browser.newPage();
  const stand = `${new URL(url).origin}/.well-known/player-probe`;
  await page.route(stand, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset="utf-8"><title>probe</title><video muted></video>' }));
  await page.goto(stand);
  await page.addScriptTag({ content: await readFile(new URL(`../node_modules/${LIBRARIES[values.player]}`, import.meta.url), 'utf8') });
  await page.exposeFunction('say', (text) => console.log(text));
  result = await page.evaluate(stay, { url, name: values.player, lowest: values.lowest, milliseconds: Number(values.deadline) * 1000 });
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
process.exit(result.went_on ? 0 : 1);

/** Runs in the page. */
function stay({ url, name, lowest, milliseconds }) {
  const video = document.querySelector('video');
  const errors = [];
  const epochs = [];
  const numbers = [];
  const levels = [];
  const open = {
    'hls.js': () => {
      const { Hls } = window;
      const patient = (policy) => ({ default: { ...policy.default, errorRetry: { maxNumRetry: 30, retryDelayMs: 500, maxRetryDelayMs: 2000, shouldRetry: (retry, count, _timeout, response) => count < retry.maxNumRetry && !(response?.code >= 400 && response.code < 500) } } });
      const { playlistLoadPolicy, fragLoadPolicy } = Hls.DefaultConfig;
      const hls = new Hls({ enableWorker: false, lowLatencyMode: true, playlistLoadPolicy: patient(playlistLoadPolicy), fragLoadPolicy: patient(fragLoadPolicy) });
      hls.on(Hls.Events.ERROR, (_, data) => errors.push({ details: `${data.details} ${data.response?.code ?? ''}`, fatal: data.fatal }));
      if (lowest) hls.on(Hls.Events.MANIFEST_PARSED, () => { hls.autoLevelCapping = 0; });
      hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => {
        if (epochs.at(-1) !== frag.cc) epochs.push(frag.cc);
        if (levels.at(-1) !== frag.level) levels.push(frag.level);
      });
      hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => numbers.push(details.endSN));
      hls.loadSource(url);
      hls.attachMedia(video);
    },
    shaka: () => {
      window.shaka.polyfill.installAll();
      const player = new window.shaka.Player();
      const tell = (error) => errors.push({ details: `${error.code} ${JSON.stringify(error.data)?.slice(0, 200)}`, fatal: error.severity === 2 });
      player.addEventListener('error', (event) => tell(event.detail));
      player.configure({ streaming: { lowLatencyMode: true } });
      player.attach(video).then(() => player.load(url)).then(() => video.play()).catch(tell);
    },
    dashjs: () => {
      const player = window.dashjs.MediaPlayer().create();
      player.on('error', ({ error }) => errors.push({ details: `${error?.code}: ${error?.message}`, fatal: true }));
      player.initialize(video, url, true);
    },
  };
  open[name]();
  return new Promise((resolve) => {
    let [time, played, still, phase] = [0, 0, 0, 'starts'];
    const since = Date.now();
    let [outage, known] = [0, 0];
    const done = (wentOn) => {
      clearInterval(timer);
      const fatal = errors.filter((error) => error.fatal).length;
      const steps = numbers.slice(1).map((number, index) => number - numbers[index]);
      resolve({ player: name, went_on: wentOn, phase, outage_s: outage / 1000, epochs, levels, fatal, largest_step: Math.max(0, ...steps), smallest_step: Math.min(0, ...steps), current_time: video.currentTime, errors: errors.slice(0, 40) });
    };
    const timer = setInterval(() => {
      if (video.paused) video.play().catch(() => undefined);
      const step = video.currentTime - time;
      time = video.currentTime;
      // A jump to the live edge is no playing.
      if (step > 0 && step < 1) played += step;
      // What was in the buffer says nothing of what comes behind it.
      if (phase === 'stands still' && name === 'hls.js' && epochs.length < 2) played = 0;
      still = step === 0 ? still + 200 : 0;
      if (phase === 'starts' && played > 4) {
        phase = 'plays';
        known = errors.length;
        window.say('playing');
      } else if (phase === 'plays' && (still >= 1000 || errors.length > known)) {
        phase = 'stands still';
        [played, outage] = [0, Date.now() - still];
      } else if (phase === 'stands still' && played > 5) {
        phase = 'plays again';
        outage = Date.now() - outage - 5000;
        done(true);
      }
      if (Date.now() - since > milliseconds) done(false);
    }, 200);
  });
}
