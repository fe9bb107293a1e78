// The server's clock: the dates of a stream are by that, and this machine's may be minutes off.

const TIME_URL = '/api/v1/time';
const TRIES = 3;

let offsetMs = 0;

/** Milliseconds since 1970 by the server's clock, or by this machine's while that is not known. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Compares the clocks: the answer that came back soonest tells best. */
export async function meetClock(): Promise<void> {
  let quickest = Infinity;
  for (let i = 0; i < TRIES; i += 1) {
    const [asked, start] = [Date.now(), performance.now()];
    try {
      const response = await fetch(TIME_URL, { cache: 'no-store' });
      const there = response.ok ? Date.parse(await response.text()) : NaN;
      const took = performance.now() - start;
      if (Number.isNaN(there) || took >= quickest) continue;
      quickest = took;
      offsetMs = there - (asked + took / 2);
    } catch {
      return;
    }
  }
}
