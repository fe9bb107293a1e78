// Recordings with their first picture, and how far their uploads are.

import { call, download, type Schemas } from '../client';
import { el } from '../dom';
import { bytes, duration, moment, plural } from '../format';
import { recordingHash } from '../route';
import { List, button, tag, what } from './rows';

type Asset = Schemas['Asset'];

/** Pictures are asked for once: the API wants its token for them, so that an address alone is not enough. */
const posters = new Map<string, HTMLImageElement>();

function poster(one: Asset): HTMLElement {
  const known = posters.get(one.id);
  if (known) return known;
  if (!one.poster_url) return el('span', 'poster');
  const image = el('img', 'poster');
  image.alt = '';
  posters.set(one.id, image);
  void download(one.poster_url).then((picture) => { image.src = URL.createObjectURL(picture); }, () => posters.delete(one.id));
  return image;
}

const STATES: Record<Asset['state'], string> = { ready: 'here', waiting: 'to be uploaded', uploading: 'uploading', uploaded: 'uploaded', deleting: 'being deleted' };

/** How far an upload is, in words, and as a bar. */
function progress(one: Asset, about: string): Node | null {
  const { sent, failed_attempts: failed } = one.upload;
  if (one.state === 'uploaded') return null;
  if (one.state !== 'uploading' && !(one.state === 'waiting' && sent > 0)) return null;
  const part = one.bytes > 0 ? Math.min(1, sent / one.bytes) : 0;
  const bar = el('progress');
  bar.value = part;
  bar.setAttribute('aria-label', `Upload of ${about}`);
  return el('span', '', bar, ` ${bytes(sent)} of ${bytes(one.bytes)} uploaded, ${Math.floor(part * 100)} %${failed > 0 ? `, ${plural(failed, 'attempt')} failed` : ''}`);
}

const asset = (one: Asset): Node[] => {
  const about = `${one.app}/${one.name} of ${moment(one.started)}`;
  const play = el('a', 'button', 'Play');
  play.href = `/${recordingHash(one.url)}`;
  play.setAttribute('aria-label', `Play: ${about}`);
  const kept = one.state === 'uploaded' ? `${one.local ? 'in the bucket and here' : 'in the bucket'}${one.sha256 ? `, SHA-256 ${one.sha256.slice(0, 12)}…` : ''}` : '';
  return [
    poster(one),
    what([el('span', 'name flat', `${one.app}/${one.name}`), tag(STATES[one.state], one.upload.error && !kept ? 'warned' : '')],
      [moment(one.started), duration(one.duration_s), bytes(one.bytes), kept].filter(Boolean).join(' · '),
      progress(one, about),
      one.upload.error ? el('span', 'error', one.upload.error) : null),
    el('div', 'buttons', play, button('Delete', about, () => call('delete', '/api/v1/assets/{id}', { path: { id: one.id } }), 'Delete it?')),
  ];
};

const list = new List('asset-list', (one: Asset) => one.id, asset, 'assets-none');

export function showAssets(all: readonly Asset[]): void {
  list.show(all);
  const there = new Set(all.map((one) => one.id));
  for (const [id, image] of posters) {
    if (there.has(id)) continue;
    URL.revokeObjectURL(image.src);
    posters.delete(id);
  }
}

/** What is wrong with uploads: a bucket that is away is one sentence, however many recordings wait for it. */
export function wrongUploads(all: readonly Asset[]): string[] {
  const failed = all.filter((one) => one.upload.error && one.state !== 'uploaded');
  const why = new Map<string, Asset[]>();
  for (const one of failed) why.set(one.upload.error ?? '', [...(why.get(one.upload.error ?? '') ?? []), one]);
  return [...why].map(([text, assets]) => {
    const tried = Math.max(...assets.map((one) => one.upload.failed_attempts));
    const [first] = assets;
    const which = assets.length === 1 && first ? `The recording ${first.app}/${first.name} is` : `${assets.length} recordings are`;
    return `${which} not uploaded, after ${plural(tried, 'attempt')}: ${text}`;
  });
}
