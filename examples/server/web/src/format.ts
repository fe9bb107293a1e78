// Numbers and codes as people read them.

/** Seconds as `m:ss` or `h:mm:ss`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor(whole / 60) % 60;
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** Bytes in decimal units, three figures. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = Math.max(0, count);
  let unit = 0;
  // 999.5 and more would round to 1000.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${figures(value, unit === 0)} ${units[unit]}`;
}

/** A bit rate given in kbit/s. */
export function bitrate(kbps: number): string {
  return kbps >= 999.5 ? `${figures(kbps / 1000, false)} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}

function figures(value: number, whole: boolean): string {
  if (whole || value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2).replace(/\.?0+$/, '') || '0';
}

/** A length of time given in milliseconds, three figures: 0.4 ms, 12 ms, 1.25 s. */
export function shortTime(ms: number): string {
  return Math.abs(ms) >= 999.5 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toFixed(Math.abs(ms) < 9.95 ? 1 : 0))} ms`;
}

/** The same with its sign. */
export function skew(ms: number): string {
  const text = shortTime(Math.abs(ms));
  return text === '0 ms' ? text : `${ms < 0 ? '−' : '+'}${text}`;
}

/** Frames a second without needless decimals: 30, 29.97, 12.5. */
export function frameRate(fps: number): string {
  return `${Number(fps.toFixed(2))} fps`;
}

/** `48 kHz`, `44.1 kHz`. */
export function sampleRate(hz: number): string {
  return `${Number((hz / 1000).toFixed(3))} kHz`;
}

export function channels(count: number): string {
  return { 1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1' }[count] ?? `${count} channels`;
}

/** `1 viewer`, `2 viewers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const AVC_PROFILES: Record<string, string> = {
  '42': 'Baseline', '4d': 'Main', '58': 'Extended', '64': 'High', '6e': 'High 10', '7a': 'High 4:2:2', f4: 'High 4:4:4',
};
const AAC_TYPES: Record<string, string> = { '2': 'AAC', '5': 'HE-AAC', '29': 'HE-AAC v2', '34': 'MP3' };
const NAMES: Record<string, string> = {
  avc1: 'H.264', avc3: 'H.264', h264: 'H.264', hvc1: 'H.265', hev1: 'H.265', h265: 'H.265', hevc: 'H.265', vvc1: 'H.266', vvi1: 'H.266',
  av01: 'AV1', av1: 'AV1', vp08: 'VP8', vp8: 'VP8', vp09: 'VP9', vp9: 'VP9',
  mp4a: 'AAC', aac: 'AAC', opus: 'Opus', flac: 'FLAC', 'ac-3': 'AC-3', 'ec-3': 'E-AC-3', mp3: 'MP3', '.mp3': 'MP3',
};

/** A codec by the name people use, from an RFC 6381 string (`avc1.64001f`) or a plain one; what is unknown stays as it is. */
export function codec(value: string): string {
  const [head = '', detail = '', more = ''] = value.split('.');
  const name = NAMES[head.toLowerCase()] ?? NAMES[value.toLowerCase()];
  if (!name) return value;
  if (name === 'H.264' && /^[0-9a-f]{6}$/i.test(detail)) {
    const profile = AVC_PROFILES[detail.slice(0, 2).toLowerCase()];
    return profile ? `${name} ${profile}` : name;
  }
  if (head.toLowerCase() === 'mp4a' && detail === '40') return AAC_TYPES[more] ?? name;
  return name;
}

const timeOnly = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dateAndTime = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const withYear = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** A moment, as short as it stays clear: the time today (after `today`), the day this year, else with the year. */
export function moment(rfc3339: string, today = '', now = new Date()): string {
  const then = new Date(rfc3339);
  if (Number.isNaN(then.getTime())) return '';
  if (then.toDateString() === now.toDateString()) return today + timeOnly.format(then);
  return (then.getFullYear() === now.getFullYear() ? dateAndTime : withYear).format(then);
}
