/**
 * Which of the networks answers: the small one first; on a desk the one that was chosen last. Another one means another page,
 * because this one has forbidden itself every connection.
 * @import {About, Model} from "../inference/types.js"
 */

const KEY = "skinapp-network";

/**
 * @param {About} about
 * @returns {Model}
 */
export function chosen({ models }) {
  const asked = new URLSearchParams(location.search).get("network") ?? remembered();
  return models.find(({ key }) => key === asked) ?? models[0];
}

/**
 * Open the page anew with another network.
 * @param {string} key
 */
export function change(key) {
  try {
    localStorage.setItem(KEY, key);
  } catch {
    // A stranger's frame may keep nothing; the address says it this time.
  }
  const address = new URL(location.href);
  address.search = new URLSearchParams({ ...languageOf(address), network: key }).toString();
  location.replace(address);
}

/** @param {URL} address */
function languageOf(address) {
  const lang = address.searchParams.get("lang");
  return lang ? { lang } : undefined;
}

function remembered() {
  // A phone has little memory, and its visitor may pay for every megabyte.
  if (!matchMedia("(hover: hover) and (pointer: fine)").matches) return null;
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
