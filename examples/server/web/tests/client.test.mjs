// The client of the API: addresses, and what becomes of answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

let folder;
let server;
let client;
let asked = null;
let answer = { status: 200, body: '{}' };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamcore-client-'));
  const outfile = join(folder, 'client.mjs');
  await build({ entryPoints: [fileURLToPath(new URL('../src/client.ts', import.meta.url))], outfile, bundle: true, format: 'esm' });
  client = await import(pathToFileURL(outfile));
  server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      asked = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() };
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const real = globalThis.fetch;
  globalThis.fetch = (path, options) => real(`http://127.0.0.1:${server.address().port}${path}`, options);
});

after(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

test('parameters become one part of the path each, and a query', () => {
  assert.equal(client.address('/a/{id}/b/{other}', { id: 'live/x y', other: '..' }), '/a/live%2Fx%20y/b/..');
  assert.equal(client.address('/a', {}, { limit: 2, cursor: undefined, type: 'a&b' }), '/a?limit=2&type=a%26b');
});

test('a request has its method, its body and the token', async () => {
  answer = { status: 201, body: '{"data":{"id":"st_1"}}' };
  client.setToken('tok_x');
  const made = await client.call('post', '/api/v1/live-streams/{id}/simulcast-targets', { path: { id: 'live/demo' }, body: { url: 'rtmp://a/b' } });
  assert.deepEqual(made, { data: { id: 'st_1' } });
  assert.equal(asked.method, 'POST');
  assert.equal(asked.url, '/api/v1/live-streams/live%2Fdemo/simulcast-targets');
  assert.equal(asked.headers.authorization, 'Bearer tok_x');
  assert.deepEqual(JSON.parse(asked.body), { url: 'rtmp://a/b' });
  client.setToken(null);
  answer = { status: 204, body: '' };
  assert.equal(await client.call('delete', '/api/v1/sessions/{id}', { path: { id: 'x' } }), undefined);
  assert.equal(asked.headers.authorization, undefined);
});

test('a problem is told in its own words', async () => {
  answer = { status: 409, body: '{"status":409,"title":"Conflict","detail":"there are too many targets"}' };
  const one = client.call('get', '/api/v1/server', {});
  await assert.rejects(one, { message: 'The server says: there are too many targets.', status: 409 });
  answer = { status: 500, body: 'oops' };
  await assert.rejects(client.call('get', '/api/v1/server', {}), { message: 'The server answered with status 500.', status: 500 });
  answer = { status: 200, body: 'oops' };
  await assert.rejects(client.call('get', '/api/v1/server', {}), { status: 200 });
});
