// Opens the dashboard of a running server in Chromium, and waits until it has said each of some texts as what is wrong.
//
//   node tests/wrong.mjs URL TEXT…
//
// Exit status: 0 all were said; 1 some were not, which are printed with what was.

import { launch } from './browser.mjs';

const [url, ...texts] = process.argv.slice(2);
const browser = await launch();
let status = 0;
const page = await browser.newPage();
await page.goto(url);
for (const text of texts) {
  const said = page.locator('#wrongs li').filter({ hasText: text }).first();
  await said.waitFor({ timeout: 30_000 }).catch(async () => {
    console.log(`not said: ${text}; but: ${await page.innerText('body')}`);
    status = 1;
  });
}
await browser.close();
process.exit(status);
