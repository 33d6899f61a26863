/**
 * Serves the tab's own files from this browser's store, so that it opens without a network. `FILES`, written above this by
 * the program, lists all of them: with another model or other code another list, and so another service worker.
 */
/* global FILES */
const STORE = "skinapp-ondevice";
const HERE = new URL("./", self.location.href);
const PATIENCE_MS = 3000;
/** What isn't needed to answer without a network, or comes into the store as the page asks for it. */
const LATER = /\.gz$|\/(screenshots|icons)\//;
/** Where another app's photo is sent; it goes no further than here. */
const SHARE = new URL("share", HERE).href;
const HANDED = "skinapp-handed";

const own = FILES.map((path) => new URL(path, HERE).href);

self.addEventListener("install", (event) => event.waitUntil(fill().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(tidy().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const address = event.request.url.split(/[?#]/)[0];
  if (event.request.method === "POST" && address === SHARE) return event.respondWith(shared(event.request));
  if (event.request.method !== "GET" || !address.startsWith(HERE.href)) return;
  event.respondWith(isVersioned(address) ? kept(address) : newest(address));
});

/** The page's small files. */
async function fill() {
  const store = await caches.open(STORE);
  const small = own.filter((address) => !LATER.test(address));
  await Promise.all(
    small.map(async (address) => {
      if (isVersioned(address) && (await store.match(address))) return;
      await store.add(new Request(address, { cache: isVersioned(address) ? "default" : "reload" }));
    }),
  );
}

/** Drop what an earlier model or earlier code left. */
async function tidy() {
  const store = await caches.open(STORE);
  const requests = await store.keys();
  await Promise.all(requests.filter(({ url }) => !own.includes(url)).map((request) => store.delete(request)));
}

/** @param {string} address */
function isVersioned(address) {
  return address.slice(HERE.href.length).includes("/");
}

/** @param {string} address */
async function kept(address) {
  const store = await caches.open(STORE);
  const found = await store.match(address);
  if (found) return found;
  const response = await fetch(address);
  if (response.ok) await store.put(address, response.clone());
  return response;
}

/**
 * The host's page, so that a new model arrives; the stored one where the host is slow or gone.
 * @param {string} address
 */
async function newest(address) {
  const file = address === HERE.href ? `${address}index.html` : address;
  const store = await caches.open(STORE);
  const found = await store.match(file);
  // Asked of the host itself: what it says nothing of, browsers keep for a tenth of its age.
  const fresh = fetch(address, { cache: "no-cache" }).then(async (response) => {
    if (response.ok && found) await store.put(file, response.clone());
    return response;
  });
  if (!found) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  return (await Promise.race([fresh.catch(() => undefined), late])) ?? found;
}

/**
 * Hands a photo that another app shares to the page, as ondevice/store.js reads it.
 * @param {Request} request
 */
async function shared(request) {
  const photo = (await request.formData()).get("photo");
  if (photo instanceof File) await (await caches.open(HANDED)).put("photo", new Response(photo));
  return Response.redirect(new URL("index.html", HERE).href, 303);
}
