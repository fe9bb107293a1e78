// A small plot of one figure over the last minute: a line or bars from zero up, or both ways, with a text that says the same.

import { el, setText, svgEl } from './dom';

/** Time that a plot shows. */
export const SPAN_MS = 60_000;

const WIDTH = 120;
const HEIGHT = 36;
const TOP = 3;

/** A figure at a time of `performance.now()`; `null` where there was none. */
export interface Sample { at: number; value: number | null; stalled: boolean }

export interface Form {
  label: string;
  /** A value with its unit. */
  text(value: number): string;
  kind: 'line' | 'bars';
  /** The scale ends here or higher. */
  least: number;
  /** Zero is in the middle: there are values below. */
  signed?: boolean;
}

export class Plot {
  readonly root: HTMLElement;
  private readonly value = el('span', 'value');
  private readonly scale = el('span', 'scale');
  private readonly svg = svgEl('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
  private readonly stalls = svgEl('path', { class: 'stalls' });
  private readonly area = svgEl('path', { class: 'area' });
  private readonly zero = svgEl('path', { class: 'zero' });
  private readonly line = svgEl('path', { class: 'line' });
  private readonly cursor = svgEl('path', { class: 'cursor' });
  private samples: Sample[] = [];

  constructor(private readonly form: Form) {
    this.scale.setAttribute('aria-hidden', 'true');
    this.svg.append(this.stalls, this.area, this.zero, this.line, this.cursor);
    this.root = el('div', `plot ${form.kind}`, el('dt', '', form.label), el('dd', '', this.value, this.scale));
    this.root.querySelector('dd')?.append(this.svg);
  }

  /** Forgets everything. */
  clear(): void {
    this.samples = [];
  }

  add(sample: Sample): void {
    this.samples.push(sample);
    while (this.samples[0] && this.samples[0].at < sample.at - SPAN_MS) this.samples.shift();
  }

  /** Draws up to `now`; `said` is the text of the present value, `shown` the moment to read off in its place. */
  draw(now: number, said: string, shown: number | null): void {
    const known = this.samples.flatMap((sample) => (sample.value === null ? [] : [sample.value]));
    this.root.hidden = known.length === 0;
    const { signed = false } = this.form;
    const top = ceiling(Math.max(this.form.least, ...known.map(Math.abs)));
    const base = signed ? (HEIGHT + TOP) / 2 : HEIGHT;
    const x = (at: number) => ((1 - (now - at) / SPAN_MS) * WIDTH).toFixed(2);
    const y = (value: number) => (base - (value / top) * (base - TOP)).toFixed(2);
    const runs = this.form.kind === 'line' ? this.runs() : [];
    this.line.setAttribute('d', this.form.kind === 'line'
      ? runs.map((run) => `M${run.map((s) => `${x(s.at)} ${y(s.value ?? 0)}`).join('L')}`).join('')
      : this.samples.map((s) => (s.value ? `M${x(s.at)} ${HEIGHT}V${y(s.value)}` : '')).join(''));
    this.area.setAttribute('d', runs.map((run) => `M${x(run[0]?.at ?? now)} ${base}L${run.map((s) => `${x(s.at)} ${y(s.value ?? 0)}`).join('L')}L${x(run.at(-1)?.at ?? now)} ${base}Z`).join(''));
    this.stalls.setAttribute('d', this.samples.map((s) => (s.stalled ? `M${x(s.at)} 0V${HEIGHT}` : '')).join(''));
    this.cursor.setAttribute('d', shown === null ? '' : `M${x(shown)} 0V${HEIGHT}`);
    this.zero.setAttribute('d', signed ? `M0 ${base}H${WIDTH}` : '');
    setText(this.scale, signed ? `±${this.form.text(top).replace(/^\+/, '')}` : this.form.text(top));
    const read = shown === null ? null : this.nearest(shown);
    setText(this.value, read === null ? said : this.form.text(read));
    this.svg.setAttribute('aria-label', this.summary(known, said));
  }

  /** What the picture shows, in words. */
  private summary(known: number[], said: string): string {
    if (known.length === 0) return '';
    const { text, kind, label } = this.form;
    const stalled = this.samples.some((sample) => sample.stalled) ? ', with stalls' : '';
    if (kind === 'bars') return `${label} in the last minute: ${known.reduce((sum, value) => sum + value, 0)}${stalled}`;
    return `${label} in the last minute: ${text(Math.min(...known))} to ${text(Math.max(...known))}, now ${said}${stalled}`;
  }

  /** Stretches without a hole. */
  private runs(): Sample[][] {
    const runs: Sample[][] = [[]];
    for (const sample of this.samples) {
      if (sample.value === null) runs.push([]);
      else runs.at(-1)?.push(sample);
    }
    return runs.filter((run) => run.length > 1);
  }

  private nearest(at: number): number | null {
    let best: Sample | null = null;
    for (const sample of this.samples) {
      if (sample.value !== null && (best === null || Math.abs(sample.at - at) < Math.abs(best.at - at))) best = sample;
    }
    return best?.value ?? null;
  }
}

/** The next of 1, 2, 3, 5, 7, 10 times a power of ten. */
export function ceiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 5, 7, 10].find((step) => step * power >= value * 0.999) ?? 10) * power;
}
