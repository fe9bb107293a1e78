// A module of the page, for tests of what needs no browser.

import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function load(module) {
  const entry = fileURLToPath(new URL(`../src/${module}`, import.meta.url));
  const { outputFiles: [file] } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm' });
  return import(`data:text/javascript;base64,${Buffer.from(file.contents).toString('base64')}`);
}
