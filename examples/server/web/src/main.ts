// Puts the parts together: address → player, server → lists.

import { ApiError, fetchRecordings, fetchServer, fetchStreams, type Stream } from './api';
import { meetClock } from './clock';
import { byId, setText } from './dom';
import { plural } from './format';
import { Player } from './player';
import { Poller } from './poll';
import { PublishHelp } from './publish';
import { RecordingList } from './recordings';
import { parseHash } from './route';
import { StreamList } from './streams';
import type { Target } from './player';

const STREAMS_EVERY_MS = 2000;
const RECORDINGS_EVERY_MS = 20_000;
const BUSY_RECORDINGS_EVERY_MS = 4000;

const player = new Player();
const streamList = new StreamList(byId('streams'));
const recordingList = new RecordingList();
const publishHelp = new PublishHelp(announce);

let streams: Stream[] | null = null;
let target: Target | null = null;
let awayText: string | null = null;

const streamPoll = new Poller(async () => {
  const found = await fetchStreams();
  if (awayText !== null) {
    announce('The server is back.');
    recordingPoll.now();
  }
  setAway(null);
  tellChanges(streams, found);
  streams = found;
  showStreams(found);
}, () => STREAMS_EVERY_MS, (error) => {
  const text = error instanceof ApiError ? error.message : 'Something went wrong in this page.';
  if (awayText === null) announce(text);
  setAway(text);
});

const recordingPoll = new Poller(async () => {
  const found = await fetchRecordings().catch((error: unknown) => {
    // A server that records nothing may have no such list.
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  });
  noteRecordings(null);
  recordingList.update(found);
  showTargetRecording();
}, () => (recordingList.isBusy() ? BUSY_RECORDINGS_EVERY_MS : RECORDINGS_EVERY_MS), (error) => {
  noteRecordings(awayText === null && error instanceof ApiError ? `The list of recordings is not up to date. ${error.message}` : null);
});

function showStreams(found: Stream[]): void {
  byId('live-loading').hidden = found.length > 0;
  setText(byId('live-loading'), 'Nobody is live right now.');
  byId('live-loading').className = 'nobody';
  byId('live-title').classList.toggle('sr', found.length === 0); // the sentence below says it all
  setText(byId('live-count'), found.length > 0 ? String(found.length) : '');
  streamList.update(found, target?.kind === 'live' ? target.path : null);
  publishHelp.setEmpty(found.length === 0);
  player.streamsAre(found);
  setTitle();
}

/** Says aloud who came and went, and looks at the recordings then: one has begun or ended. */
function tellChanges(before: Stream[] | null, after: Stream[]): void {
  if (before === null) return;
  const id = (stream: Stream) => `${stream.path} ${stream.since}`;
  const came = after.filter((stream) => !before.some((old) => id(old) === id(stream)));
  const went = before.filter((stream) => !after.some((now) => now.path === stream.path));
  if (came.length + went.length === 0) return;
  announce([...came.map((stream) => `${stream.name} is live.`), ...went.map((stream) => `${stream.name} has ended.`)].join(' '));
  recordingPoll.now();
}

function setAway(text: string | null): void {
  awayText = text;
  byId('away').hidden = text === null;
  document.body.classList.toggle('stale', text !== null);
  if (text === null) return;
  setText(byId('away-what'), text);
  if (streams === null) setText(byId('live-loading'), 'Who is live is not known yet.');
  showCountdown();
}

function showCountdown(): void {
  if (awayText === null) return;
  const at = streamPoll.nextAt;
  setText(byId('away-when'), at === null ? 'Trying again…' : `Trying again in ${Math.max(1, Math.ceil((at - performance.now()) / 1000))} s.`);
}

function noteRecordings(text: string | null): void {
  byId('rec-note').hidden = text === null;
  if (text === null) return;
  byId('recordings-section').hidden = false;
  setText(byId('rec-note'), text);
}

function announce(text: string): void {
  setText(byId('announce'), text);
}

function setTitle(): void {
  const name = target === null ? '' : byId('player-title').textContent ?? '';
  const count = streams?.length ?? 0;
  document.title = name ? `${name} · streamcore` : count > 0 ? `${plural(count, 'stream')} live · streamcore` : 'streamcore';
}

function showTargetRecording(): void {
  if (target?.kind !== 'recording') return;
  player.recordingIs(recordingList.find(target.mp4));
  setTitle();
}

/** Follows the address: shows what it names, and moves the keyboard there and back. */
function follow(first: boolean): void {
  const before = target;
  target = parseHash(location.hash);
  player.show(target, streams);
  streamList.mark(target?.kind === 'live' ? target.path : null);
  recordingList.mark(target?.kind === 'recording' ? target.mp4 : null);
  showTargetRecording();
  setTitle();
  if (target !== null) {
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
    if (!first) byId('player-title').focus({ preventScroll: true });
  } else if (before !== null) {
    const found = before.kind === 'live' ? streamList.focus(before.path) : recordingList.focus(before.mp4);
    if (!found) byId('main').focus();
  }
}

async function meetServer(): Promise<void> {
  // An older server does not say; the usual port is then the best guess, and it stands already.
  const server = await fetchServer().catch(() => null);
  if (!server) return;
  publishHelp.setPort(server.rtmpPort);
  setText(byId('version'), server.version);
}

addEventListener('hashchange', () => follow(false));
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && target !== null && !document.fullscreenElement) location.hash = '';
});
byId('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the address is the player's
  byId('main').focus();
});
byId('away-retry').addEventListener('click', () => { streamPoll.now(); showCountdown(); });
setInterval(showCountdown, 500);

// For the console and for tests.
Object.assign(window, { streamcore: { player: () => player.snapshot() } });

follow(true);
streamPoll.now();
recordingPoll.now();
void meetServer();
void meetClock();
