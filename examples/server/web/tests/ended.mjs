// Plays broadcasts in the watch page to their ends, and prints one line of JSON for each.
//
//   node tests/ended.mjs URL…
//
// Each URL is the page at a stream (http://host:8080/#/live/demo) that goes live when this prints "open", and ends by itself. Each page has to
// play it, to say that it has ended, with the player gone, and to stay so.
// Exit status: 0 all did; 1 one did not.

import { launch } from './browser.mjs';

const PATIENCE_MS = 60_000;
/** So many more times the page asks who is live before it is believed to stay. */
const LOOKS = 3;
const browser = await launch();
const pages = await Promise.all(process.argv.slice(2).map(open));
console.log('open');
const results = await Promise.all(pages.map(watch));
results.forEach((result) => console.log(JSON.stringify(result)));
await browser.close();
process.exit(results.length > 0 && results.every((result) => result.ended) ? 0 : 1);

async function open(url) {
  const result = { url, ended: false, states: [], text: '', played_s: 0, errors: [] };
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => result.errors.push(error.message));
  await page.goto(url);
  await page.evaluate(record);
  return { page, result };
}

async function watch({ page, result }) {
  try {
    await page.waitForFunction(() => document.querySelector('#player').dataset.state === 'playing');
    await page.waitForFunction(() => document.querySelector('#player').dataset.state === 'ended');
    for (let i = 0; i < LOOKS; i += 1) await page.waitForResponse((response) => new URL(response.url()).pathname === '/api/v1/streams');
    Object.assign(result, await page.evaluate(() => ({ states: window.states, played_s: Number(window.played.toFixed(2)), text: document.querySelector('#veil-text').textContent, source: document.querySelector('video').getAttribute('src') })));
    result.ended = result.states.at(-1) === 'ended' && result.text === 'The stream has ended.' && result.source === null;
  } catch (error) {
    result.errors.push(error.message);
    result.states = await page.evaluate(() => window.states).catch(() => []);
  }
  return result;
}

/** Runs in the page: keeps the states of the player, and how much was played. */
function record() {
  const [player, video] = [document.querySelector('#player'), document.querySelector('video')];
  window.states = [player.dataset.state];
  window.played = 0;
  new MutationObserver(() => { if (window.states.at(-1) !== player.dataset.state) window.states.push(player.dataset.state); }).observe(player, { attributes: true });
  video.addEventListener('timeupdate', () => {
    let sum = 0;
    for (let i = 0; i < video.played.length; i += 1) sum += video.played.end(i) - video.played.start(i);
    window.played = Math.max(window.played, sum);
  });
}
