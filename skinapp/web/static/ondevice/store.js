/** What this browser keeps of the tab, so that it opens and answers without a network. */

export const STORE = "skinapp-ondevice";
/** Where a photo waits for the next page, which is the only one to read it: shared by another app, or kept over a change of network. */
const HANDED = "skinapp-handed";

/** What is on its way into the store. @type {Promise<void>[]} */
const storing = [];

/**
 * A file whose address changes with its content: from the store, else from the host and into the store.
 * @param {URL} address
 */
export async function keeping(address) {
  // Plain http on another host than this one is no secure context: no store there, and no camera.
  const store = await globalThis.caches?.open(STORE).catch(() => undefined);
  const kept = await store?.match(address);
  if (kept) return kept;
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.pathname} can't be had (${response.status}).`);
  if (store) storing.push(store.put(address, response.clone()).catch(() => undefined)); // a full disk must not keep it from answering
  return response;
}

/** When all files lie in the store that it takes. */
export async function stored() {
  await Promise.all(storing);
}

/**
 * Install the service worker, and wait until it holds the page itself; gives up where there can be none.
 * @param {number} patience milliseconds
 */
export async function installed(patience) {
  if (!("serviceWorker" in navigator) || !isSecureContext) return false;
  const installing = navigator.serviceWorker.register("sw.js").then(() => navigator.serviceWorker.ready);
  const late = new Promise((resolve) => setTimeout(resolve, patience, false));
  return Promise.race([installing, late]).then(Boolean, () => false);
}

/** Bytes that lie in the store. */
export async function kept() {
  const store = await globalThis.caches?.open(STORE).catch(() => undefined);
  const responses = (await store?.matchAll()) ?? [];
  const sizes = await Promise.all(responses.map(async (response) => (await response.blob()).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Forget everything: the files, and the service worker that would bring them again. */
export async function empty() {
  await globalThis.caches?.delete(STORE);
  await globalThis.caches?.delete(HANDED);
  const registrations = (await navigator.serviceWorker?.getRegistrations()) ?? [];
  const own = registrations.filter(({ scope }) => scope === new URL("./", location.href).href);
  await Promise.all(own.map((registration) => registration.unregister()));
}

/**
 * Keep a photo for the page that comes in this one's place.
 * @param {Blob} photo
 */
export async function handOver(photo) {
  const store = await globalThis.caches?.open(HANDED).catch(() => undefined);
  await store?.put("photo", new Response(photo));
}

/** The photo that was handed over, which is forgotten with this. */
export async function handedOver() {
  const store = await globalThis.caches?.open(HANDED).catch(() => undefined);
  const response = await store?.match("photo");
  await store?.delete("photo");
  return response?.blob();
}
