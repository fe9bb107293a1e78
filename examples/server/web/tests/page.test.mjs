import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { kit, open, seePlaying, seeText } from './kit.mjs';
import { recording, stream } from './mock.mjs';

const it = kit();
const pollsOf = (path) => it.mock.requests.filter((asked) => asked === path).length;

test('the list shows what the API says', async () => {
  it.mock.streams = [
    stream('demo', { publisher: { address: '', agent: 'OBS 30.2.3' }, bitrate_kbps: 6120, viewers: 128, video: { codec: 'avc1.640028', width: 1920, height: 1080, fps: 59.94 } }),
    stream('radio', { app: 'audio', path: 'audio/radio', video: null, viewers: 1, recording: false, bitrate_kbps: 128, problems: ['No key frame for 12 s.', 'Timestamps run back.'] }),
  ];
  await open(it);
  await seeText(it, '#live-count', '2');
  const rows = await it.page.locator('#streams > li').allInnerTexts();
  for (const wanted of ['live/demo', 'Recording', '1920×1080 · 59.94 fps · H.264 High · AAC 48 kHz stereo', 'Live for 12:3', 'OBS 30.2.3', '6.12 Mbit/s', '128 viewers']) {
    assert.ok(rows[0].includes(wanted), `${wanted} in ${rows[0]}`);
  }
  for (const wanted of ['audio/radio', 'AAC 48 kHz stereo', '128 kbit/s', '1 viewer', 'No key frame for 12 s.', 'Timestamps run back.']) {
    assert.ok(rows[1].includes(wanted), `${wanted} in ${rows[1]}`);
  }
  assert.ok(!rows[1].includes('Recording') && !rows[1].includes('×'), rows[1]);
  assert.equal(await it.page.title(), '2 streams live · streamcore');
  assert.equal(await it.page.textContent('#version'), '0.1.0');

  it.mock.streams = [stream('demo', { bitrate_kbps: 900, viewers: 0, problems: ['Frames are late.'] })];
  await seeText(it, '#streams', '900 kbit/s');
  assert.equal(await it.page.locator('#streams > li').count(), 1);
  await seeText(it, '.problems', 'Frames are late.');
  await seeText(it, '#announce', 'radio has ended.');
});

test('the keyboard keeps its place while the list changes', async () => {
  it.mock.streams = [stream('b')];
  await open(it);
  await it.page.focus('#streams a.name');
  it.mock.streams = [stream('a'), stream('b', { viewers: 7 })];
  await seeText(it, '#streams', '7 viewers');
  assert.equal(await it.page.evaluate(() => document.activeElement.textContent), 'live/b');
  assert.deepEqual(await it.page.locator('#streams a.name').allTextContents(), ['live/a', 'live/b']);
});

test('recordings show their state and link to their files', async () => {
  it.mock.recordings = [
    recording('now', { state: 'recording', mp4: null, duration_s: 754, bytes: 233_000_000 }),
    recording('soon', { state: 'finishing', mp4: null }),
    recording('demo'),
    recording('broken', { state: 'failed', mp4: null, flv: '/recordings/live/broken/x.flv', error: 'The disk was full.' }),
  ];
  await open(it);
  await seeText(it, '#rec-count', '4');
  const rows = await it.page.locator('#recordings > li').allInnerTexts();
  assert.match(rows[0], /now\s+Recording[\s\S]*12:34 · 233 MB/);
  assert.match(rows[1], /Making the MP4/);
  assert.match(rows[2], /demo[\s\S]*1 Mar 2025, 18:00 · 0:10 · 1\.82 MB[\s\S]*MP4/);
  assert.match(rows[3], /Failed[\s\S]*FLV[\s\S]*The disk was full\./);
  assert.equal(await it.page.getAttribute('#recordings > li:nth-child(3) .button', 'href'), recording('demo').mp4);
  const [download] = await Promise.all([it.page.waitForEvent('download'), it.page.click('#recordings > li:nth-child(3) .button')]);
  assert.ok((await readFile(await download.path())).subarray(4, 8).equals(Buffer.from('ftyp')));
});

test('a long list of recordings opens on request', async () => {
  it.mock.recordings = Array.from({ length: 30 }, (_, i) => recording(`r${i}`));
  await open(it);
  await seeText(it, '#rec-more', 'Show all 30 recordings');
  assert.equal(await it.page.locator('#recordings > li').count(), 12);
  await it.page.click('#rec-more');
  assert.equal(await it.page.locator('#recordings > li').count(), 30);
  assert.equal(await it.page.evaluate(() => document.activeElement.textContent), 'live/r12');
});

test('with nobody live it says how to publish', async () => {
  it.mock.server = { version: '0.1.0', rtmp_port: 19350 };
  await open(it);
  await seeText(it, '#live-loading', 'Nobody is live right now.');
  await seeText(it, '#publish', 'rtmp://127.0.0.1:19350/live');
  await seeText(it, '#publish', 'ffmpeg -re -i film.mp4 -c copy -f flv rtmp://127.0.0.1:19350/live/demo');
  await it.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await it.page.click('.copy >> nth=0');
  await seeText(it, '.copy', 'Copied');
  assert.equal(await it.page.evaluate(() => navigator.clipboard.readText()), 'rtmp://127.0.0.1:19350/live');
  assert.equal(await it.page.isVisible('#publish summary'), false);

  it.mock.streams = [stream('demo')];
  await seeText(it, '#streams', 'demo');
  assert.equal(await it.page.isVisible('#publish code'), false, 'folded away');
  await it.page.click('#publish summary');
  assert.equal(await it.page.isVisible('#publish code >> nth=0'), true);
});

test('a server that does not tell its port has the usual one', async () => {
  it.mock.server = null;
  await open(it);
  await seeText(it, '#publish', 'rtmp://127.0.0.1:1935/live');
});

test('a server away is told, and so is its return', async () => {
  it.mock.streams = [stream('demo')];
  await open(it);
  await seeText(it, '#streams', 'demo');
  await it.mock.down();
  await seeText(it, '#away-what', 'The server does not answer.');
  await seeText(it, '#away-when', /Trying again in \d+ s\./);
  assert.equal(await it.page.isVisible('#away-retry'), true);
  assert.equal(await it.page.locator('#streams > li').count(), 1, 'what was known stays');
  it.mock.streams = [stream('other')];
  await it.mock.up();
  await seeText(it, '#streams', 'other');
  await seeText(it, '#announce', /The server is back\.|other is live/);
  assert.equal(await it.page.isVisible('#away'), false);
});

test('an error of the server is told in words', async () => {
  it.mock.apiStatus = 500;
  await open(it);
  await seeText(it, '#away-what', 'The server answered with status 500.');
  it.mock.apiStatus = 0;
  await it.page.click('#away-retry');
  await seeText(it, '#live-loading', 'Nobody is live right now.');
});

test('answers of another shape do no harm', async () => {
  it.mock.streams = [{ name: 'bare' }, null, 7, stream('odd', { video: 'x', audio: [], viewers: 'many', since: 5, problems: { a: 1 }, uptime_s: -3, bitrate_kbps: 1e400 })];
  it.mock.recordings = [{ name: 'bare', state: 'new state' }];
  await open(it);
  await seeText(it, '#streams', 'odd');
  await seeText(it, '#recordings', 'bare');
  assert.deepEqual(it.pageErrors, []);
});

test('names, agents and problems are never HTML, and links lead nowhere else', async () => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'&amp;\u202Eabc';
  it.mock.streams = [stream(evil, { publisher: { address: evil, agent: evil }, problems: [evil], hls: 'javascript:alert(3)', video: { codec: evil, width: 1, height: 1, fps: 1 } })];
  it.mock.recordings = [recording(evil, { mp4: 'javascript:alert(4)', flv: 'https://example.com/x.flv', error: evil, state: 'failed' })];
  it.mock.server = { version: evil, rtmp_port: 1935 };
  await open(it);
  await seeText(it, '#streams bdi', evil);
  await seeText(it, '#recordings bdi', evil);
  await seeText(it, '#version', evil);
  assert.equal(await it.page.locator('main img, main script').count(), 0);
  const links = await it.page.locator('a[href]:visible').evaluateAll((all) => all.map((a) => a.href));
  assert.deepEqual(links.filter((href) => !href.startsWith(it.mock.url)), []);
  await it.page.click('#streams a.name');
  await seeText(it, '#player-title', evil);
  assert.deepEqual(it.pageErrors, []);
  assert.deepEqual(it.outside, []);
});

test('the keyboard alone is enough', async () => {
  it.mock.streams = [stream('demo')];
  it.mock.recordings = [recording('demo')];
  await open(it);
  await seeText(it, '#recordings', 'demo');
  const focused = () => it.page.evaluate(() => document.activeElement.textContent.trim());
  await it.page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to the streams');
  assert.equal(await it.page.isVisible('#skip'), true);
  await it.page.keyboard.press('Enter');
  await it.page.keyboard.press('Tab');
  assert.equal(await focused(), 'live/demo');
  assert.match(await it.page.evaluate(() => getComputedStyle(document.activeElement, '::after').outlineStyle), /solid/);
  await it.page.keyboard.press('Enter');
  await seePlaying(it);
  assert.equal(await focused(), 'demo', 'the title of the player');
  await it.page.keyboard.press('Escape');
  await it.page.waitForSelector('#player', { state: 'hidden' });
  assert.equal(await focused(), 'live/demo');
  for (const next of ['How to publish', 'live/demo', 'MP4']) {
    await it.page.keyboard.press('Tab');
    assert.equal(await focused(), next);
  }
});

test('screen readers meet headings, lists and names', async () => {
  it.mock.streams = [stream('demo')];
  it.mock.recordings = [recording('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  await seeText(it, '#rec-count', '1');
  const tree = await it.page.locator('body').ariaSnapshot();
  for (const wanted of [/region "demo"/, /region "Live 1"/, /region "Recordings 1"/, /heading "Live 1" \[level=2\]/, /link "live\/demo"/, /link "Download demo as MP4"/, /link "Close"/]) {
    assert.match(tree, wanted);
  }
  const nameless = await it.page.locator('button, a[href]').evaluateAll((all) => all.filter((node) => !(node.getAttribute('aria-label') ?? node.textContent).trim()).length);
  assert.equal(nameless, 0);
});

test('a hidden page asks nothing, and asks at once when it is back', async () => {
  await it.page.clock.install();
  await open(it);
  await it.page.clock.runFor(100);
  await seeText(it, '#live-loading', 'Nobody is live right now.');
  const hide = (hidden) => it.page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  const asked = pollsOf('/api/v1/streams');
  await it.page.clock.runFor(60_000);
  assert.equal(pollsOf('/api/v1/streams'), asked);
  it.mock.streams = [stream('demo')];
  await hide(false);
  await seeText(it, '#streams', 'demo');
});

test('nothing overflows on a small phone', async () => {
  await it.page.setViewportSize({ width: 320, height: 640 });
  it.mock.streams = [stream('a-very-long-stream-name-without-any-place-to-break-it-0123456789', { problems: ['x'.repeat(200)] })];
  it.mock.recordings = [recording('another-very-long-stream-name-without-any-place-to-break', { flv: '/recordings/x.flv' })];
  await open(it, '#/live/demo');
  await seeText(it, '#rec-count', '1');
  assert.equal(await it.page.evaluate(() => document.documentElement.scrollWidth), 320);
});

test('the page is one file that asks nobody but its server', async () => {
  it.mock.streams = [stream('demo')];
  await open(it, '#/live/demo');
  await seePlaying(it);
  assert.deepEqual(it.outside, []);
  assert.deepEqual(it.pageErrors, []);
  assert.deepEqual([...new Set(it.mock.requests)].filter((path) => !/^\/(api\/v1\/(streams|recordings|server|time)|live\/demo\/.+)?$/.test(path)), []);
  const html = await readFile(new URL('../dist/index.html', import.meta.url), 'utf8');
  assert.ok(html.length < 700_000, `${html.length} bytes`);
  assert.doesNotMatch(html, /<(script|link|img)[^>]+(src|href)="(?!data:)/);
});
