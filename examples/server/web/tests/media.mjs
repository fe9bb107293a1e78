// Real media for the mock server: HLS with demuxed audio in fMP4, and an MP4, made by ffmpeg from test sources.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes `index.m3u8`, `video.m3u8`, `audio.m3u8`, their segments and `film.mp4` in `folder`. */
export async function makeMedia(folder, { size = '320x180', seconds = 60 } = {}) {
  const encode = [
    '-v', 'error', '-y',
    '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30:duration=${seconds}`,
    '-f', 'lavfi', '-i', `sine=frequency=330:beep_factor=4:sample_rate=48000:duration=${seconds}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p',
    '-c:a', 'aac', '-b:a', '96k', '-ac', '2',
  ];
  const hls = [
    '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4',
    '-hls_fmp4_init_filename', 'init_%v.mp4', '-hls_segment_filename', join(folder, 'seg_%v_%d.m4s'),
    '-var_stream_map', 'v:0,agroup:aud,name:video a:0,agroup:aud,default:yes,name:audio',
    '-master_pl_name', 'index.m3u8', join(folder, '%v.m3u8'),
  ];
  await ffmpeg([...encode, ...hls]);
  const film = join(folder, 'film.mp4');
  await ffmpeg(['-v', 'error', '-y', '-i', join(folder, 'index.m3u8'), '-t', '10', '-c', 'copy', '-movflags', '+faststart', film]);
}

async function ffmpeg(args) {
  try {
    await run('ffmpeg', ['-nostdin', ...args]);
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('ffmpeg was not found: install it (apt-get install ffmpeg)');
    throw error;
  }
}

/**
 * Turns a finished media playlist into the live one as it stands `elapsedS` seconds after its start:
 * the last `window` segments that are whole by then, dated from `began` (ms since 1970). With `ended`, the end marker.
 */
export async function livePlaylist(file, elapsedS, { window = 6, ended = false, began = 0 } = {}) {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const map = lines.find((line) => line.startsWith('#EXT-X-MAP'));
  const target = lines.find((line) => line.startsWith('#EXT-X-TARGETDURATION'));
  const segments = [];
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('#EXTINF:')) segments.push({ seconds: Number.parseFloat(line.slice(8)), uri: lines[i + 1], start: 0 });
  }
  let end = 0;
  for (const segment of segments) {
    segment.start = end;
    end += segment.seconds;
  }
  const whole = segments.filter((segment) => segment.start + segment.seconds <= elapsedS + 0.1);
  const first = Math.max(0, whole.length - window);
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', target, `#EXT-X-MEDIA-SEQUENCE:${first}`, map];
  const body = whole.slice(first).flatMap((segment) => [
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(began + segment.start * 1000).toISOString()}`, `#EXTINF:${segment.seconds.toFixed(6)},`, segment.uri,
  ]);
  return [...head, ...body, ...(ended ? ['#EXT-X-ENDLIST'] : []), ''].join('\n');
}
