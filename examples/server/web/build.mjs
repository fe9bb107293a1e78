// Bundles src/ into one self-contained dist/index.html: script and style inline, nothing fetched from elsewhere.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The bundled text of one entry point. */
async function bundle(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome90', 'firefox90', 'safari15'],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return result.outputFiles[0].text.trim();
}

const csp = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const [template, script, style] = await Promise.all([
  readFile(here('src/index.html'), 'utf8'),
  bundle('src/main.ts'),
  bundle('src/style.css'),
]);
// Either would end the inline element early or swallow the rest of the page.
if (/<\/script|<!--/i.test(script)) throw new Error('the script holds "</script" or "<!--" and cannot stand inline');
if (/<\/style/i.test(style)) throw new Error('the style holds "</style" and cannot stand inline');

const policy = [
  "default-src 'none'",
  `script-src ${csp(script)}`,
  `style-src ${csp(style)}`,
  "connect-src 'self'",
  "media-src 'self' blob:",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
const page = template.replace(/<!--([A-Z]+)-->/g, (whole, name) => parts[name] ?? whole);

await mkdir(here('dist'), { recursive: true });
await writeFile(here('dist/index.html'), page);
const kb = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
console.log(`dist/index.html  ${kb(Buffer.byteLength(page))} (${kb(gzipSync(page).length)} gzipped)`);
