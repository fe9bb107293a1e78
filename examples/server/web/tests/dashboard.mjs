// Drives the dashboard of a running server in Chromium, as somebody who manages it would, and prints one line of JSON.
//
//   node tests/dashboard.mjs URL --token TOKEN --stream PATH --target URL [--screenshots FOLDER]
//
// URL is the dashboard, as a machine that needs a token sees it. PATH is live and has a player, and nobody answers the hook of a
// player's end; there is one recording.
// Exit status: 0 all went well; 1 something did not.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit, launch } from './browser.mjs';

const { values, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: { token: { type: 'string' }, stream: { type: 'string' }, target: { type: 'string' }, screenshots: { type: 'string' } },
});
const browser = await launch();
const result = { violations: [], errors: [], focus: [] };
let status = 1;
let page;
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'UTC' });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => result.errors.push(error.message));
  page.on('console', (message) => { if (/Content Security Policy/.test(message.text())) result.errors.push(message.text()); });
  await page.goto(url);
  await signIn();
  await look('light');
  await plots();
  await streams();
  await signingKeys();
  await targets();
  await appTargets();
  await events();
  await sessions();
  await recordings();
  await looks();
  status = result.violations.length + result.errors.length === 0 ? 0 : 1;
} catch (error) {
  result.errors.push(error.stack, await page?.innerText('body').catch(() => ''));
} finally {
  console.log(JSON.stringify(result));
  await browser.close();
}
process.exit(status);

async function see(selector, text) {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}

async function gone(selector, text) {
  await page.locator(selector).filter({ hasText: text }).waitFor({ state: 'detached' });
}

function press(name) {
  return page.getByRole('button', { name }).first().click();
}

/** A wrong token is refused, the right one opens the board. */
async function signIn() {
  assert.equal(await page.locator('#board').isVisible(), false);
  await page.getByLabel('Token').fill('tok_wrong');
  await page.getByLabel('Token').press('Enter');
  await see('#away', 'token is not valid');
  await page.getByLabel('Token').fill(values.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#board').waitFor();
  // The plots have a line, and say in words what they show.
  await see('#streams', values.stream);
  // All have figures: the second key frame has come.
  await page.waitForFunction(() => document.querySelectorAll('#streams .plot:not([hidden]) .line[d*="L"]').length === 6);
  const said = await page.locator('#streams svg').evaluateAll((plots) => plots.map((plot) => plot.getAttribute('aria-label')));
  assert.deepEqual(said.map((text) => text.split(' in ')[0]), ['Bit rate', 'Pictures', 'Key frames', 'Jitter', 'A/V skew', 'Viewers']);
  assert.match(said[0], /in the last minute: .* to .*bit\/s, now/);
}

/** The keyboard reads an earlier moment off all plots at once, and lets go of it. */
async function plots() {
  const group = page.locator('#streams .plots').first();
  const when = page.locator('#streams .when').first();
  await group.focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await when.innerText(), '2 seconds ago');
  assert.equal(await page.locator('#streams .plot .cursor[d^="M"]').count(), 6);
  await page.keyboard.press('End');
  assert.equal(await when.innerText(), '');
  assert.match(await page.locator('#streams .plot').nth(2).innerText(), /each [0-9.]+ s/);
}

/** A stream is made, its key shown once, rotated, disabled and revoked. */
async function streams() {
  await page.locator('#create-note').fill('made here');
  await press('Create stream');
  await see('#live-streams', 'made here');
  const key = await page.innerText('#new-key-text');
  assert.ok(key.length > 20, key);
  result.first_key = key;
  await press('Done');
  await press('Rotate key: made here');
  await press('End all other keys?: made here');
  await page.waitForFunction((old) => !document.querySelector('#new-key').hidden && document.querySelector('#new-key-text').textContent !== old && document.querySelector('#new-key-text').textContent !== '', key);
  result.second_key = await page.innerText('#new-key-text');
  await press('Done');
  assert.ok(!(await page.innerText('body')).includes(result.second_key), 'shown once');
  await press(/^Disable: key .* of made here/);
  await press(/^Enable: key .* of made here/);
  await press('Disable: made here');
  await see('#live-streams li', 'disabled');
  await press('Enable: made here');
  await page.getByRole('button', { name: 'Disable: made here' }).waitFor();
  await press('Add signed id: made here');
  const signed = page.locator('#live-streams li').filter({ hasText: 'made here' }).locator('li').filter({ hasText: 'signed' });
  await signed.getByRole('button', { name: /^Remove: playback id/ }).click();
  await signed.getByRole('button', { name: /^Remove it\?: playback id/ }).click();
  await signed.waitFor({ state: 'detached' });
}

/** A secret made here is shown once; a public key is taken, and what is none is refused in words. */
async function signingKeys() {
  await press('Add signing key');
  await page.locator('#new-secret').waitFor();
  const secret = await page.innerText('#new-secret-text');
  assert.ok(secret.length > 20, secret);
  await page.locator('#new-secret-done').click();
  assert.ok(!(await page.innerText('body')).includes(secret), 'shown once');
  await page.locator('#sign-with').selectOption('ES256');
  await page.locator('#public-key').fill('no key');
  await press('Add signing key');
  await see('#away', 'The server says:');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await page.locator('#public-key').fill(publicKey.export({ type: 'spki', format: 'pem' }));
  await press('Add signing key');
  const row = page.locator('#signing-list li').filter({ hasText: 'ES256' });
  await row.waitFor();
  assert.equal(await page.locator('#away').isVisible(), false);
  await row.getByRole('button', { name: /^Remove: / }).click();
  await row.getByRole('button').click();
  await row.waitFor({ state: 'detached' });
  assert.equal(await page.locator('#signing-list li').count(), 1);
}

/** A target that nobody answers at is shown as what is wrong, paused and removed. */
async function targets() {
  await page.locator('#target-stream').selectOption(values.stream);
  await page.locator('#target-url').fill(values.target);
  await page.locator('#target-key').fill('secret-of-the-target');
  await press('Add target');
  await see('#target-list', 'errored');
  await see('#wrongs', 'is not pushed to');
  assert.ok(!(await page.innerText('body')).includes('secret-of-the-target'));
  await look('wrong');
  await press(/^Pause: /);
  await see('#target-list', 'paused');
  await gone('#wrongs li', 'is not pushed to');
  const row = page.locator('#target-list li');
  await row.getByRole('button', { name: /^Remove: / }).click();
  await row.getByRole('button', { name: /^Remove it\?: / }).click();
  await page.locator('#targets-none').waitFor();
}

/** A target of the application is one of each of its streams. */
async function appTargets() {
  const [app] = values.stream.split('/');
  await page.locator('#target-stream').selectOption(`app:${app}`);
  await page.locator('#target-url').fill(values.target);
  await press('Add target');
  await see('#app-target-list > li', values.stream);
  await see('#app-target-list > li', 'errored');
  await press(`Pause: all of ${app} to`);
  await see('#app-target-list > li', 'paused');
  await press(`Remove: all of ${app} to`);
  await press(`Remove it?: all of ${app} to`);
  await page.locator('#targets-none').waitFor();
}

/** What happened is listed, by how it was taken; one is sent again. */
async function events() {
  await press('Show more');
  await see('#event-list > li', 'live_stream.active');
  await page.locator('#event-state').selectOption('failed');
  await see('#events-none', 'No event stands so.');
  await page.locator('#event-state').selectOption('delivered');
  await press('Show more');
  const row = page.locator('#event-list > li').filter({ hasText: 'asset.ready' }).first();
  await row.getByRole('button', { name: /^Send again: asset\.ready/ }).click();
  await page.locator('#announce').filter({ hasText: /^Send again: .*done/ }).waitFor();
  await row.locator('summary').click();
  assert.match(await row.locator('pre').innerText(), /"duration_s"/);
  await page.locator('#event-state').selectOption('');
}

async function sessions() {
  const row = page.locator('#session-list li').filter({ hasText: 'player' });
  await row.first().waitFor();
  await row.getByRole('button').click();
  await row.getByRole('button').click();
  await row.waitFor({ state: 'detached' });
  // The hook of its end has nobody who answers.
  await see('#wrongs', 'The hook play_done gets no answer from http://127.0.0.1:1/hook');
}

/** A recording has a link that plays, and goes when it is deleted. */
async function recordings() {
  await page.locator('#asset-list li').first().waitFor();
  // The first picture of it.
  await page.waitForFunction(() => document.querySelector('#asset-list img')?.naturalWidth > 0);
  result.play = await page.locator('#asset-list a').first().getAttribute('href');
  await press(/^Delete: .* of /);
  await press(/^Delete it\?: .* of /);
  await page.locator('#assets-none').waitFor();
  // The keyboard is not lost with the row.
  await page.waitForFunction(() => document.activeElement?.id === 'assets-title');
}

/** Dark, on a phone, by keyboard. */
async function looks() {
  await page.emulateMedia({ colorScheme: 'dark' });
  await look('dark');
  await page.setViewportSize({ width: 360, height: 740 });
  await look('phone');
  const [wide, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= view, `${wide} pixels on a screen of ${view}`);
  // The keyboard gets from the top to each part in the order of the page, and where it is can be seen.
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator('.skip').focus();
  result.focus.push('top');
  for (let i = 0; i < 90; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      const style = getComputedStyle(node);
      return { part: node.closest('section')?.id ?? 'top', seen: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0, tag: node.tagName, tops: node.getBoundingClientRect().top + scrollY };
    });
    if (at === null) break;
    assert.ok(at.seen, `focus on ${at.tag} in ${at.part} cannot be seen`);
    if (result.focus.at(-1) !== at.part) result.focus.push(at.part);
  }
  assert.deepEqual(result.focus, ['top', 'live', 'manage', 'signing', 'targets', 'events', 'sessions']);
}

/** What axe-core finds, and a picture. */
async function look(name) {
  result.violations.push(...(await audit(page)).map((found) => ({ at: name, ...found })));
  if (values.screenshots) await page.screenshot({ path: join(values.screenshots, `${name}.png`), fullPage: name !== 'light' });
}
