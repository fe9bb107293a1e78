// Counters of the server that only ever grow, as what they grew by in the last minute.

const WINDOW_MS = 60_000;

export class Growth {
  private readonly seen = new Map<string, { at: number; count: number }[]>();

  /** Takes what `key` has come to, and says how much that is more than a minute ago, or than when this page first saw it. */
  of(key: string, count: number, now = performance.now()): number {
    const known = this.seen.get(key) ?? [];
    // A server that was started anew counts from zero.
    if (known.some((one) => one.count > count)) known.length = 0;
    known.push({ at: now, count });
    while (known[0] && known[0].at < now - WINDOW_MS) known.shift();
    this.seen.set(key, known);
    return count - (known[0]?.count ?? count);
  }

  /** Forgets those that are not among `keys`. */
  keep(keys: Iterable<string>): void {
    const wanted = new Set(keys);
    for (const key of this.seen.keys()) if (!wanted.has(key)) this.seen.delete(key);
  }
}
