// Makes the pictures of the documentation: runs the server with something to show, and photographs both pages. Three minutes.
//
//   node tests/pictures.mjs --server PROGRAM --out FOLDER [--seconds N]
//
// FOLDER gets page.png and dashboard.png. N is how long streams go on before they are photographed, 62 where it is missing: plots show a minute.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values } = parseArgs({ options: { server: { type: 'string' }, out: { type: 'string' }, seconds: { type: 'string', default: '62' } } });
if (!values.server || !values.out) {
  console.error('usage: pictures.mjs --server PROGRAM --out FOLDER [--seconds N]');
  process.exit(64);
}

const children = [];

function run(program, ...words) {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

/** One that makes no noise. */
const ffmpeg = (...words) => run('ffmpeg', '-nostdin', '-v', 'error', '-y', ...words);

const folder = await mkdtemp(join(tmpdir(), 'streamcore-pictures-'));
const receiver = createServer((request, response) => request.resume().on('end', () => response.end()));
const browser = await launch();
try {
  await make();
} finally {
  await browser.close();
  receiver.close();
  children.forEach((child) => child.kill('SIGKILL'));
  await rm(folder, { recursive: true, force: true });
}

/** Starts the server on free ports and reads its banner. */
async function serve(name, ...words) {
  const child = run(values.server, 'serve', '--data-dir', join(folder, name), '--rtmp-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0', '--log', 'text', ...words);
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    found.rtmp ??= /rtmp:\/\/[^:/]+:(\d+)/.exec(line)?.[1];
    found.http ??= /http:\/\/[^:/]+:(\d+)/.exec(line)?.[1];
    found.token ??= /tok_\S+/.exec(line)?.[0];
    if (line.includes('recordings')) break;
  }
  child.stdout.resume();
  if (!found.http) throw new Error('the server did not start');
  return found;
}

async function make() {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const far = await serve('far', '--no-record');
  const { rtmp, http, token } = await serve('near', '--webhook', `http://127.0.0.1:${receiver.address().port}/events`, '--webhook-secret', 'secret-of-events');
  const origin = `http://127.0.0.1:${http}`;
  const api = async (method, path, body) => {
    const response = await fetch(`${origin}/api/v1/${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()).data;
  };
  const film = join(folder, 'film.flv');
  const picture = 'gradients=s=1280x720:r=25:d=24:n=4:c0=0x102a43:c1=0x0b6bcb:c2=0xe5484d:c3=0xffc56b:speed=0.02,format=yuv420p';
  const [made] = await once(ffmpeg('-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=220:d=24:r=48000', '-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '3M', '-maxrate', '3M', '-bufsize', '3M', '-g', '50', '-c:a', 'aac', '-ac', '2', film), 'exit');
  if (made !== 0) throw new Error('no film');
  const publish = (name, ...words) => ffmpeg(...words, '-i', film, '-c', 'copy', '-f', 'flv', `rtmp://127.0.0.1:${rtmp}/live/${name}`);
  await once(publish('rehearsal'), 'exit');

  const demo = publish('demo', '-re', '-stream_loop', '-1');
  const page = await open();
  await page.goto(`${origin}/#/live/demo`);
  await playing(page);
  await page.waitForTimeout(Number(values.seconds) * 1000);
  await page.screenshot({ path: join(values.out, 'page.png') });
  await page.close();
  const ended = once(demo, 'exit');
  demo.kill('SIGINT');
  await ended;

  const show = await api('POST', 'live-streams', { passthrough: 'Evening show' });
  const path = `live/${show.playback_ids[0].id}`;
  await api('POST', 'signing-keys', { algorithm: 'HMAC' });
  await api('POST', 'applications/live/simulcast-targets', { url: `rtmp://127.0.0.1:${far.rtmp}/live`, stream_key: 'main' });
  publish(show.stream_key, '-re', '-stream_loop', '-1');
  const watch = await open();
  await watch.goto(`${origin}/#/${path}`);
  await playing(watch);
  ffmpeg('-i', `rtmp://127.0.0.1:${rtmp}/${path}`, '-c', 'copy', '-f', 'null', '-');
  void fetch(`${origin}/${path}.flv`).then(async (response) => { for await (const _ of response.body); }).catch(() => undefined);
  const board = await open();
  await board.goto(`${origin}/dashboard`);
  await board.locator('#streams .plot').first().waitFor();
  await board.waitForTimeout(Number(values.seconds) * 1000);
  await board.waitForFunction(() => document.querySelector('#asset-list img')?.naturalWidth > 0);
  await board.screenshot({ path: join(values.out, 'dashboard.png'), fullPage: true });
}

async function open() {
  return browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', locale: 'en-GB' });
}

async function playing(page) {
  await page.waitForFunction(() => [...document.querySelectorAll('video')].some((video) => !video.paused && video.currentTime > 0 && video.readyState >= 3), null, { timeout: 60_000 });
}
