// Simulcast targets: of one stream, and of all streams of an application with what each comes to.

import { call, type Schemas } from '../client';
import { byId, el } from '../dom';
import { bytes, plural } from '../format';
import { Growth } from './growth';
import { List, act, button, tag, what } from './rows';

type Target = Schemas['SimulcastTarget'];
type AppTarget = Schemas['AppTarget'];

const dropped = new Growth();
/** Targets that took too little in the last minute, and how many messages were left out for them. */
let slow = new Map<string, number>();

/** Looks at how many messages were left out; `queue` is how many bytes may wait for a target. */
export function watchTargets(targets: readonly Target[], queue: number): void {
  dropped.keep(targets.map((one) => one.id));
  const grown = targets.map((one): [Target, number] => [one, dropped.of(one.id, one.dropped)]);
  slow = new Map(grown.filter(([one, left]) => one.status === 'broadcasting' && (left > 0 || one.queued_bytes > (one.dropped > 0 ? 0 : queue / 2))).map(([one, left]) => [one.id, left]));
}

/** What is wrong with targets, in sentences. */
export function wrongTargets(targets: readonly Target[]): string[] {
  return targets.filter((one) => !one.paused).flatMap((one) => {
    if (one.status === 'errored') {
      const then = one.error_severity === 'fatal' ? ', and that is not tried again before the next start' : '';
      return [`${one.stream} is not pushed to ${one.url}: ${one.error ?? 'it cannot be reached'}${then}`];
    }
    const left = slow.get(one.id);
    if (left === undefined) return [];
    const waits = one.queued_bytes > 0 ? `, ${bytes(one.queued_bytes)} wait` : '';
    return [`${one.url} takes less of ${one.stream} than it is sent: ${plural(left || one.dropped, 'message')} left out${left > 0 ? ' in the last minute' : ''}${waits}`];
  });
}

function state(one: Target): HTMLElement {
  if (one.paused) return tag('paused');
  if (slow.has(one.id)) return tag('too slow', 'warned');
  return tag(one.status, one.status === 'broadcasting' ? 'rec' : one.status === 'errored' ? 'bad' : '');
}

function facts(one: Target): string {
  return [
    one.bytes_out > 0 ? `${bytes(one.bytes_out)} sent` : '',
    one.queued_bytes > 100_000 ? `${bytes(one.queued_bytes)} wait` : '',
    one.dropped > 0 ? `${plural(one.dropped, 'message')} left out` : '',
    one.on_backup ? 'on its backup' : '',
    one.retry_at ? `tried again at ${new Date(one.retry_at).toLocaleTimeString()}` : '',
    one.origin === 'configuration' ? 'by the configuration' : one.origin === 'hook' ? 'by a hook' : '',
  ].filter(Boolean).join(' · ');
}

const error = (one: Target): Node | null => (one.error ? el('span', 'error', one.error) : null);

const target = (one: Target): Node[] => {
  const path = { id: one.stream, target_id: one.id };
  const about = `${one.stream} to ${one.url}`;
  return [
    what([el('span', 'name flat', one.stream), el('span', 'arrow', '→'), el('span', '', one.url), state(one)], facts(one), error(one)),
    el('div', 'buttons',
      one.paused
        ? button('Resume', about, () => call('put', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}/resume', { path }))
        : button('Pause', about, () => call('put', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}/pause', { path })),
      // What the configuration names is taken away there.
      one.origin === 'configuration' ? null : button('Remove', about, () => call('delete', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}', { path }), 'Remove it?')),
  ];
};

const appTarget = (one: AppTarget): Node[] => {
  const path = { app: one.app, target_id: one.id };
  const about = `all of ${one.app} to ${one.url}`;
  return [
    what([el('span', 'name flat', `all of ${one.app}`), el('span', 'arrow', '→'), el('span', '', one.url), one.paused ? tag('paused') : null],
      one.targets.length === 0 ? 'none of its streams has been live' : ''),
    el('div', 'buttons',
      one.paused
        ? button('Resume', about, () => call('put', '/api/v1/applications/{app}/simulcast-targets/{target_id}/resume', { path }))
        : button('Pause', about, () => call('put', '/api/v1/applications/{app}/simulcast-targets/{target_id}/pause', { path })),
      button('Remove', about, () => call('delete', '/api/v1/applications/{app}/simulcast-targets/{target_id}', { path }), 'Remove it?')),
    ...(one.targets.length === 0 ? [] : [el('ul', 'below', ...one.targets.map((each) => el('li', '', el('span', '', each.stream), state(each), el('span', 'dim', facts(each)), error(each))))]),
  ];
};

const ofStreams = new List('target-list', (one: Target) => one.id, target);
const ofApps = new List('app-target-list', (one: AppTarget) => one.id, appTarget);

export interface Choice { value: string; text: string }

export function showTargets(targets: readonly Target[], apps: readonly AppTarget[], streams: readonly Choice[], names: readonly string[]): void {
  byId('targets-none').hidden = targets.length + apps.length > 0;
  // Those of an application are shown with it.
  ofStreams.show(targets.filter((one) => !one.application_target_id));
  ofApps.show(apps);
  const options = [...streams, ...names.map((name) => ({ value: `app:${name}`, text: `all of ${name}` }))];
  const select = byId<HTMLSelectElement>('target-stream');
  const wanted = JSON.stringify(options);
  if (select.dataset['options'] === wanted) return;
  const { value } = select;
  select.dataset['options'] = wanted;
  select.replaceChildren(...options.map((one) => new Option(one.text, one.value, false, one.value === value)));
}

/** The form that adds one. */
export function setUpTargets(): void {
  const value = (id: string): string => byId<HTMLInputElement>(id).value.trim();
  byId('add-target').addEventListener('submit', (event) => {
    event.preventDefault();
    const key = value('target-key');
    const body = { url: value('target-url'), ...(key ? { stream_key: key } : {}) };
    const of = value('target-stream');
    void act('The target is there.', async () => {
      if (of.startsWith('app:')) await call('post', '/api/v1/applications/{app}/simulcast-targets', { path: { app: of.slice(4) }, body });
      else await call('post', '/api/v1/live-streams/{id}/simulcast-targets', { path: { id: of }, body });
      byId<HTMLFormElement>('add-target').reset();
    });
  });
}

