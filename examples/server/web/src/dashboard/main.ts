// The dashboard: signs in, asks every two seconds, and shows what is live, what is there and what is wrong.

import { ApiError, call, setToken } from '../client';
import { byId, setText } from '../dom';
import { Poller } from '../poll';
import { askForAll, fetchAll, type All, type Details } from './all';
import { showAssets } from './assets';
import { setUpEvents, showEvents } from './events';
import { showLive } from './live';
import { after } from './rows';
import { showSessions } from './sessions';
import { setUpStreams, showSigningKeys, showStreams } from './streams';
import { setUpTargets, showTargets, watchTargets, type Choice } from './targets';
import { showWrong } from './wrong';

const EVERY_MS = 2000;
const TOKEN = 'streamcore-token';

let token = sessionStorage.getItem(TOKEN);
let isAway = false;
setToken(token);

const poll = new Poller(async () => {
  const server = await call('get', '/api/v1/server', {});
  setText(byId('version'), server.version);
  show(server.manages);
  if (!server.manages || !server.details) return;
  const all = await fetchAll(server.details.applications);
  showAll(all, server.details);
  await showLive(all.live);
  if (isAway) away(null);
}, () => EVERY_MS, (error) => {
  if (error instanceof ApiError && error.status === 401) {
    if (token !== null) away('The token is not valid.');
    sessionStorage.removeItem(TOKEN);
    setToken(token = null);
    show(false);
    return;
  }
  isAway = true;
  away(error instanceof ApiError ? error.message : 'Something went wrong in this page.');
});

function showAll(all: All, details: Details): void {
  watchTargets(all.targets, details.limits.player_queue_bytes);
  showWrong(all, details);
  showStreams(all.streams);
  showSigningKeys(all.signing);
  showTargets(all.targets, all.appTargets, publishers(all), details.applications);
  showAssets(all.assets);
  showEvents(all.events, all.moreEvents, all.webhooks);
  showSessions(all.sessions);
}

/** Streams that a target may be added to: those that were made, and those that are live without. */
function publishers(all: All): Choice[] {
  const made = all.streams.map((stream) => ({ value: stream.id, text: stream.passthrough || stream.id }));
  return [...made, ...all.live.filter((stream) => !stream.live_stream_id).map((stream) => ({ value: stream.path, text: stream.path }))];
}

function away(text: string | null): void {
  isAway &&= text !== null;
  byId('away').hidden = text === null;
  setText(byId('away-what'), text ?? '');
}

/** The board, or the form that asks for the token. */
function show(manages: boolean): void {
  byId('board').hidden = !manages;
  byId('login').hidden = manages;
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId<HTMLInputElement>('token').value.trim();
  sessionStorage.setItem(TOKEN, token);
  setToken(token);
  away(null);
  poll.now();
});
after.change = () => {
  askForAll();
  poll.now();
};
setUpStreams();
setUpTargets();
setUpEvents();
poll.now();
