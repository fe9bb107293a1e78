// Plays MP4 files in Chromium, several at once: a line of JSON in for each file, a line of JSON out. It ends with its input.
//
//   node tests/files.mjs        {"id":1,"file":"/a.mp4"} plays a file by its address; {"id":2,"file":"/b.mp4","mime":"video/mp4; …"}
//                               appends it whole to a MediaSource, which is for files in fragments
//
// What comes: duration, frames decoded (or dropped), bytes of sound decoded, size of the picture, and what went wrong.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { launch } from './browser.mjs';

const DEADLINE_MS = 30_000;

const files = new Map();
// A file that is not there any more fails its page alone.
const server = createServer((request, response) => { serve(request, response).catch(() => response.destroy()); });
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const browser = await launch();
const stand = `http://127.0.0.1:${server.address().port}/`;

const running = [];
for await (const line of createInterface({ input: process.stdin })) running.push(one(JSON.parse(line)));
await Promise.all(running);
await browser.close();
server.close();

async function one({ id, file, mime }) {
  files.set(String(id), file);
  let result;
  const page = await browser.newPage();
  try {
    await page.goto(stand);
    result = await page.evaluate(play, { address: `/${id}`, mime, deadline: DEADLINE_MS });
  } catch (error) {
    result = { errors: [error.message] };
  }
  await page.close();
  console.log(JSON.stringify({ id, ...result }));
}

/** The page, and files by ranges: players ask for the end of a file too. */
async function serve(request, response) {
  const file = files.get(request.url.slice(1));
  if (!file) {
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' }).end('<!doctype html><title>files</title><video muted></video>');
    return;
  }
  const { size } = await stat(file);
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const [start, end] = asked ? [Number(asked[1]), asked[2] ? Number(asked[2]) : size - 1] : [0, size - 1];
  const head = { 'content-type': 'video/mp4', 'accept-ranges': 'bytes', 'content-length': end - start + 1 };
  if (asked) head['content-range'] = `bytes ${start}-${end}/${size}`;
  response.writeHead(asked ? 206 : 200, head);
  createReadStream(file, { start, end }).on('error', () => response.destroy()).pipe(response);
}

/** Runs in the page. */
async function play({ address, mime, deadline }) {
  const video = document.querySelector('video');
  const result = { duration: null, frames: 0, audio_bytes: 0, width: 0, height: 0, errors: [] };
  const once = (target, ...events) => new Promise((resolve) => { for (const event of events) target.addEventListener(event, () => resolve(event), { once: true }); });
  const late = new Promise((resolve) => { setTimeout(() => resolve('nothing in time'), deadline); });
  const over = once(video, 'ended', 'error');
  if (mime) {
    if (!MediaSource.isTypeSupported(mime)) return { ...result, errors: [`${mime} is not supported`] };
    const source = new MediaSource();
    const opened = once(source, 'sourceopen');
    video.src = URL.createObjectURL(source);
    await opened;
    const buffer = source.addSourceBuffer(mime);
    const bytes = await (await fetch(address)).arrayBuffer();
    const taken = once(buffer, 'updateend');
    const refused = once(buffer, 'error');
    buffer.appendBuffer(bytes);
    if (await Promise.race([taken.then(() => null), refused, over]) || video.error) return { ...result, errors: [`refused: ${video.error?.message ?? 'append error'}`] };
    source.endOfStream();
    result.ranges = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    result.duration = video.duration;
  } else {
    video.src = address;
  }
  video.playbackRate = 16;
  video.play().catch((error) => { if (!video.error) result.errors.push(error.message); });
  const how = await Promise.race([over, late]);
  if (how !== 'ended') result.errors.push(video.error?.message || how);
  result.duration = video.duration;
  result.frames = video.getVideoPlaybackQuality().totalVideoFrames;
  result.audio_bytes = video.webkitAudioDecodedByteCount ?? 0;
  [result.width, result.height] = [video.videoWidth, video.videoHeight];
  return result;
}
