// When the page plays faster to come nearer to live.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { catchUpRate } = await load('catchup.ts');

const place = { live: true, latency: 1.5, target: 0.6, buffer: 1, rate: 1 };

test('plays faster while it is behind, down to what is aimed at', () => {
  assert.equal(catchUpRate(place), 1.05);
  assert.equal(catchUpRate({ ...place, latency: 1.05, rate: 1.05 }), 1.05);
  assert.equal(catchUpRate({ ...place, latency: 1, rate: 1.05 }), 1);
  assert.equal(catchUpRate({ ...place, latency: 1.05 }), 1);
});

test('aims further back after stalls, and where the server asks for it', () => {
  assert.equal(catchUpRate({ ...place, target: 1.6 }), 1);
  assert.equal(catchUpRate({ ...place, target: 6, latency: 6.5, buffer: 4 }), 1.05);
});

test('never plays faster on a short buffer, nor after somebody went back', () => {
  assert.equal(catchUpRate({ ...place, buffer: 0.5 }), 1);
  assert.equal(catchUpRate({ ...place, latency: 40, buffer: 30 }), 1);
});

test('leaves a rate that somebody chose, and what has ended, alone', () => {
  assert.equal(catchUpRate({ ...place, rate: 0.5 }), 0.5);
  assert.equal(catchUpRate({ ...place, rate: 2, live: false }), 2);
  assert.equal(catchUpRate({ ...place, rate: 1.05, live: false }), 1);
});
