// Live streams with their keys and playback ids, and the keys that sign addresses.

import { call, type Schemas } from '../client';
import { byId, el } from '../dom';
import { moment } from '../format';
import { Reveal } from './reveal';
import { List, act, button, mini, tag, what } from './rows';

type LiveStream = Schemas['LiveStream'];
type SigningKey = Schemas['SigningKey'];
type Algorithm = Schemas['Algorithm'];

let newKey: Reveal;
let newSecret: Reveal;

const keyRow = (stream: LiveStream, about: string) => (key: Schemas['StreamKey']): HTMLElement => {
  const which = { path: { id: stream.id, key_id: key.id } };
  const name = `key …${key.hint} of ${about}`;
  return el('li', '', el('code', '', `…${key.hint}`), key.enabled ? null : tag('disabled', 'warned'),
    el('span', 'minis',
      key.enabled
        ? mini('Disable', name, () => call('put', '/api/v1/live-streams/{id}/stream-keys/{key_id}/disable', which))
        : mini('Enable', name, () => call('put', '/api/v1/live-streams/{id}/stream-keys/{key_id}/enable', which)),
      mini('Revoke', name, () => call('delete', '/api/v1/live-streams/{id}/stream-keys/{key_id}', which), 'Revoke it?')));
};

const playRow = (stream: LiveStream, about: string) => (one: Schemas['PlaybackId']): HTMLElement => {
  const path = `${stream.app}/${one.id}`;
  const name = `playback id ${one.id} of ${about}`;
  return el('li', '', el('code', '', path), one.policy === 'signed' ? tag('signed') : null,
    el('span', 'minis',
      mini('Copy address', name, () => navigator.clipboard.writeText(`${location.origin}/${path.split('/').map(encodeURIComponent).join('/')}/index.m3u8`)),
      mini('Remove', name, () => call('delete', '/api/v1/live-streams/{id}/playback-ids/{playback_id}', { path: { id: stream.id, playback_id: one.id } }), 'Remove it?')));
};

const liveStream = (stream: LiveStream): Node[] => {
  const path = { id: stream.id };
  const about = stream.passthrough || stream.id;
  const isOff = stream.status === 'disabled';
  const addId = (policy: Schemas['Policy']) => () => call('post', '/api/v1/live-streams/{id}/playback-ids', { path, body: { policy } });
  const show = (made: { data: LiveStream }): void => newKey.show(`The stream key of ${about}`, made.data.stream_key);
  return [
    what([el('span', 'name flat', about), tag(stream.status, stream.status === 'active' ? 'rec' : isOff ? 'warned' : '')], stream.passthrough ? stream.id : ''),
    el('div', 'buttons',
      stream.status === 'active' ? button('End', about, () => call('put', '/api/v1/live-streams/{id}/complete', { path }), 'End it now?') : null,
      isOff ? button('Enable', about, () => call('put', '/api/v1/live-streams/{id}/enable', { path })) : button('Disable', about, () => call('put', '/api/v1/live-streams/{id}/disable', { path })),
      button('Delete', about, () => call('delete', '/api/v1/live-streams/{id}', { path }), 'Delete it?')),
    el('div', 'halves',
      el('div', '', el('p', 'sub', 'Publish with key'), el('ul', '', ...stream.stream_keys.map(keyRow(stream, about))),
        el('p', 'minis',
          mini('Add key', about, async () => show(await call('post', '/api/v1/live-streams/{id}/stream-keys', { path }))),
          mini('Rotate key', about, async () => show(await call('post', '/api/v1/live-streams/{id}/reset-stream-key', { path })), 'End all other keys?'))),
      el('div', '', el('p', 'sub', 'Plays as'), el('ul', '', ...stream.playback_ids.map(playRow(stream, about))),
        el('p', 'minis', mini('Add public id', about, addId('public')), mini('Add signed id', about, addId('signed'))))),
  ];
};

const signingKey = (key: SigningKey): Node[] => [
  what([el('span', 'name flat', key.id), tag(key.algorithm)], `since ${moment(new Date(key.created_at * 1000).toISOString())}`),
  el('div', 'buttons', button('Remove', `signing key ${key.id}`, () => call('delete', '/api/v1/signing-keys/{id}', { path: { id: key.id } }), 'End what it signed?')),
];

const streams = new List('live-streams', (one: LiveStream) => one.id, liveStream, 'streams-none');
const signing = new List('signing-list', (one: SigningKey) => one.id, signingKey, 'signing-none');

export function showStreams(all: readonly LiveStream[]): void {
  streams.show(all);
}

export function showSigningKeys(all: readonly SigningKey[]): void {
  signing.show(all);
}

/** The forms that make streams and signing keys. */
export function setUpStreams(): void {
  newKey = new Reveal('new-key', 'create-note');
  newSecret = new Reveal('new-secret', 'sign-with');
  const value = (id: string): string => byId<HTMLInputElement>(id).value.trim();
  byId('create').addEventListener('submit', (event) => {
    event.preventDefault();
    const policy = value('create-policy') === 'signed' ? 'signed' as const : 'public' as const;
    const [note, app] = [value('create-note'), value('create-app')];
    void act('The stream is there.', async () => {
      const body = { playback_policies: [policy], ...(note ? { passthrough: note } : {}), ...(app ? { app } : {}) };
      const { data } = await call('post', '/api/v1/live-streams', { body });
      newKey.show(`The stream key of ${data.passthrough || data.id}`, data.stream_key);
      byId<HTMLFormElement>('create').reset();
    });
  });
  const algorithm = byId<HTMLSelectElement>('sign-with');
  const publicKey = byId<HTMLTextAreaElement>('public-key');
  const choose = (): void => {
    publicKey.required = algorithm.value !== 'HMAC';
    byId('public-key-label').hidden = !publicKey.required;
  };
  algorithm.addEventListener('change', choose);
  choose();
  byId('sign').addEventListener('submit', (event) => {
    event.preventDefault();
    const body = { algorithm: algorithm.value as Algorithm, ...(publicKey.required ? { public_key: publicKey.value } : {}) };
    void act('The signing key is there.', async () => {
      const { data } = await call('post', '/api/v1/signing-keys', { body });
      newSecret.show(`The secret of ${data.id}`, data.secret);
      byId<HTMLFormElement>('sign').reset();
      choose();
    });
  });
}
