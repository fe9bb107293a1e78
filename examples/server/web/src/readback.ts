// Plots of the same minute side by side. Pointer and arrow keys read an earlier moment off all of them at once.

import { el, setText } from './dom';
import { plural } from './format';
import { SPAN_MS, type Plot } from './plot';

const STEP_MS = 1000;

export class PlotGroup {
  readonly root = el('dl', 'plots');
  readonly when = el('p', 'when');
  /** How long ago the moment is that is read off; `null` for now. */
  private ago: number | null = null;

  /** `about` says what the plots show; `redraw` draws them for the moment that `shown` gives. */
  constructor(plots: readonly Plot[], about: string, private readonly redraw: () => void) {
    this.root.append(...plots.map((plot) => plot.root));
    Object.assign(this.root, { tabIndex: 0, ariaLabel: `${about} in the last minute. Left and right arrow keys read earlier moments.` });
    this.when.setAttribute('aria-live', 'polite');
    this.root.addEventListener('keydown', (event) => this.onKey(event));
    this.root.addEventListener('blur', () => this.point(null));
    this.root.addEventListener('pointermove', (event) => this.onPointer(event));
    this.root.addEventListener('pointerleave', () => this.point(null));
  }

  /** The moment to read off, where the present is `now`; `null` for the present. */
  shown(now: number): number | null {
    setText(this.when, this.ago === null ? '' : `${plural(Math.round(this.ago / 1000), 'second')} ago`);
    return this.ago === null ? null : now - this.ago;
  }

  /** Goes back to the present. */
  clear(): void {
    this.ago = null;
  }

  private point(ago: number | null): void {
    if (ago === this.ago) return;
    this.ago = ago === null ? null : Math.min(SPAN_MS, Math.max(0, ago));
    this.redraw();
  }

  private onKey(event: KeyboardEvent): void {
    const ago = this.ago ?? 0;
    const wanted = { ArrowLeft: ago + STEP_MS, ArrowRight: ago <= STEP_MS ? null : ago - STEP_MS, Home: SPAN_MS, End: null }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    this.point(wanted);
  }

  private onPointer(event: PointerEvent): void {
    const svg = event.target instanceof Element ? event.target.closest('.plot')?.querySelector('svg') : null;
    const box = svg?.getBoundingClientRect();
    this.point(box && box.width > 0 ? (1 - (event.clientX - box.left) / box.width) * SPAN_MS : null);
  }
}
