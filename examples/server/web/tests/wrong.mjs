// Looks whether both pages of a server say what is wrong, and prints one line of JSON.
//
//   node tests/wrong.mjs URL [--token TOKEN] [--dashboard TEXT]… [--page TEXT]… [--screenshots FOLDER]
//
// Exit status: 0 each TEXT is there; 1 one is not.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit, launch } from './browser.mjs';

const { values, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: { token: { type: 'string' }, dashboard: { type: 'string', multiple: true, default: [] }, page: { type: 'string', multiple: true, default: [] }, screenshots: { type: 'string' } },
});
const PATIENCE_MS = 30_000;
const browser = await launch();
const result = { missing: [], dashboard: '', page: '', violations: [], errors: [] };
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'UTC' });
  if (values.token) await context.addInitScript((token) => sessionStorage.setItem('streamcore-token', token), values.token);
  result.dashboard = await look(await context.newPage(), new URL('/dashboard', url).href, '#wrongs', values.dashboard);
  result.page = await look(await context.newPage(), url, '.problems', values.page);
} catch (error) {
  result.errors.push(error.stack);
} finally {
  console.log(JSON.stringify(result));
  await browser.close();
}
process.exit(result.missing.length + result.violations.length + result.errors.length === 0 ? 0 : 1);

/** Opens a page and waits for each text in `selector`; gives all that stands there. */
async function look(page, address, selector, texts) {
  page.on('pageerror', (error) => result.errors.push(error.message));
  await page.goto(address);
  for (const text of texts) {
    await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: PATIENCE_MS }).catch(() => result.missing.push(`${selector}: ${text}`));
  }
  result.violations.push(...await audit(page));
  if (values.screenshots) await page.screenshot({ path: join(values.screenshots, `${selector.slice(1)}.png`), fullPage: true });
  return (await page.locator(selector).allInnerTexts()).join('\n');
}
