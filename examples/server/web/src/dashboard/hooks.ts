// Hooks that gave no answer of late, by the counter among the server's metrics, which are text and no part of the API's description.

const WINDOW_MS = 60_000;
const COUNTER = /^streamcore_hooks_total\{[^}]*result="failed"[^}]*\} ([0-9]+)/m;

const seen: { at: number; count: number }[] = [];

/** How many hooks gave no answer in the last minute, as far as this page has been open. */
export async function hooksFailed(token: string | null): Promise<number> {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch('/metrics', { cache: 'no-store', headers }).catch(() => null);
  const found = response?.ok ? COUNTER.exec(await response.text()) : null;
  const now = performance.now();
  const count = Number(found?.[1] ?? 0);
  // A server that was started anew counts from zero.
  if (seen.some((one) => one.count > count)) seen.length = 0;
  seen.push({ at: now, count });
  while (seen[0] && seen[0].at < now - WINDOW_MS) seen.shift();
  return count - (seen[0]?.count ?? count);
}
