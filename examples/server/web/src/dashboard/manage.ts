// Live streams with their keys, targets, recordings and sessions: what is there, and what can be done with it.

import { call, type Schemas } from '../client';
import { byId, el, setText } from '../dom';
import { bytes, duration, moment } from '../format';
import { recordingHash } from '../route';
import { List, act, button, tag, what } from './rows';

type LiveStream = Schemas['LiveStream'];
type Target = Schemas['SimulcastTarget'];
type Asset = Schemas['Asset'];
type Session = Schemas['Session'];

/** Shows a new key, once. */
function showKey(key: string | undefined): void {
  if (!key) return;
  setText(byId('new-key-text'), key);
  byId('new-key').hidden = false;
  byId('new-key-copy').focus();
}

const liveStream = (stream: LiveStream): Node[] => {
  const path = { id: stream.id };
  const about = stream.passthrough || stream.id;
  const isOff = stream.status === 'disabled';
  const plays = stream.playback_ids.map((id) => `plays as ${stream.app}/${id.id}${id.policy === 'signed' ? ', signed' : ''}`).join('; ');
  const keys = stream.stream_keys.map((key) => {
    const which = { path: { id: stream.id, key_id: key.id } };
    const name = `key …${key.hint} of ${about}`;
    return el('li', '', el('code', '', `…${key.hint}`), tag(key.enabled ? 'enabled' : 'disabled', key.enabled ? '' : 'warned'),
      key.enabled
        ? button('Disable', name, () => call('put', '/api/v1/live-streams/{id}/stream-keys/{key_id}/disable', which))
        : button('Enable', name, () => call('put', '/api/v1/live-streams/{id}/stream-keys/{key_id}/enable', which)),
      button('Revoke', name, () => call('delete', '/api/v1/live-streams/{id}/stream-keys/{key_id}', which), 'Revoke it?'));
  });
  return [
    what([el('span', 'name flat', about), tag(stream.status, stream.status === 'active' ? 'rec' : isOff ? 'warned' : '')], plays),
    el('div', 'buttons',
      button('Add key', about, async () => showKey((await call('post', '/api/v1/live-streams/{id}/stream-keys', { path })).data.stream_key)),
      button('Rotate key', about, async () => showKey((await call('post', '/api/v1/live-streams/{id}/reset-stream-key', { path })).data.stream_key), 'End all other keys?'),
      isOff ? button('Enable', about, () => call('put', '/api/v1/live-streams/{id}/enable', { path })) : button('Disable', about, () => call('put', '/api/v1/live-streams/{id}/disable', { path })),
      button('Delete', about, () => call('delete', '/api/v1/live-streams/{id}', { path }), 'Delete it?')),
    el('ul', 'keys', ...keys),
  ];
};

const target = (one: Target): Node[] => {
  const path = { id: one.stream, target_id: one.id };
  const about = `${one.stream} to ${one.url}`;
  const kind = one.status === 'broadcasting' ? 'rec' : one.status === 'errored' ? 'bad' : '';
  const sent = one.bytes_out > 0 ? `${bytes(one.bytes_out)} sent` : '';
  const facts = [sent, one.dropped > 0 ? `${one.dropped} messages left out` : '', one.on_backup ? 'on its backup' : ''].filter(Boolean).join(' · ');
  return [
    what([el('span', 'name flat', one.stream), '→', el('span', '', one.url), tag(one.paused ? 'paused' : one.status, kind)].map((node) => (typeof node === 'string' ? document.createTextNode(node) : node)),
      facts, one.error ? el('span', 'error', one.error) : null),
    el('div', 'buttons',
      one.paused
        ? button('Resume', about, () => call('put', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}/resume', { path }))
        : button('Pause', about, () => call('put', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}/pause', { path })),
      button('Remove', about, () => call('delete', '/api/v1/live-streams/{id}/simulcast-targets/{target_id}', { path }), 'Remove it?')),
  ];
};

const asset = (one: Asset): Node[] => {
  const about = `${one.app}/${one.name} of ${moment(one.started)}`;
  const busy = one.state === 'uploading' || one.state === 'waiting';
  const part = busy && one.bytes > 0 ? Math.min(1, one.upload.sent / one.bytes) : 0;
  const progress = el('progress');
  progress.value = part;
  progress.setAttribute('aria-label', `Upload of ${about}`);
  const play = el('a', 'button', 'Play');
  play.href = `/${recordingHash(one.url)}`;
  play.setAttribute('aria-label', `Play: ${about}`);
  return [
    what([el('span', 'name flat', `${one.app}/${one.name}`), tag(one.state === 'ready' ? 'here' : one.state)],
      [moment(one.started), duration(one.duration_s), bytes(one.bytes)].filter(Boolean).join(' · '),
      busy ? el('span', '', progress, ` ${Math.floor(part * 100)} % uploaded`) : null,
      one.upload.error ? el('span', 'error', one.upload.error) : null),
    el('div', 'buttons', play, button('Delete', about, () => call('delete', '/api/v1/assets/{id}', { path: { id: one.id } }), 'Delete it?')),
  ];
};

const session = (one: Session): Node[] => {
  const about = `${one.role} ${one.address} of ${one.stream}`;
  return [
    what([el('span', 'name flat', one.stream), tag(one.role, one.role === 'publisher' ? 'rec' : ''), tag(one.protocol)],
      [one.address, one.agent, bytes(one.bytes), one.dropped > 0 ? `${one.dropped} left out` : ''].filter(Boolean).join(' · ')),
    el('div', 'buttons', button('Kick', about, () => call('delete', '/api/v1/sessions/{id}', { path: { id: one.id } }), 'End it?')),
  ];
};

const lists = {
  streams: new List('live-streams', (one: LiveStream) => one.id, liveStream),
  targets: new List('target-list', (one: Target) => one.id, target, 'targets-none'),
  assets: new List('asset-list', (one: Asset) => one.id, asset, 'assets-none'),
  sessions: new List('session-list', (one: Session) => one.id, session, 'sessions-none'),
};

/** What there is, at most a hundred of each. */
export async function fetchAll() {
  const query = { limit: 100 };
  const [streams, targets, assets, sessions, webhooks] = await Promise.all([
    call('get', '/api/v1/live-streams', { query }), call('get', '/api/v1/simulcast-targets', { query }), call('get', '/api/v1/assets', { query }),
    call('get', '/api/v1/sessions', { query }), call('get', '/api/v1/webhooks', {}),
  ]);
  return { streams: streams.data, targets: targets.data, assets: assets.data, sessions: sessions.data, webhooks: webhooks.data };
}

export type All = Awaited<ReturnType<typeof fetchAll>>;

export function showAll(all: All, live: readonly Schemas['StreamInfo'][]): void {
  lists.streams.show(all.streams);
  lists.targets.show(all.targets);
  lists.assets.show(all.assets);
  lists.sessions.show(all.sessions);
  setText(byId('session-count'), all.sessions.length > 0 ? String(all.sessions.length) : '');
  const select = byId<HTMLSelectElement>('target-stream');
  const options = new Map(all.streams.map((stream) => [stream.id, stream.passthrough || stream.id]));
  for (const stream of live) if (!stream.live_stream_id) options.set(stream.path, stream.path);
  const wanted = JSON.stringify([...options]);
  if (select.dataset['options'] !== wanted) {
    const { value } = select;
    select.dataset['options'] = wanted;
    select.replaceChildren(...[...options].map(([id, name]) => new Option(name, id, false, id === value)));
  }
}

/** The forms of the page. */
export function setUpForms(): void {
  const value = (id: string): string => byId<HTMLInputElement>(id).value.trim();
  byId('create').addEventListener('submit', (event) => {
    event.preventDefault();
    const policy = value('create-policy') === 'signed' ? 'signed' as const : 'public' as const;
    const note = value('create-note');
    void act('The stream is there.', async () => {
      const body = { playback_policies: [policy], ...(note ? { passthrough: note } : {}) };
      showKey((await call('post', '/api/v1/live-streams', { body })).data.stream_key);
      byId<HTMLFormElement>('create').reset();
    });
  });
  byId('add-target').addEventListener('submit', (event) => {
    event.preventDefault();
    const key = value('target-key');
    const body = { url: value('target-url'), ...(key ? { stream_key: key } : {}) };
    void act('The target is there.', async () => {
      await call('post', '/api/v1/live-streams/{id}/simulcast-targets', { path: { id: value('target-stream') }, body });
      byId<HTMLFormElement>('add-target').reset();
    });
  });
  byId('new-key-copy').addEventListener('click', () => void act('Copied.', () => navigator.clipboard.writeText(byId('new-key-text').textContent ?? '')));
  byId('new-key-done').addEventListener('click', () => {
    byId('new-key').hidden = true;
    setText(byId('new-key-text'), '');
    byId('create-note').focus();
  });
}
