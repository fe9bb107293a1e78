// Who publishes and plays now.

import { call, type Schemas } from '../client';
import { byId, el, setText } from '../dom';
import { bytes } from '../format';
import { List, button, tag, what } from './rows';

type Session = Schemas['Session'];

const session = (one: Session): Node[] => {
  const about = `${one.role} ${one.address} of ${one.stream}`;
  return [
    what([el('span', 'name flat', one.stream), tag(one.role, one.role === 'publisher' ? 'rec' : ''), tag(one.protocol)],
      [one.address, one.agent, bytes(one.bytes), one.dropped > 0 ? `${one.dropped} left out` : ''].filter(Boolean).join(' · ')),
    el('div', 'buttons', button('Kick', about, () => call('delete', '/api/v1/sessions/{id}', { path: { id: one.id } }), 'End it?')),
  ];
};

const list = new List('session-list', (one: Session) => one.id, session, 'sessions-none');

export function showSessions(all: readonly Session[]): void {
  list.show(all);
  setText(byId('session-count'), all.length > 0 ? String(all.length) : '');
}
