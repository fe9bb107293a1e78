// Appends an init segment and media segments to a raw MediaSource in Chromium, plays them, and prints one line of JSON: what was
// buffered, how many frames were decoded, and what went wrong. No player stands between the files and the browser.
//
//   node tests/append.mjs MIME INIT SEGMENT… [-- MIME INIT SEGMENT…]…      (files; MIME as in 'video/mp4; codecs="avc1.64001f"')
//
// Each track is a MediaSource of its own, and a line. Exit status: 0 all was appended and played to its end; 1 it was not; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { launch } from './browser.mjs';

const DEADLINE_MS = 60_000;
const STAND = 'http://append.test/';

const tracks = [[]];
for (const word of process.argv.slice(2)) {
  if (word === '--') tracks.push([]);
  else tracks.at(-1).push(word);
}
if (tracks.some((track) => track.length < 3)) {
  console.error('usage: append.mjs MIME INIT SEGMENT… [-- MIME INIT SEGMENT…]…');
  process.exit(64);
}

const browser = await launch();
const results = await Promise.all(tracks.map(async ([mime, ...files]) => {
  const page = await browser.newPage();
  await page.route(`${STAND}**`, async (route) => {
    const number = /\/(\d+)$/.exec(new URL(route.request().url()).pathname);
    if (number) await route.fulfill({ body: await readFile(files[Number(number[1])]), contentType: 'application/octet-stream' });
    else await route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset="utf-8"><title>append</title><video muted></video>' });
  });
  await page.goto(STAND);
  return page.evaluate(append, { mime, count: files.length, deadline: DEADLINE_MS });
}).map((result) => result.catch((error) => ({ played: false, errors: [error.message] }))));
await browser.close();
for (const result of results) console.log(JSON.stringify(result));
process.exit(results.every((result) => result.played && result.errors.length === 0) ? 0 : 1);

/** Runs in the page. */
async function append({ mime: type, count, deadline }) {
  const video = document.querySelector('video');
  const result = { supported: MediaSource.isTypeSupported(type), appended: 0, buffered: [], frames: 0, audio_bytes: 0, width: 0, height: 0, played: false, errors: [] };
  if (!result.supported) {
    result.errors.push(`${type} is not supported`);
    return result;
  }
  const once = (target, event) => new Promise((resolve) => target.addEventListener(event, resolve, { once: true }));
  const source = new MediaSource();
  const opened = once(source, 'sourceopen');
  video.src = URL.createObjectURL(source);
  await opened;
  const buffer = source.addSourceBuffer(type);
  for (let i = 0; i < count; i += 1) {
    const bytes = await (await fetch(`/${i}`)).arrayBuffer();
    const outcome = await new Promise((resolve) => {
      buffer.addEventListener('updateend', () => resolve(null), { once: true });
      buffer.addEventListener('error', () => resolve(`file ${i} was refused: ${video.error?.message ?? 'append error'}`), { once: true });
      buffer.appendBuffer(bytes);
    }).catch((error) => error.message);
    if (outcome || video.error) {
      result.errors.push(outcome ?? video.error.message);
      return result;
    }
    result.appended += 1;
  }
  source.endOfStream();
  const ranges = () => Array.from({ length: buffer.buffered.length }, (_, i) => [buffer.buffered.start(i), buffer.buffered.end(i)]);
  result.buffered = ranges();
  if (result.buffered.length === 0) {
    result.errors.push('nothing was buffered');
    return result;
  }
  video.currentTime = result.buffered[0][0];
  video.playbackRate = 16;
  const over = once(video, 'ended').then(() => true);
  const late = new Promise((resolve) => { setTimeout(() => resolve(false), deadline); });
  const failed = once(video, 'error').then(() => false);
  await video.play().catch((error) => result.errors.push(error.message));
  result.played = await Promise.race([over, late, failed]);
  if (video.error) result.errors.push(video.error.message || `code ${video.error.code}`);
  result.frames = video.getVideoPlaybackQuality().totalVideoFrames;
  result.audio_bytes = video.webkitAudioDecodedByteCount ?? 0;
  [result.width, result.height] = [video.videoWidth, video.videoHeight];
  return result;
}
