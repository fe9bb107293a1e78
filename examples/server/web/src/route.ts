// What the address says to show: `#/live/demo` is a live stream, `#recording=/recordings/….mp4` a recording.

import type { Target } from './player';

const RECORDING = '#recording=';

export function liveHash(path: string): string {
  return `#/${encoded(path)}`;
}

/** Where a stream's playlist is by rule, for an address opened before the list of streams is known. */
export function playlistUrl(path: string): string {
  return `/${encoded(path)}/index.m3u8`;
}

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

export function recordingHash(mp4: string): string {
  return RECORDING + encodeURIComponent(mp4);
}

/** The target an address names, `null` for the plain list. */
export function parseHash(hash: string): Target | null {
  try {
    if (hash.startsWith('#/')) {
      const path = hash.slice(2).replace(/\/+$/, '').split('/').map(decodeURIComponent).join('/');
      return path ? { kind: 'live', path } : null;
    }
    if (hash.startsWith(RECORDING)) {
      const url = new URL(decodeURIComponent(hash.slice(RECORDING.length)), location.origin);
      return url.origin === location.origin ? { kind: 'recording', mp4: url.pathname + url.search } : null;
    }
  } catch {
    // A malformed escape or address names nothing.
  }
  return null;
}
