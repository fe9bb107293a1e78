// Checks playlists: hls-parser in its strict mode, and rules of RFC 8216 that it does not look at.
//
//   node tests/playlist.mjs URL|FILE… [--json]
//
// A multivariant playlist is followed to its media playlists. One line each; exit status 1 when one is at fault.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import HLS from 'hls-parser';

HLS.setOptions({ strictMode: true, silent: true });

const isUrl = (address) => /^https?:/.test(address);
const relative = (base, uri) => (isUrl(base) ? new URL(uri, base).href : isUrl(uri) ? uri : resolve(dirname(base), uri));

async function load(address) {
  if (!isUrl(address)) return readFile(address, 'utf8');
  const response = await fetch(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const type = response.headers.get('content-type') ?? '';
  if (!/mpegurl/i.test(type)) throw new Error(`content type "${type}" (RFC 8216, 4)`);
  return response.text();
}

/** What is wrong with a playlist's text, and where it leads to. */
export function examine(text) {
  const faults = lineFaults(text);
  let playlist;
  try {
    playlist = HLS.parse(text);
  } catch (error) {
    return { kind: 'unreadable', summary: '', faults: [...faults, error.message], children: [] };
  }
  const rest = playlist.isMasterPlaylist ? examineMultivariant(playlist) : examineMedia(playlist);
  return { ...rest, faults: [...faults, ...rest.faults] };
}

function lineFaults(text) {
  const faults = [];
  if (!text.startsWith('#EXTM3U')) faults.push('the first line is not #EXTM3U (RFC 8216, 4.3.1.1)');
  if (text.startsWith('\uFEFF')) faults.push('begins with a byte order mark (RFC 8216, 4)');
  if (!text.endsWith('\n')) faults.push('the last line has no line end');
  if (text.includes('\r') && /[^\r]\n/.test(text)) faults.push('line ends are mixed');
  if (/[\u0000-\u0009\u000B\u000C\u000E-\u001F\u007F-\u009F]/.test(text)) faults.push('holds control characters (RFC 8216, 4)');
  return faults;
}

function examineMultivariant(playlist) {
  const faults = [];
  const children = new Set();
  for (const variant of playlist.variants) {
    children.add(variant.uri);
    if (!variant.codecs) faults.push(`${variant.uri}: no CODECS (RFC 8216, 4.3.4.2)`);
    if (!(variant.bandwidth > 0)) faults.push(`${variant.uri}: no BANDWIDTH`);
    for (const rendition of [...variant.audio, ...variant.subtitles]) if (rendition.uri) children.add(rendition.uri);
  }
  if (playlist.variants.length === 0) faults.push('names no variant');
  const summary = playlist.variants.map((variant) => `${variant.bandwidth} bit/s ${variant.codecs ?? ''}`).join(', ');
  return { kind: 'multivariant', summary, faults, children: [...children] };
}

function examineMedia(playlist) {
  const faults = [];
  const { targetDuration } = playlist;
  // Of a segment that is not whole only parts, and perhaps a hint, are listed.
  const segments = playlist.segments.filter((segment) => segment.uri);
  if (segments.length === 0) faults.push('names no segment');
  const uris = new Set();
  for (const segment of segments) {
    if (Math.round(segment.duration) > targetDuration) faults.push(`${segment.uri}: ${segment.duration} s is over the target duration of ${targetDuration} s (RFC 8216, 4.3.3.1)`);
    if (!(segment.duration > 0)) faults.push(`${segment.uri}: no duration`);
    if (/\.(m4s|mp4|cmfv|cmfa)(\?|$)/.test(segment.uri) && !segment.map) faults.push(`${segment.uri}: fMP4 without EXT-X-MAP (RFC 8216, 3.3)`);
    if (segment.uri && uris.has(segment.uri) && !segment.byterange) faults.push(`${segment.uri}: named twice`);
    uris.add(segment.uri);
  }
  faults.push(...dateFaults(segments), ...(playlist.partTargetDuration ? partFaults(playlist) : []));
  const total = segments.reduce((sum, segment) => sum + segment.duration, 0);
  const first = playlist.mediaSequenceBase ?? 0;
  return { kind: 'media', summary: `${segments.length} segments from ${first}, ${total.toFixed(3)} s${playlist.endlist ? ', ended' : ''}`, faults, children: [], playlist };
}

/** What rfc8216bis asks of parts, and the parser does not look at. */
function partFaults({ segments, partTargetDuration: target, lowLatencyCompatibility: control, endlist }) {
  const faults = [];
  if (!(control?.partHoldBack >= 2 * target)) faults.push('PART-HOLD-BACK is under two part targets (4.4.3.8)');
  const hints = segments.flatMap((segment) => segment.parts.filter((part) => part.hint));
  // None where nobody publishes: what comes next may need another map.
  if (hints.length > (endlist ? 0 : 1)) faults.push(`${hints.length} preload hints (4.4.5.3)`);
  for (const segment of segments) {
    const parts = segment.parts.filter((part) => !part.hint);
    const sum = parts.reduce((total, part) => total + part.duration, 0);
    parts.forEach((part, index) => {
      const last = Boolean(segment.uri) && index === parts.length - 1;
      if (part.duration > target) faults.push(`${part.uri}: ${part.duration} s is over the part target of ${target} s (4.4.4.9)`);
      if (part.duration < 0.85 * target && !last && !part.independent) faults.push(`${part.uri}: ${part.duration} s is under 85 % of the part target (4.4.4.9)`);
    });
    if (segment.uri && parts.length > 0 && Math.abs(sum - segment.duration) > 0.001) faults.push(`${segment.uri}: parts of ${sum.toFixed(6)} s make ${segment.duration} s`);
  }
  return faults;
}

/** Dates must run as the durations do. */
function dateFaults(segments) {
  const faults = [];
  let expected = null;
  for (const segment of segments) {
    if (segment.discontinuity) expected = null;
    const date = segment.programDateTime?.getTime();
    if (date !== undefined && expected !== null && Math.abs(date - expected) > 500) faults.push(`${segment.uri}: EXT-X-PROGRAM-DATE-TIME is ${((date - expected) / 1000).toFixed(3)} s off`);
    if (date !== undefined) expected = date;
    if (expected !== null) expected += segment.duration * 1000;
  }
  return faults;
}

/** Examines an address and all it leads to. */
export async function examineAll(address, seen = new Set()) {
  if (seen.has(address)) return [];
  seen.add(address);
  let found;
  try {
    found = examine(await load(address));
  } catch (error) {
    found = { kind: 'unreachable', summary: '', faults: [error.message], children: [] };
  }
  const { children, playlist: _, ...result } = found;
  const reports = [{ address, ...result }];
  for (const child of children) reports.push(...(await examineAll(relative(address, child), seen)));
  return reports;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
  if (positionals.length === 0) {
    console.error('usage: playlist.mjs URL|FILE… [--json]');
    process.exit(64);
  }
  let bad = 0;
  for (const address of positionals) {
    for (const report of await examineAll(address)) {
      bad += report.faults.length > 0 ? 1 : 0;
      if (values.json) console.log(JSON.stringify(report));
      else console.log([`${report.faults.length > 0 ? 'BAD' : 'ok '} ${report.address}  ${report.kind}  ${report.summary}`, ...report.faults.map((fault) => `    ${fault}`)].join('\n'));
    }
  }
  process.exit(bad > 0 ? 1 : 0);
}
