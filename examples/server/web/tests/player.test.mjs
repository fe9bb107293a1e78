import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fatal, kit, open, seePlaying, seeText } from './kit.mjs';
import { recording, stream } from './mock.mjs';

const it = kit();
const state = (wanted) => it.page.waitForFunction((name) => document.getElementById('player').dataset.state === name, wanted);

test('a stream without HLS says so and is not asked for', async () => {
  it.mock.streams = [stream('relayed', { hls: null, dash: null })];
  await open(it);
  await it.page.click('#streams a.name');
  await seeText(it, '#veil-text', 'offers no HLS');
  await state('failed');
  assert.equal(await it.page.isVisible('#link-hls'), false);
  assert.deepEqual(it.mock.requests.filter((path) => path.includes('.m3u8')), []);
  // By its address: what is live is not known yet.
  await it.page.goto('about:blank');
  await open(it, '#/live/relayed');
  await seeText(it, '#veil-text', 'offers no HLS');
  assert.deepEqual(it.pageErrors, []);
});

test('one click plays, and the back button leaves', async () => {
  it.mock.streams = [stream('demo')];
  await open(it);
  await it.page.click('#streams a.name');
  const { before, after } = await seePlaying(it, 60);
  assert.ok(after.time > before.time, 'the clock runs');
  assert.deepEqual(fatal(after), []);
  assert.equal(after.player.engine, 'hls.js');
  assert.equal(after.player.state, 'playing');
  assert.ok(after.player.latency_s > 0 && after.player.latency_s < 15, `latency ${after.player.latency_s}`);
  assert.equal(await it.page.evaluate(() => location.hash), '#/live/demo');
  assert.equal(await it.page.getAttribute('#streams a.name', 'aria-current'), 'true');
  assert.match(await it.page.title(), /^demo/);
  await seeText(it, '#stats', /Behind live\d+\.\d s/);

  await it.page.goBack();
  await it.page.waitForSelector('#player', { state: 'hidden' });
  assert.equal(await it.page.evaluate(() => document.activeElement.getAttribute('href')), '#/live/demo', 'the keyboard is back where it was');
  assert.equal(await it.page.evaluate(() => document.querySelector('video').src), '', 'nothing goes on loading');
  await it.page.goForward();
  await seePlaying(it);
  assert.deepEqual(it.pageErrors, []);
  assert.deepEqual(it.outside, []);
});

test('figures are plots with a text, and arrow keys read earlier moments', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  for (const label of ['Behind live', 'Buffer', 'Bitrate', 'Dropped frames']) await seeText(it, '#stats dt', label);
  const said = (pattern) => it.page.waitForFunction((text) => [...document.querySelectorAll('#stats svg[role=img]')].some((svg) => new RegExp(text).test(svg.getAttribute('aria-label'))), pattern);
  await said('^Behind live in the last minute: [0-9.]+ s to [0-9.]+ s, now [0-9.]+ s');
  await said('^Bitrate in the last minute: .*bit/s');
  await said('^Dropped frames in the last minute: [0-9]+');
  // Two samples make a line.
  await it.page.waitForFunction(() => document.querySelectorAll('#stats .plot.line .line[d*=L]').length === 3);
  await it.page.focus('#stats dl');
  await it.page.keyboard.press('ArrowLeft');
  await it.page.keyboard.press('ArrowLeft');
  await seeText(it, '#stats .when', '2 seconds ago');
  assert.match(await it.page.getAttribute('#stats .cursor', 'd'), /^M/);
  await it.page.keyboard.press('End');
  assert.equal(await it.page.textContent('#stats .when'), '');
  await it.page.setViewportSize({ width: 360, height: 740 });
  assert.ok(await it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out on a phone');
  assert.deepEqual(it.pageErrors, []);
});

test('a deep link plays', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  const { after } = await seePlaying(it);
  assert.deepEqual(fatal(after), []);
  assert.equal(await it.page.textContent('#player-title'), 'demo');
  assert.equal(await it.page.isVisible('#player-live'), true);
  assert.equal(await it.page.getAttribute('#link-hls', 'href'), '/live/demo/index.m3u8');
  assert.equal(await it.page.getAttribute('#link-dash', 'href'), '/live/demo/index.mpd');
});

test('a name with a slash, a space and a percent sign keeps its address', async () => {
  const name = 'a b/100%';
  it.mock.streams = [stream(name, { hls: '/live/x/index.m3u8' })];
  await open(it);
  await it.page.click('#streams a.name');
  assert.equal(await it.page.evaluate(() => location.hash), '#/live/a%20b/100%25');
  await seePlaying(it);
  assert.ok(it.mock.requests.includes('/live/x/video.m3u8'), 'the address that the API gives is the one that is played');
  assert.ok(!it.mock.requests.some((path) => path.startsWith('/live/a')));
  await it.page.reload();
  await seeText(it, '#player-title', name);
  await seePlaying(it);
});

test('a stream that is not live yet is waited for', async () => {
  await open(it, '#/live/demo');
  await seeText(it, '#veil-text', 'demo is not live');
  it.mock.streams = [stream('demo')];
  await seePlaying(it);
});

test('a playlist that is not there yet is asked for again', async () => {
  it.mock.streams = [stream('demo')];
  it.mock.missing = true;
  await open(it, '#/live/demo');
  await it.page.waitForFunction(() => window.streamcore.player().errors.length >= 2);
  await seeText(it, '#veil-text', 'Starting');
  it.mock.missing = false;
  await seePlaying(it);
});

test('the end is told, and the next broadcast plays by itself', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  it.mock.ended = true;
  it.mock.streams = [];
  await state('ended');
  await seeText(it, '#veil-text', 'The stream has ended.');
  await seeText(it, '#announce', 'demo has ended.');
  it.mock.restartStream();
  it.mock.streams = [stream('demo', { since: new Date().toISOString() })];
  await seePlaying(it);
  await seeText(it, '#announce', 'demo is live.');
});

test('an ended playlist of a stream still listed is not played over and over', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  it.mock.ended = true;
  await state('ended');
  const polls = it.mock.requests.filter((path) => path === '/api/v1/streams').length;
  await it.page.waitForResponse((response) => response.url().includes('/api/v1/streams'));
  await it.page.waitForResponse((response) => response.url().includes('/api/v1/streams'));
  assert.ok(it.mock.requests.filter((path) => path === '/api/v1/streams').length >= polls + 2);
  assert.equal(await it.page.evaluate(() => window.streamcore.player().state), 'ended');
});

test('segments that fail are fetched again', async () => {
  it.mock.streams = [stream('demo')];
  it.mock.failSegments = 4;
  await open(it, '#/live/demo');
  const { after } = await seePlaying(it);
  assert.ok(after.player.errors.some((error) => error.details === 'fragLoadError'), 'the fault was met');
  assert.deepEqual(fatal(after), []);
});

test('a segment that cannot be decoded is got over', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  it.mock.garbleSegments = 1;
  await it.page.waitForFunction(() => window.streamcore.player().errors.length > 0);
  const { after } = await seePlaying(it, 120);
  assert.equal(after.player.state, 'playing');
});

test('a pause by hand stays a pause', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  await it.page.evaluate(() => document.querySelector('video').pause());
  const polled = () => it.page.waitForResponse((response) => response.url().includes('/api/v1/streams'));
  await polled();
  await polled();
  assert.equal(await it.page.evaluate(() => document.querySelector('video').paused), true);
});

test('a server that goes away in the middle is found again', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  await it.mock.down();
  await seeText(it, '#away-what', 'The server does not answer.');
  await it.page.waitForFunction(() => ['lost', 'buffering'].includes(window.streamcore.player().state));
  await it.mock.up();
  await it.page.click('#away-retry', { timeout: 2000 }).catch(() => undefined); // it may have been quicker
  await seePlaying(it);
  await it.page.waitForSelector('#away', { state: 'hidden' });
});

test('a recording plays in the page', async () => {
  it.mock.recordings = [recording('demo')];
  await open(it);
  await it.page.click('#recordings a.name');
  const { after } = await seePlaying(it);
  assert.equal(after.player.engine, 'file');
  assert.equal(await it.page.textContent('#player-title'), 'demo');
  await seeText(it, '#player-sub', '0:10 · 1.82 MB');
  await it.page.reload();
  await seePlaying(it);
  await it.page.keyboard.press('Escape');
  await it.page.waitForSelector('#player', { state: 'hidden' });
});

test('a recording that is not there says so, and can be tried again', async () => {
  await open(it, '#recording=%2Fnowhere%2Fnone.mp4');
  await seeText(it, '#veil-text', 'There is nothing at this address any more.');
  assert.equal(await it.page.isVisible('#veil-retry'), true);
});

test('an address elsewhere is not played', async () => {
  await open(it, '#recording=https%3A%2F%2Fexample.com%2Ffilm.mp4');
  await seeText(it, '#live-loading', 'Nobody is live');
  assert.equal(await it.page.isVisible('#player'), false);
  assert.deepEqual(it.outside, []);
});

describe('where sound needs a click first', () => {
  const strict = kit({ autoplay: false });
  test('it plays without sound and offers to unmute', async () => {
    strict.mock.streams = [stream('demo')];
    await open(strict, '#/live/demo');
    const { after } = await seePlaying(strict);
    assert.equal(after.muted, true);
    await strict.page.click('#unmute');
    assert.equal(await strict.page.evaluate(() => document.querySelector('video').muted), false);
    await strict.page.waitForSelector('#unmute', { state: 'hidden' });
    await seePlaying(strict);
  });
});
