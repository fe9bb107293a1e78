// The dashboard: signs in, asks every two seconds, and shows what is live, what is there and what is wrong.

import { ApiError, call, setToken, type Schemas } from '../client';
import { byId, el, setText } from '../dom';
import { Poller } from '../poll';
import { hooksFailed } from './hooks';
import { showLive } from './live';
import { fetchAll, setUpForms, showAll, type All } from './manage';
import { after } from './rows';

const EVERY_MS = 2000;
const TOKEN = 'streamcore-token';

let token = sessionStorage.getItem(TOKEN);
setToken(token);

const poll = new Poller(async () => {
  const server = await call('get', '/api/v1/server', {});
  setText(byId('version'), server.version);
  show(server.manages);
  if (!server.manages) return;
  const [live, all, hooks] = await Promise.all([call('get', '/api/v1/streams', { query: { limit: 100 } }), fetchAll(), hooksFailed(token)]);
  const noAnswer = hooks > 0 ? [`Hooks gave no answer in the last minute: ${hooks}`] : [];
  showWrong([...noAnswer, ...wrong(server.details?.warnings ?? [], live.data, all)]);
  showAll(all, live.data);
  await showLive(live.data);
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

let isAway = false;

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

/** All that is wrong, in sentences. */
function wrong(warnings: readonly string[], live: readonly Schemas['StreamInfo'][], all: All): string[] {
  const targets = all.targets.filter((one) => one.status === 'errored' && !one.paused);
  const uploads = all.assets.filter((one) => one.upload.error !== null);
  return [
    ...live.flatMap((stream) => stream.problems.map((text) => `${stream.path}: ${text}`)),
    ...targets.map((one) => `${one.stream} is not pushed to ${one.url}: ${one.error ?? 'it cannot be reached'}`),
    // It takes something, and too little, or nothing any more.
    ...all.targets.filter((one) => one.status === 'broadcasting' && one.dropped > 0 && one.queued_bytes > 0)
      .map((one) => `${one.stream} is behind at ${one.url}: ${one.dropped} messages were left out`),
    ...uploads.map((one) => `The recording ${one.app}/${one.name} is not uploaded, after ${one.upload.failed_attempts} attempts: ${one.upload.error}`),
    ...all.webhooks.filter((one) => one.failed > 0).map((one) => `${one.failed} events were given up that ${one.url} did not take`),
    ...all.webhooks.filter((one) => one.pending > 20).map((one) => `${one.pending} events wait for ${one.url}`),
    ...warnings,
  ];
}

function showWrong(texts: string[]): void {
  const list = byId('wrongs');
  byId('wrong-none').hidden = texts.length > 0;
  if (list.dataset['shown'] === texts.join('\n')) return;
  list.dataset['shown'] = texts.join('\n');
  list.replaceChildren(...texts.map((text) => el('li', '', text)));
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId<HTMLInputElement>('token').value.trim();
  sessionStorage.setItem(TOKEN, token);
  setToken(token);
  away(null);
  poll.now();
});
after.change = () => poll.now();
setUpForms();
poll.now();
