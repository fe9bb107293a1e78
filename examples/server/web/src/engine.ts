// What turns a URL into moving pictures: hls.js over Media Source Extensions, the browser's own HLS, or a plain file.

import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData, type LoadPolicy } from 'hls.js';
import { bufferAhead, catchUpRate } from './catchup';
import { serverNow } from './clock';
import { MediaRate } from './rate';

/** Why playback stopped. `missing`: nothing at that address (yet); `network`: the way there broke. Both are worth another try. */
export type Fault = 'missing' | 'network' | 'media' | 'unsupported';

/** A fault in words for people. */
export const FAULT_TEXT: Record<Fault, string> = {
  missing: 'There is nothing at this address any more.',
  network: 'The connection was lost.',
  media: 'The picture or sound could not be decoded.',
  unsupported: 'This browser cannot play these codecs.',
};

/** One entry of the error log, which tests and curious people read. */
export interface PlaybackError { type: string; details: string; fatal: boolean }

export interface EngineEvents {
  fault(fault: Fault): void;
  log(error: PlaybackError): void;
}

export interface Engine {
  readonly kind: 'hls.js' | 'native' | 'file';
  /** Tries again after a `missing` or `network` fault, keeping what is buffered where that is possible. */
  retry(): void;
  /** Seconds behind the live edge, `null` where that has no meaning. */
  latency(): number | null;
  /** Seconds between the moment on show, by the stream's own dates, and the server's clock; `null` without dates. */
  wallLatency(): number | null;
  /** The latency aimed at, in seconds. */
  targetLatency(): number | null;
  /** Seconds to the end of a stream that has one, `null` while it goes on. */
  left(): number | null;
  /** Bit rate of the media that came last, sound and picture, in kbit/s; `null` where the player does not tell. */
  kbps(): number | null;
  jumpToEdge(): void;
  destroy(): void;
}

/** Opens a live HLS address in `video` by the best means this browser has. */
export function openLive(video: HTMLVideoElement, url: string, events: EngineEvents): Engine | null {
  if (Hls.isSupported()) return openHlsJs(video, url, events);
  if (video.canPlayType('application/vnd.apple.mpegurl')) return openNative(video, url, 'native', events);
  return null;
}

/** Opens a recording. */
export function openFile(video: HTMLVideoElement, url: string, events: EngineEvents): Engine {
  return openNative(video, url, 'file', events);
}

const MEDIA_RECOVERY_WINDOW_MS = 8000;

/** hls.js gives up where a connection is refused; a server that is started again is back within seconds, and its playlists go on. */
function patient(policy: LoadPolicy): LoadPolicy {
  const gone = (status: number) => status >= 400 && status < 500;
  return {
    default: {
      ...policy.default,
      errorRetry: {
        maxNumRetry: 10, retryDelayMs: 500, maxRetryDelayMs: 2000,
        shouldRetry: (retry, count, _isTimeout, response) => count < (retry?.maxNumRetry ?? 0) && !gone(response?.code ?? 0),
      },
    },
  };
}

function openHlsJs(video: HTMLVideoElement, url: string, events: EngineEvents): Engine {
  const hls = new Hls({
    enableWorker: false, // fMP4 passes through as it is: there is no transmuxing to move off this thread
    playlistLoadPolicy: patient(Hls.DefaultConfig.playlistLoadPolicy),
    fragLoadPolicy: patient(Hls.DefaultConfig.fragLoadPolicy),
    liveDurationInfinity: true,
    // The browser evicts what was played when it needs room. hls.js, told to, forgets the parts that it is loading, and playback stalls for a segment.
    backBufferLength: Infinity,
    lowLatencyMode: true,
  });
  const onTime = () => {
    const place = { live: hls.latestLevelDetails?.live ?? false, latency: hls.latency, target: hls.targetLatency ?? hls.latency };
    const rate = catchUpRate({ ...place, buffer: bufferAhead(video), rate: video.playbackRate });
    if (video.playbackRate !== rate) video.playbackRate = rate;
  };
  video.addEventListener('timeupdate', onTime);
  let manifestSeen = false;
  let lastRecovery = -Infinity;
  const rate = new MediaRate();
  hls.on(Events.MANIFEST_PARSED, () => (manifestSeen = true));
  hls.on(Events.FRAG_BUFFERED, (_event, { frag, part, stats }) => {
    if (frag.sn !== 'initSegment') rate.add(frag.type, stats.total, part?.duration ?? frag.duration);
  });
  hls.on(Events.ERROR, (_event, data) => {
    events.log({ type: data.type, details: data.details, fatal: data.fatal });
    if (!data.fatal) return;
    const fault = faultOf(data);
    const now = performance.now();
    if (fault === 'media' && now - lastRecovery > MEDIA_RECOVERY_WINDOW_MS) {
      lastRecovery = now;
      hls.recoverMediaError();
      return;
    }
    events.fault(fault);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    kind: 'hls.js',
    retry: () => (manifestSeen ? hls.startLoad() : hls.loadSource(url)),
    latency: () => (hls.latency > 0 ? hls.latency : null),
    wallLatency: () => (hls.playingDate ? (serverNow() - hls.playingDate.getTime()) / 1000 : null),
    targetLatency: () => hls.targetLatency,
    left: () => {
      const details = hls.latestLevelDetails;
      return details && !details.live ? details.edge - video.currentTime : null;
    },
    kbps: () => rate.kbps(),
    jumpToEdge: () => {
      if (hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
    },
    destroy: () => {
      video.removeEventListener('timeupdate', onTime);
      video.playbackRate = 1;
      hls.destroy();
    },
  };
}

function faultOf(data: ErrorData): Fault {
  switch (data.details) {
    case ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR:
    case ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR:
    case ErrorDetails.BUFFER_ADD_CODEC_ERROR:
      return 'unsupported';
    default:
  }
  if (data.type !== ErrorTypes.NETWORK_ERROR) return 'media';
  // 503: it has begun and has nothing to show yet, or nothing new; 410: what was asked for has slid out.
  return [404, 410, 503].includes(data.response?.code ?? 0) ? 'missing' : 'network';
}

function openNative(video: HTMLVideoElement, url: string, kind: 'native' | 'file', events: EngineEvents): Engine {
  const onError = () => {
    const code = video.error?.code ?? 0;
    events.log({ type: 'videoError', details: video.error?.message || `code ${code}`, fatal: true });
    if (code === MediaError.MEDIA_ERR_NETWORK) events.fault('network');
    else if (code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED) void explain();
    else events.fault('media');
  };
  // An element says the same of a missing file as of one it cannot decode; the server knows which it is.
  const explain = async () => {
    try {
      const response = await fetch(url, { method: 'HEAD', cache: 'no-store' });
      events.fault(response.status === 404 ? 'missing' : response.ok ? 'unsupported' : 'network');
    } catch {
      events.fault('network');
    }
  };
  const edge = () => (video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) : null);
  video.addEventListener('error', onError);
  video.src = url;
  return {
    kind,
    retry: () => {
      const at = video.currentTime;
      video.src = url;
      if (kind === 'file' && at > 0) video.currentTime = at;
    },
    latency: () => {
      const end = kind === 'native' ? edge() : null;
      return end === null ? null : Math.max(0, end - video.currentTime);
    },
    wallLatency: () => null,
    targetLatency: () => null,
    left: () => (Number.isFinite(video.duration) ? video.duration - video.currentTime : null),
    kbps: () => null,
    jumpToEdge: () => {
      const end = edge();
      if (end !== null) video.currentTime = end;
    },
    destroy: () => {
      video.removeEventListener('error', onError);
      video.removeAttribute('src');
      video.load();
    },
  };
}
