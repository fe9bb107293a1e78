import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Mock, stream } from './mock.mjs';
import { examine } from './playlist.mjs';

let mock;
before(async () => {
  mock = await Mock.start({ seconds: 90 });
  mock.streams = [stream('demo')];
});
after(() => mock.stop());

function run(script, ...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], (error, stdout) => resolve({ status: error?.code ?? 0, stdout }));
  });
}

for (const where of ['#/live/demo', 'live/demo/index.m3u8']) {
  test(`play.mjs measures ${where}`, async () => {
    const { status, stdout } = await run('play.mjs', mock.url + where, '--seconds', '3');
    assert.equal(status, 0, stdout);
    const result = JSON.parse(stdout);
    assert.ok(result.played_s >= 3 && result.decoded_frames >= 60 && result.decoded_audio_bytes > 0, stdout);
    assert.ok(result.latency_s > 0 && result.wall_latency_s > 0 && result.buffered.length > 0, stdout);
    assert.deepEqual([result.width, result.height, result.engine], [320, 180, 'hls.js']);
    assert.deepEqual(result.errors.filter((error) => error.fatal), []);
  });
}

test('play.mjs fails when nothing plays', async () => {
  mock.missing = true;
  const { status, stdout } = await run('play.mjs', `${mock.url}live/demo/index.m3u8`, '--seconds', '1', '--deadline', '4');
  mock.restartStream();
  assert.equal(status, 1);
  assert.ok(JSON.parse(stdout).errors.some((error) => error.details === 'manifestLoadError'), stdout);
});

test('playlist.mjs follows a multivariant playlist and finds it good', async () => {
  const { status, stdout } = await run('playlist.mjs', `${mock.url}live/demo/index.m3u8`);
  assert.equal(status, 0, stdout);
  assert.equal(stdout.match(/^ok /gm).length, 3, stdout);
});

test('playlist.mjs finds planted faults', async () => {
  const media = (...lines) => `${['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:4', ...lines].join('\n')}\n`;
  const good = media('#EXT-X-MAP:URI="i.mp4"', '#EXTINF:2,', 'a.m4s', '#EXTINF:2,', 'b.m4s', '#EXTINF:2,', 'c.m4s');
  assert.deepEqual(examine(good).faults, []);
  const faulty = [
    [good.replace('EXTINF:2,\na', 'EXTINF:3,\na'), /target duration/],
    [good.replace('#EXT-X-MAP:URI="i.mp4"\n', ''), /EXT-X-MAP/],
    [good.replace('b.m4s', 'a.m4s'), /named twice/],
    [good.replace('#EXTM3U\n', ''), /#EXTM3U/],
    [good.replace('#EXTINF:2,\na', '#EXT-X-PROGRAM-DATE-TIME:2025-03-01T18:00:00Z\n#EXTINF:2,\na').replace('#EXTINF:2,\nb', '#EXT-X-PROGRAM-DATE-TIME:2025-03-01T18:00:05Z\n#EXTINF:2,\nb'), /DATE-TIME is 3\.000 s off/],
  ];
  for (const [text, wanted] of faulty) assert.match(examine(text).faults.join('\n'), wanted);
  assert.equal((await run('playlist.mjs', `${mock.url}live/demo/nothing.m3u8`)).status, 1);
});
