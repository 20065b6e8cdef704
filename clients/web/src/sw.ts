/// <reference lib="webworker" />
// Keeps the app itself (never any data) so that it opens without a network. Everything under /v1 and /connection passes by.
declare const __VERSION__: string;
declare const __SHELL__: readonly string[];

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = `rialto-${__VERSION__}`;
/** A page that takes longer than this from the network is opened from the cache, in milliseconds. */
const PAGE_TIMEOUT_MS = 3_000;

worker.addEventListener('install', (event) => {
  const fresh = __SHELL__.map((path) => new Request(path, { cache: 'reload' }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)).then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  const clean = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      if (name.startsWith('rialto-') && name !== CACHE) await caches.delete(name);
    }
    await worker.clients.claim();
  };
  event.waitUntil(clean());
});

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PAGE_TIMEOUT_MS) });
  } catch (error) {
    const kept = await caches.match('/', { cacheName: CACHE });
    if (kept !== undefined) return kept;
    throw error;
  }
}

async function part(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.mode === 'navigate' && url.pathname === '/') event.respondWith(page(request));
  else if (__SHELL__.includes(url.pathname) && url.pathname !== '/') event.respondWith(part(request));
});
