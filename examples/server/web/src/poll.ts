// Asking again and again, with manners: not while hidden, and ever more slowly while it fails.

const SLOWEST_MS = 15_000;

export class Poller {
  private timer = 0;
  private failures = 0;
  private running = false;
  private again = false;
  /** When the next try is due, on the `performance.now()` clock; `null` while one is under way or none is planned. */
  nextAt: number | null = null;

  /** `task` asks once and rejects when that fails; `interval` says how long to wait after a success, in ms. */
  constructor(private readonly task: () => Promise<void>, private readonly interval: () => number, private readonly onFailure: (error: unknown) => void) {
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.pause();
      else this.now();
    });
  }

  /** Asks at once, or once more as soon as the request under way has ended. */
  now(): void {
    this.pause();
    if (this.running) this.again = true;
    else void this.run();
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.nextAt = null;
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      await this.task();
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      this.onFailure(error);
    } finally {
      this.running = false;
    }
    if (this.again) {
      this.again = false;
      void this.run();
    } else if (!document.hidden) {
      const delay = Math.min(SLOWEST_MS, this.interval() * 2 ** Math.max(0, this.failures - 1));
      this.nextAt = performance.now() + delay;
      this.timer = window.setTimeout(() => void this.run(), delay);
    }
  }
}
