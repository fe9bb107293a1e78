// Bundles src/ into two self-contained pages, dist/index.html and dist/dashboard.html: script and style inline, nothing fetched from elsewhere.
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

/** Makes one page of its template, script and style. */
async function makePage(name, template, entry, sheet) {
  const [html, script, style] = await Promise.all([readFile(here(template), 'utf8'), bundle(entry), bundle(sheet)]);
  // Either would end the inline element early or swallow the rest of the page.
  if (/<\/script|<!--/i.test(script)) throw new Error('the script holds "</script" or "<!--" and cannot stand inline');
  if (/<\/style/i.test(style)) throw new Error('the style holds "</style" and cannot stand inline');
  const policy = [
    "default-src 'none'",
    `script-src ${csp(script)}`,
    `style-src ${csp(style)}`,
    "connect-src 'self'",
    "media-src 'self' blob:",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
  const page = html.replace(/<!--([A-Z]+)-->/g, (whole, part) => parts[part] ?? whole);
  await writeFile(here(`dist/${name}`), page);
  const kb = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  return `${name}  ${kb(Buffer.byteLength(page))} (${kb(gzipSync(page).length)} gzipped)`;
}

await mkdir(here('dist'), { recursive: true });
const made = [
  // The dashboard first: scripts/build-page goes by the age of the other.
  await makePage('dashboard.html', 'src/dashboard.html', 'src/dashboard/main.ts', 'src/dashboard.css'),
  await makePage('index.html', 'src/index.html', 'src/main.ts', 'src/style.css'),
];
console.log(`dist: ${made.reverse().join(', ')}`);
