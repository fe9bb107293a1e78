// What the browser tests share: one mock server and one browser a file, a fresh page a test.

import { after, afterEach, before, beforeEach } from 'node:test';
import { launch } from './browser.mjs';
import { Mock } from './mock.mjs';

const PATIENCE_MS = 20_000;

/** Sets the hooks up; the fields are filled in when a test runs. */
export function kit({ page: file, autoplay } = {}) {
  const it = { mock: null, browser: null, page: null, pageErrors: [], outside: [] };
  before(async () => {
    it.mock = await Mock.start(file ? { page: file } : {});
    it.browser = await launch(autoplay === undefined ? {} : { autoplay });
  });
  after(async () => {
    await it.browser?.close();
    await it.mock?.stop();
  });
  beforeEach(async () => {
    Object.assign(it.mock, { streams: [], recordings: [], server: { version: '0.1.0', rtmp_port: 1935 }, apiStatus: 0, failSegments: 0, garbleSegments: 0, requests: [] });
    it.mock.restartStream();
    it.pageErrors = [];
    it.outside = [];
    it.page = await it.browser.newPage({ locale: 'en-GB', timezoneId: 'UTC' });
    it.page.setDefaultTimeout(PATIENCE_MS);
    it.page.on('pageerror', (error) => it.pageErrors.push(error.message));
    it.page.on('dialog', (dialog) => {
      it.pageErrors.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    it.page.on('console', (message) => { if (/Content Security Policy/.test(message.text())) it.pageErrors.push(message.text()); });
    it.page.on('request', (request) => { if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(it.mock.url)) it.outside.push(request.url()); });
  });
  afterEach(async () => {
    await it.page.close();
  });
  return it;
}

/** Opens the page at a hash. */
export async function open(it, hash = '') {
  await it.page.goto(it.mock.url + hash, { waitUntil: 'load' });
}

/** Waits until an element's text holds (or matches) what is wanted. */
export async function seeText(it, selector, wanted) {
  await it.page.waitForFunction(
    ([query, text, pattern]) => [...document.querySelectorAll(query)].some((node) => (pattern ? new RegExp(pattern).test(node.textContent) : node.textContent.includes(text))),
    [selector, String(wanted), wanted instanceof RegExp ? wanted.source : ''],
  );
}

/** Waits for real playback: so many more frames decoded and the clock moved on with them; gives the figures. */
export async function seePlaying(it, frames = 30) {
  const before = await it.page.evaluate(figures);
  await it.page.waitForFunction(
    ([was, more]) => {
      const video = document.querySelector('video');
      return video.getVideoPlaybackQuality().totalVideoFrames >= was + more && !video.paused && video.readyState >= 3;
    },
    [before.frames, frames],
  );
  return { before, after: await it.page.evaluate(figures) };
}

function figures() {
  const video = document.querySelector('video');
  return { frames: video.getVideoPlaybackQuality().totalVideoFrames, time: video.currentTime, muted: video.muted, player: window.streamcore?.player() };
}

export const fatal = (figures) => figures.player.errors.filter((error) => error.fatal);
