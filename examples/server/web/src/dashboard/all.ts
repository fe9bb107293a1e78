// What there is, asked for together: at most a hundred of each. What seldom changes by itself is asked for less often.

import { call, type Schemas } from '../client';
import { eventQuery } from './events';

/** Rounds between two looks at what only people change. */
const SELDOM = 5;
/** Applications whose targets are asked for. */
const MOST_APPS = 50;
const query = { limit: 100 };

let rounds = 0;
let seldom: Awaited<ReturnType<typeof fetchSeldom>> | null = null;

async function fetchSeldom(apps: readonly string[]) {
  const [signing, ...ofApps] = await Promise.all([
    call('get', '/api/v1/signing-keys', { query }),
    ...apps.slice(0, MOST_APPS).map((app) => call('get', '/api/v1/applications/{app}/simulcast-targets', { path: { app }, query })),
  ]);
  return { signing: signing.data, appTargets: ofApps.flatMap((one) => one.data) };
}

/** All of it again at the next round: something was changed. */
export function askForAll(): void {
  rounds = 0;
}

export async function fetchAll(apps: readonly string[]) {
  if (rounds % SELDOM === 0 || seldom === null) seldom = await fetchSeldom(apps);
  rounds += 1;
  const [live, streams, targets, assets, recordings, events, sessions, webhooks] = await Promise.all([
    call('get', '/api/v1/streams', { query }), call('get', '/api/v1/live-streams', { query }), call('get', '/api/v1/simulcast-targets', { query }),
    call('get', '/api/v1/assets', { query: { ...query, newest_first: true } }), call('get', '/api/v1/recordings', { query }),
    call('get', '/api/v1/events', { query: eventQuery() }), call('get', '/api/v1/sessions', { query }), call('get', '/api/v1/webhooks', {}),
  ]);
  return {
    ...seldom, live: live.data, streams: streams.data, targets: targets.data, assets: assets.data, recordings: recordings.data,
    events: events.data, moreEvents: Boolean(events.next_cursor), sessions: sessions.data, webhooks: webhooks.data,
  };
}

export type All = Awaited<ReturnType<typeof fetchAll>>;
export type Details = NonNullable<Schemas['Server']['details']>;
