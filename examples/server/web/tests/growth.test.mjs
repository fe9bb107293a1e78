import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { Growth } = await load('dashboard/growth.ts');

test('a counter is what it grew by in the last minute', () => {
  const growth = new Growth();
  const at = (seconds, count) => growth.of('a', count, seconds * 1000);
  assert.equal(at(0, 100), 0, 'what came before this page is not known');
  assert.equal(at(30, 107), 7);
  assert.equal(at(61, 108), 1, 'the first is more than a minute ago');
  assert.equal(at(95, 108), 0);
  assert.equal(at(96, 3), 0, 'a server that was started anew');
  assert.equal(at(97, 5), 2);
  assert.equal(growth.of('b', 9, 97_000), 0, 'another counter');
  growth.keep(['b']);
  assert.equal(at(98, 50), 0, 'forgotten');
});
