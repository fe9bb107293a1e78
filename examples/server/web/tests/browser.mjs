// Starts the machine's own Chromium, without a window and without any talk to the outside.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A running browser. With `autoplay: false` it wants a click before there is sound, as for an ordinary visitor. With
 * `hosts` every name below `.test` is this machine: Chromium has six connections for a host, which players that hold requests share otherwise. Nobody is there to
 * allow a page that such names are on the local network. */
export async function launch({ autoplay = true, hosts = false } = {}) {
  if (!existsSync(EXECUTABLE)) {
    throw new Error(`${EXECUTABLE} was not found: install Chromium (apt-get install chromium) or name one in the variable CHROMIUM`);
  }
  const policy = autoplay ? 'no-user-gesture-required' : 'document-user-activation-required';
  const names = hosts ? ['--host-resolver-rules=MAP *.test 127.0.0.1', '--disable-features=LocalNetworkAccessChecks'] : [];
  return chromium.launch({ executablePath: EXECUTABLE, args: [...ARGS, `--autoplay-policy=${policy}`, ...names] });
}

/** What axe-core finds wrong with a page as it is. */
export async function audit(page) {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  // As an expression: the page's policy lets no other script in.
  await page.evaluate(`${axe};undefined`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => `${node.target} ${node.failureSummary}`) }));
}
