// Follows a low-latency stream to its end by blocking reloads, and checks every playlist and every file on the way.
//
//   node tests/follow.mjs URL [--deadline SECONDS] [--keep FOLDER]
//
// URL is that of the multivariant playlist. With --keep each playlist is kept as a file, for other readers. Prints one line of JSON: what was seen, and what was wrong with it.
// Exit status: 0 followed to the end without a fault; 1 otherwise.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { examine } from './playlist.mjs';

const { values, positionals: [url] } = parseArgs({ allowPositionals: true, options: { deadline: { type: 'string', default: '120' }, keep: { type: 'string' } } });
if (!url) {
  console.error('usage: follow.mjs URL [--deadline SECONDS] [--keep FOLDER]');
  process.exit(64);
}
const deadline = AbortSignal.timeout(Number(values.deadline) * 1000);
const seen = { hints: 0, hints_in_vain: 0, unhinted: 0, playlists: 0, deltas: 0, parts: 0, segments: 0, late: 0, discontinuities: 0, maps: 0, ended: 0 };
const faults = [];

/** One media playlist: what it has said so far, and how the next version of it is asked for. */
class Follower {
  segments = new Map();
  files = new Map();
  constant = null;
  next = null;
  turn = 0;
  hints = new Map();
  vain = [];
  unhinted = null;

  constructor(address) {
    this.address = address;
    this.name = new URL(address).pathname.split('/').at(-1);
  }

  fault(text) {
    faults.push(`${this.name} #${this.turn}: ${text}`);
  }

  async run() {
    for (;;) {
      this.turn += 1;
      const skip = this.turn % 3 === 0;
      const response = await fetch(this.question(skip), { signal: deadline });
      if (response.status === 503) {
        seen.late += 1;
        continue;
      }
      if (response.status !== 200) return this.fault(`status ${response.status}`);
      const text = await response.text();
      seen.playlists += 1;
      if (values.keep) await writeFile(join(values.keep, `${String(this.turn).padStart(5, '0')}_${this.name}`), text);
      const { faults: found, playlist } = examine(text);
      found.forEach((fault) => this.fault(fault));
      if (!playlist) return this.fault(`unreadable:\n${text}`);
      if (playlist.skip > 0) seen.deltas += 1;
      if (playlist.skip > 0 && !skip) this.fault('a delta update that nobody asked for');
      this.learn(playlist, text);
      await this.fetchFiles(playlist);
      this.over = playlist.endlist;
      this.judgeHints(playlist);
      if (playlist.endlist) await Promise.all(this.hints.values());
      else this.followHint(playlist);
      if (playlist.endlist) {
        seen.ended += 1;
        return undefined;
      }
    }
  }

  question(skip) {
    const address = new URL(this.address);
    if (this.next) {
      address.searchParams.set('_HLS_msn', this.next.number);
      address.searchParams.set('_HLS_part', this.next.part);
      if (skip) address.searchParams.set('_HLS_skip', 'YES');
    }
    return address;
  }

  /** Compares with what was said before. */
  learn(playlist, text) {
    const constant = JSON.stringify([playlist.targetDuration, playlist.partTargetDuration]);
    this.constant ??= constant;
    if (this.constant !== constant) this.fault(`targets were ${this.constant} and are ${constant}`);
    const first = playlist.mediaSequenceBase + playlist.skip;
    const whole = playlist.segments.filter((segment) => segment.uri);
    whole.forEach((segment, index) => {
      const number = first + index;
      const said = [segment.uri, segment.duration, segment.map?.uri, Boolean(segment.discontinuity), segment.programDateTime?.getTime()].join(' ');
      const before = this.segments.get(number);
      if (before === undefined) {
        if (this.segments.size > 0 && !this.segments.has(number - 1)) this.fault(`segment ${number} comes after a hole`);
        if (segment.discontinuity) seen.discontinuities += 1;
        else if (number === this.unhinted) this.fault(`segment ${number} goes on, and none of its parts was hinted at`);
        this.segments.set(number, said);
      } else if (before !== said) {
        this.fault(`segment ${number} was "${before}" and is "${said}"`);
      }
    });
    const open = playlist.segments.find((segment) => !segment.uri);
    const asked = this.next;
    this.next = { number: first + whole.length, part: open?.parts.filter((part) => !part.hint).length ?? 0 };
    const grown = !asked || playlist.endlist || this.next.number > asked.number || (this.next.number === asked.number && this.next.part > asked.part);
    if (!grown) this.fault(`the answer to ${JSON.stringify(asked)} goes to ${JSON.stringify(this.next)} only:\n${text}`);
  }

  /** Fetches what is new: a segment has to be its parts. */
  async fetchFiles(playlist) {
    for (const segment of playlist.segments) {
      if (segment.map && !this.files.has(segment.map.uri)) {
        seen.maps += 1;
        await this.file(segment.map.uri);
      }
      const parts = segment.parts.filter((part) => !part.hint);
      for (const part of parts) {
        if (this.files.has(part.uri)) continue;
        seen.parts += 1;
        await this.file(part.uri);
      }
      if (!segment.uri || segment.gap || this.files.has(segment.uri)) continue;
      seen.segments += 1;
      const bytes = await this.file(segment.uri);
      const all = Buffer.concat(parts.map((part) => this.files.get(part.uri)));
      if (parts.length > 0 && !all.equals(bytes.subarray(24))) this.fault(`${segment.uri} is not its parts`);
    }
  }

  /** Asks for a part that is hinted at, as players do: it comes, or nothing more does. */
  followHint(playlist) {
    const hint = playlist.segments.at(-1)?.parts.find((part) => part.hint)?.uri;
    if (!hint) {
      seen.unhinted += 1;
      this.unhinted = this.next.number;
      if (this.next.part > 0) this.fault('no hint within a segment (4.4.5.3)');
    }
    if (!hint || this.hints.has(hint)) return;
    const ask = async () => {
      const { status } = await fetch(new URL(hint, this.address), { signal: deadline });
      // 503: nothing came for long.
      if (status === 200) seen.hints += 1;
      else seen.hints_in_vain += 1;
      if (status !== 200 && status !== 503 && !this.over) this.vain.push(hint);
    };
    this.hints.set(hint, ask());
  }

  /** A hinted part that does not come is the first of a segment that the playlist calls a gap. */
  judgeHints({ segments, endlist }) {
    for (const hint of this.vain.splice(0)) {
      const whole = segments.find((segment) => segment.uri && hint.startsWith(segment.uri.replace('.m4s', '_')));
      // The answer may be faster than the playlist.
      if (!whole && !endlist) this.vain.push(hint);
      else if (!endlist && !(whole.gap && hint.endsWith('_0.m4s'))) this.fault(`${hint} was hinted at: status 404`);
    }
  }

  async file(uri) {
    const response = await fetch(new URL(uri, this.address), { signal: deadline });
    if (response.status !== 200) this.fault(`${uri}: status ${response.status}`);
    if (!/immutable/.test(response.headers.get('cache-control') ?? '')) this.fault(`${uri}: not said to be immutable`);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (bytes.length === 0) this.fault(`${uri} is empty`);
    this.files.set(uri, bytes);
    return bytes;
  }
}

try {
  const { faults: found, children, kind } = examine(await (await fetch(url, { signal: deadline })).text());
  faults.push(...found);
  if (kind !== 'multivariant') faults.push(`${url} is ${kind}`);
  await Promise.all(children.map((child) => new Follower(new URL(child, url).href).run()));
} catch (error) {
  faults.push(`stopped: ${error.message}`);
}
console.log(JSON.stringify({ ...seen, faults }));
process.exit(faults.length > 0 ? 1 : 0);
