// All that is wrong, in sentences, with the part of the page that says more.

import { byId, el } from '../dom';
import { moment } from '../format';
import type { All, Details } from './all';
import { wrongUploads } from './assets';
import { wrongWebhooks } from './events';
import { wrongTargets } from './targets';

/** A recording that failed is spoken of for a day. */
const RECENT_MS = 24 * 3600 * 1000;

interface Wrong { text: string; part: string | null }

function wrongRecordings(all: All): string[] {
  const failed = all.recordings.filter((one) => one.state === 'failed' && Date.now() - Date.parse(one.started) < RECENT_MS);
  return failed.map((one) => `The recording ${one.app}/${one.name} of ${moment(one.started)} failed: ${one.error ?? 'it is not whole'}`);
}

function collect(all: All, details: Details): Wrong[] {
  const of = (part: string | null, texts: readonly string[]): Wrong[] => texts.map((text) => ({ text, part }));
  return [
    ...of(null, details.phase === 'serving' ? [] : ['The server is about to stop: it takes no new streams.']),
    ...of(null, details.problems),
    ...of('live', all.live.flatMap((stream) => stream.problems.map((text) => `${stream.path}: ${text}`))),
    ...of('targets', wrongTargets(all.targets)),
    ...of('assets', [...wrongUploads(all.assets), ...wrongRecordings(all)]),
    ...of('events', wrongWebhooks(all.webhooks)),
  ];
}

/** With a capital, but where it begins with a path or an address. */
function sentence(text: string): string {
  const [first = ''] = text.split(' ', 1);
  return first.includes('/') ? text : text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());
}

/** Shows what is wrong, and below it what is doubtful about the configuration. */
export function showWrong(all: All, details: Details): void {
  const wrong = collect(all, details);
  byId('wrong-none').hidden = wrong.length > 0;
  fill('wrongs', wrong.map(({ text, part }) => ({ text: sentence(text), part })));
  byId('doubts-box').hidden = details.warnings.length === 0;
  fill('doubts', details.warnings.map((text) => ({ text: sentence(text), part: null })));
}

function fill(id: string, items: readonly Wrong[]): void {
  const list = byId(id);
  const shown = JSON.stringify(items);
  if (list.dataset['shown'] === shown) return;
  list.dataset['shown'] = shown;
  list.replaceChildren(...items.map(({ text, part }) => {
    if (part === null) return el('li', '', text);
    const link = el('a', '', 'See there');
    link.href = `#${part}`;
    link.setAttribute('aria-label', `See there: ${text}`);
    return el('li', '', el('span', '', text), ' ', link);
  }));
}
