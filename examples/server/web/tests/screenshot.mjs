// node tests/screenshot.mjs URL OUT.png [--dark] [--mobile] [--wait-playing] [--full] [--seconds N]

import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values, positionals: [url, out] } = parseArgs({
  allowPositionals: true,
  options: { dark: { type: 'boolean' }, mobile: { type: 'boolean' }, 'wait-playing': { type: 'boolean' }, full: { type: 'boolean' }, seconds: { type: 'string', default: '0' } },
});
if (!url || !out) {
  console.error('usage: screenshot.mjs URL OUT.png [--dark] [--mobile] [--wait-playing] [--full] [--seconds N]');
  process.exit(64);
}

const browser = await launch();
try {
  const page = await browser.newPage({
    viewport: values.mobile ? { width: 390, height: 844 } : { width: 1280, height: 900 },
    deviceScaleFactor: values.mobile ? 2 : 1,
    isMobile: values.mobile ?? false,
    hasTouch: values.mobile ?? false,
    colorScheme: values.dark ? 'dark' : 'light',
    locale: 'en-GB',
  });
  await page.goto(url, { waitUntil: 'load' });
  // The lists have been filled once.
  await page.waitForFunction(() => document.querySelector('#streams > li, #publish .empty') !== null, null, { timeout: 10_000 }).catch(() => undefined);
  if (values['wait-playing']) {
    await page.waitForFunction(() => [...document.querySelectorAll('video')].some((video) => !video.paused && video.currentTime > 0 && video.readyState >= 3), null, { timeout: 30_000 });
  }
  // For pictures that should show figures gathered over time.
  if (Number(values.seconds) > 0) await page.waitForTimeout(Number(values.seconds) * 1000);
  await page.screenshot({ path: out, fullPage: values.full ?? false });
} finally {
  await browser.close();
}
