import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kit, open, seePlaying, seeText } from './kit.mjs';
import { recording, stream } from './mock.mjs';

const it = kit({ page: 'fallback.html' });

test('it says what is missing and how to publish', async () => {
  it.mock.server = { version: '0.1.0', rtmp_port: 19350 };
  await open(it);
  await seeText(it, '#missing', /This build has no bundled player because Node\.js was not found when it was built;\s+install nodejs and npm and run make again\./);
  await seeText(it, '#publish', 'rtmp://127.0.0.1:19350/live');
});

test('it lists streams and recordings', async () => {
  it.mock.streams = [stream('demo', { problems: ['Frames are late.'] })];
  it.mock.recordings = [recording('demo'), recording('now', { state: 'recording', mp4: null })];
  await open(it);
  await seeText(it, '#streams', /live\/demo[\s\S]*1280×720 · avc1\.64001f · mp4a\.40\.2 · 2480 kbit\/s · 3 viewers · live for 12:34[\s\S]*Problem: Frames are late\./);
  await seeText(it, '#recordings', /live\/demo[\s\S]*MP4[\s\S]*0:10 · 1\.8 MB[\s\S]*live\/now[\s\S]*recording/);
  assert.equal(await it.page.getAttribute('#recordings a[download]', 'href'), recording('demo').mp4);
});

test('it plays a recording', async () => {
  it.mock.recordings = [recording('demo')];
  await open(it);
  await it.page.click('#recordings a');
  const { before, after } = await seePlaying(it);
  assert.ok(after.time > before.time);
  assert.deepEqual(it.pageErrors, []);
});

test('it plays a live stream, or names the players that can', async () => {
  it.mock.streams = [stream('demo')];
  await open(it);
  await it.page.click('#streams a');
  if (await it.page.evaluate(() => document.createElement('video').canPlayType('application/vnd.apple.mpegurl'))) await seePlaying(it);
  else await seeText(it, '#trouble', /cannot play HLS by itself.*\/live\/demo\/index\.m3u8/);
});

test('names are never HTML, and links lead nowhere else', async () => {
  const evil = '<img src=x onerror=alert(1)>"\'&amp;';
  it.mock.streams = [stream(evil, { hls: 'javascript:alert(2)', problems: [evil] })];
  it.mock.recordings = [recording(evil, { mp4: 'javascript:alert(3)', flv: '//example.com/x.flv', error: evil })];
  await open(it);
  await seeText(it, '#streams', evil);
  await seeText(it, '#recordings', evil);
  assert.equal(await it.page.locator('main img').count(), 0);
  const links = await it.page.locator('a[href]').evaluateAll((all) => all.map((a) => a.href));
  assert.deepEqual(links.filter((href) => !href.startsWith(it.mock.url)), []);
  assert.deepEqual(it.pageErrors, []);
  assert.deepEqual(it.outside, []);
});

test('a server away is told', async () => {
  await open(it);
  await seeText(it, '#publish', 'rtmp://');
  await it.mock.down();
  await seeText(it, '#away', 'The server does not answer.');
  await it.mock.up();
  await it.page.waitForSelector('#away', { state: 'hidden' });
});
