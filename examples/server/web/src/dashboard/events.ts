// What has happened, and who has been told; each event can be sent again.

import { call, type Schemas } from '../client';
import { byId, el, setText } from '../dom';
import { moment, plural } from '../format';
import { List, after, button, tag, what } from './rows';

type Event = Schemas['Event'];
type Delivery = Schemas['Delivery'];
type Webhook = Schemas['Webhook'];

const PAGE = 6;
const MORE = 24;
const MOST = 100;
let shown = PAGE;

/** What the filter asks for. */
export function eventQuery(): { limit: number; state?: Schemas['DeliveryState'] } {
  const state = byId<HTMLSelectElement>('event-state').value as Schemas['DeliveryState'] | '';
  return { limit: Math.min(MOST, shown), ...(state === '' ? {} : { state }) };
}

function delivery(one: Delivery): HTMLElement {
  const word = { pending: 'waits', delivered: 'delivered', failed: 'given up' }[one.state];
  return tag(one.count > 1 ? `${word}, ${plural(one.count, 'attempt')}` : word, one.state === 'failed' ? 'bad' : one.state === 'pending' ? 'warned' : '');
}

/** Why the last attempt came to nothing. */
function why(one: Delivery): string[] {
  const last = one.attempts.at(-1);
  if (one.state === 'delivered' || !last) return [];
  return [`${last.address}: ${last.error ?? `answered with status ${last.response_status_code}`}`];
}

const event = (one: Event): Node[] => {
  const type = one.type.replace(/^video\.(live_stream\.(?=simulcast_target))?/, '');
  const about = `${type} of ${one.object.id}, ${moment(one.created_at)}`;
  const data = el('details', 'data', el('summary', '', 'What it tells'), el('pre', '', JSON.stringify(one.data, null, 2)));
  return [
    what([el('span', 'name flat', type), ...one.deliveries.map(delivery)], `${new Date(one.created_at).toLocaleTimeString()} · ${one.object.id}`,
      ...one.deliveries.flatMap(why).map((text) => el('span', 'error', text))),
    el('div', 'buttons', one.deliveries.length > 0 ? button('Send again', about, () => call('post', '/api/v1/events/{id}/replay', { path: { id: one.id }, body: {} })) : null),
    data,
  ];
};

const webhook = (one: Webhook): Node[] => {
  const state = [one.pending > 0 ? `${plural(one.pending, 'event')} wait` : '', one.failed > 0 ? `${one.failed} given up` : ''].filter(Boolean).join(', ');
  return [el('span', 'dim', 'sent to '), el('span', '', one.url), el('span', 'dim', state ? `: ${state}` : ''), el('span', 'dim', one.types.length > 0 ? ` (${one.types.join(', ')})` : '')];
};

const list = new List('event-list', (one: Event) => one.id, event, 'events-none');
const receivers = new List('webhook-list', (one: Webhook) => one.id, webhook, undefined, 'receiver');

export function showEvents(events: readonly Event[], more: boolean, webhooks: readonly Webhook[]): void {
  list.show(events);
  receivers.show(webhooks);
  byId('event-more').hidden = !more || shown >= MOST;
  setText(byId('events-none'), byId<HTMLSelectElement>('event-state').value === '' ? 'Nothing has happened yet.' : 'No event stands so.');
  byId('webhooks-none').hidden = webhooks.length > 0;
}

/** What is wrong with those that events are sent to. */
export function wrongWebhooks(webhooks: readonly Webhook[]): string[] {
  return [
    ...webhooks.filter((one) => one.failed > 0).map((one) => `${plural(one.failed, 'event')} that ${one.url} did not take: given up`),
    ...webhooks.filter((one) => one.pending > 20).map((one) => `${one.pending} events wait for ${one.url}`),
  ];
}

export function setUpEvents(): void {
  byId('event-state').addEventListener('change', () => {
    shown = PAGE;
    after.change();
  });
  byId('event-more').addEventListener('click', () => {
    shown += MORE;
    after.change();
  });
}
