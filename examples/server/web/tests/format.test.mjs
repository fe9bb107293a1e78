import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const format = await load('format.ts');

test('durations', () => {
  assert.deepEqual([0, 9.99, 61, 3599, 3600, 360_061, -5].map(format.duration), ['0:00', '0:09', '1:01', '59:59', '1:00:00', '100:01:01', '0:00']);
});

test('sizes and rates', () => {
  assert.deepEqual([0, 999, 1000, 1_820_000, 99_960_000, 999_600, 1e18].map(format.bytes), ['0 B', '999 B', '1 kB', '1.82 MB', '100 MB', '1 MB', '1000000 TB']);
  assert.deepEqual([0, 128.4, 999.6, 2480, 12_340].map(format.bitrate), ['0 kbit/s', '128 kbit/s', '1 Mbit/s', '2.48 Mbit/s', '12.3 Mbit/s']);
});

test('codecs', () => {
  const cases = { 'avc1.64001f': 'H.264 High', 'avc1.42c01f': 'H.264 Baseline', 'avc1.4D401F': 'H.264 Main', avc1: 'H.264', 'mp4a.40.2': 'AAC', 'mp4a.40.5': 'HE-AAC', 'mp4a.40.34': 'MP3', 'hvc1.1.6.L93.B0': 'H.265', 'av01.0.04M.08': 'AV1', opus: 'Opus', fLaC: 'FLAC', H264: 'H.264', 'x-new': 'x-new', '': '' };
  for (const [code, name] of Object.entries(cases)) assert.equal(format.codec(code), name);
});

test('figures of sound and picture', () => {
  assert.deepEqual([30, 29.97002997, 12.5].map(format.frameRate), ['30 fps', '29.97 fps', '12.5 fps']);
  assert.deepEqual([48_000, 44_100, 11_025].map(format.sampleRate), ['48 kHz', '44.1 kHz', '11.025 kHz']);
  assert.deepEqual([1, 2, 6, 3].map(format.channels), ['mono', 'stereo', '5.1', '3 channels']);
  assert.deepEqual([0, 1, 2].map((count) => format.plural(count, 'viewer')), ['0 viewers', '1 viewer', '2 viewers']);
});

test('moments', () => {
  const now = new Date(2025, 5, 15, 12, 0);
  const at = (...parts) => format.moment(new Date(...parts).toISOString(), 'Today, ', now);
  assert.match(at(2025, 5, 15, 9, 5), /^Today, \D*0?9\D05/);
  assert.doesNotMatch(at(2025, 5, 14, 9, 5), /2025|Today/);
  assert.match(at(2024, 5, 14, 9, 5), /2024/);
  assert.equal(format.moment('not a date'), '');
});

test('times and their signs', () => {
  assert.deepEqual([0, 0.04, 0.44, 9.96, 12.4, 999.4, 1250].map(format.shortTime), ['0 ms', '0 ms', '0.4 ms', '10 ms', '12 ms', '999 ms', '1.25 s']);
  assert.deepEqual([0, -0.04, 12.4, -12.4, -2000].map(format.skew), ['0 ms', '0 ms', '+12 ms', '−12 ms', '−2 s']);
});
