// Reads an MPD with mpd-parser and prints one line of JSON: its type, and the segments of each playlist as they are resolved.
//
//   node tests/mpd.mjs URL|FILE
//
// Exit status: 0 it was read; 1 it was not; 64 wrong usage.

import { readFile } from 'node:fs/promises';
import { parse } from 'mpd-parser';

const [address] = process.argv.slice(2);
if (!address) {
  console.error('usage: mpd.mjs URL|FILE');
  process.exit(64);
}
const remote = /^https?:/.test(address);
const text = remote ? await (await fetch(address)).text() : await readFile(address, 'utf8');
const manifestUri = remote ? address : 'http://mpd.test/folder/index.mpd';
const warnings = [];
const manifest = parse(text, { manifestUri, eventHandler: ({ type, message }) => warnings.push(`${type}: ${message}`) });
const list = (playlist) => ({
  codecs: playlist.attributes.CODECS,
  bandwidth: playlist.attributes.BANDWIDTH ?? null,
  resolution: playlist.attributes.RESOLUTION ?? null,
  discontinuities: playlist.discontinuityStarts ?? [],
  ended: playlist.endList,
  segments: playlist.segments.map(({ number, duration, presentationTime, resolvedUri, map }) => ({ number, duration, start: presentationTime, uri: resolvedUri, init: map.resolvedUri })),
});
const sounds = Object.values(manifest.mediaGroups.AUDIO.audio ?? {}).flatMap((group) => group.playlists);
console.log(JSON.stringify({
  ended: manifest.endList, duration: manifest.duration, periods: manifest.timelineStarts, update: manifest.minimumUpdatePeriod ?? null,
  video: manifest.playlists.map(list), audio: sounds.map(list), warnings,
}));
