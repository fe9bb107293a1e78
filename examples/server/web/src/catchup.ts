// Comes nearer to live after a stall or a slow start, by playing a little faster.

/** Quick enough to come back from a stall within seconds, slow enough not to be heard. */
const FASTER = 1.05;
/** Seconds behind the end of the playlist that are enough even where the server would allow less: a late part or two. */
const LEAST_S = 1;
/** Seconds of buffer below which nothing is played faster. */
const LEAST_BUFFER_S = 0.7;
/** Seconds off the aim that are left alone, so that the rate does not flicker. */
const SLACK_S = 0.1;
/** Further behind than this somebody has gone back on purpose. */
const FAR_S = 10;

export interface Place {
  /** Whether the stream goes on. */
  live: boolean;
  /** Seconds behind the end of the playlist. */
  latency: number;
  /** The least that the server and the stalls so far allow, in seconds. */
  target: number;
  /** Seconds that are buffered ahead. */
  buffer: number;
  /** The rate at present. */
  rate: number;
}

/** The rate to play at. hls.js has the same, but not while less than a second is buffered, which is more than is held here. */
export function catchUpRate({ live, latency, target, buffer, rate }: Place): number {
  // Somebody has chosen another.
  if (rate !== 1 && rate !== FASTER) return rate;
  if (!live) return 1;
  const behind = latency - Math.max(target, LEAST_S);
  if (behind > FAR_S || buffer < LEAST_BUFFER_S) return 1;
  return behind > (rate > 1 ? 0 : SLACK_S) ? FASTER : 1;
}

/** Seconds buffered from where `video` is. */
export function bufferAhead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime && video.currentTime < video.buffered.end(i)) return video.buffered.end(i) - video.currentTime;
  }
  return 0;
}
