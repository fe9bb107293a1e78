// The bit rate of media by what was fetched: bytes over seconds of play, so that bursts on the network do not show.

const SPAN_S = 4;

interface Piece { bytes: number; seconds: number }

export class MediaRate {
  private readonly tracks = new Map<string, Piece[]>();

  /** Counts a segment or part of a kind of track. */
  add(kind: string, bytes: number, seconds: number): void {
    if (!(bytes > 0) || !(seconds > 0)) return;
    const pieces = this.tracks.get(kind) ?? [];
    this.tracks.set(kind, pieces);
    pieces.push({ bytes, seconds });
    let held = pieces.reduce((sum, piece) => sum + piece.seconds, 0);
    while (pieces.length > 1 && pieces[0] && held - pieces[0].seconds >= SPAN_S) held -= pieces.shift()?.seconds ?? 0;
  }

  /** Kilobits a second of all tracks together, over the last seconds of each. */
  kbps(): number | null {
    if (this.tracks.size === 0) return null;
    let sum = 0;
    for (const pieces of this.tracks.values()) {
      const total = pieces.reduce((all, piece) => ({ bytes: all.bytes + piece.bytes, seconds: all.seconds + piece.seconds }));
      sum += (total.bytes * 8) / 1000 / total.seconds;
    }
    return sum;
  }
}
