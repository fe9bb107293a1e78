// The server's API by its own description: schema.ts is made of openapi.json by `npm run client`, and no line of it is written by hand.
// A path, its parameters, its body and its answer are checked by the compiler.

import type { components, paths } from './schema';

/** The shapes that the API speaks of, by their names there. */
export type Schemas = components['schemas'];

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Path = keyof paths;
type MethodOf<P extends Path> = { [M in Method]: paths[P][M] extends { responses: unknown } ? M : never }[Method];

type Success = 200 | 201 | 202 | 204;
type Json<R> = R extends { content: { 'application/json': infer T } } ? T : undefined;
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & Success]> : never;

type PathOf<O> = O extends { parameters: { path: infer T extends object } } ? { path: T } : { path?: undefined };
type QueryOf<O> = O extends { parameters: { query?: infer T } } ? { query?: T } : { query?: undefined };
type BodyOf<O> = O extends { readonly requestBody: { readonly content: { 'application/json': infer T } } } ? { body: T } : { body?: undefined };
export type Arguments<O> = PathOf<O> & QueryOf<O> & BodyOf<O>;

/** Why a request gave nothing; `message` is a sentence for people. */
export class ApiError extends Error {
  constructor(message: string, readonly status = 0) {
    super(message);
  }
}

const TIMEOUT_MS = 6000;
let token: string | null = null;

/** From now on requests show this token of the API; without one, none. */
export function setToken(value: string | null): void {
  token = value;
}

/** One request. What is wrong with it, or with the server, is an `ApiError`. */
export async function call<P extends Path, M extends MethodOf<P>>(
  method: M,
  path: P,
  given: Arguments<paths[P][M]>,
): Promise<Answer<paths[P][M]>> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (given.body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(address(path, given.path, given.query), {
      method: method.toUpperCase(),
      cache: 'no-store',
      signal: abort.signal,
      headers,
      ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new ApiError(detail(text) ?? `The server answered with status ${response.status}.`, response.status);
    return (text === '' ? undefined : parse(text, response.status)) as Answer<paths[P][M]>;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(abort.signal.aborted ? 'The server takes too long to answer.' : 'The server does not answer.');
  } finally {
    clearTimeout(timer);
  }
}

/** A file of the API, as it is. */
export async function download(path: string): Promise<Blob> {
  const response = await fetch(path, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new ApiError(`The server answered with status ${response.status}.`, response.status);
  return response.blob();
}

/** The path with its parameters filled in, each as one part, and the query behind it. */
export function address(path: string, parts: object = {}, query: object = {}): string {
  const known = new Map(Object.entries(parts));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(known.get(name) ?? '')));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return search === '' ? filled : `${filled}?${search}`;
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('The server answered something this page does not understand.', status);
  }
}

/** What a problem (RFC 9457) says. */
function detail(text: string): string | null {
  try {
    const problem: unknown = JSON.parse(text);
    const said = typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null;
    return typeof said === 'string' && said !== '' ? `The server says: ${said}.` : null;
  } catch {
    return null;
  }
}
