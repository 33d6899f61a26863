/**
 * Starts the page that this module's page is: language, light or dark, and its height where the program's page frames it.
 * @import {About} from "../inference/types.js"
 */
import { made, one } from "../view/fill_answer.js";
import { chosen } from "./networks.js";
import { mount } from "./tab.js";

const code = new URL("../", import.meta.url);

/** @returns {Promise<{about: About, language: string, code: URL}>} */
export async function options() {
  /** @type {About} */
  const about = await (await fetch(new URL("about.json", code))).json();
  const asked = [new URLSearchParams(location.search).get("lang") ?? "", ...navigator.languages];
  const known = Object.keys(about.pieces);
  const language = asked.map((tag) => tag.toLowerCase().split(/[-_]/)[0]).find((tag) => known.includes(tag)) ?? known[0];
  document.documentElement.lang = language;
  return { about, language, code };
}

/** The page around this one, where it is the program's own. */
export function host() {
  try {
    return window.frameElement;
  } catch {
    return null; // a stranger's page, which may not be read
  }
}

/** Light or dark as the page around this one, else as the system. */
export function dress() {
  const page = host()?.ownerDocument.body;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const put = () => document.body.classList.toggle("dark", page ? page.classList.contains("dark") : system.matches);
  put();
  if (page) new MutationObserver(put).observe(page, { attributeFilter: ["class"] });
  else system.addEventListener("change", put);
}

/** Let the frame be as high as what it holds. */
export function stretch() {
  const frame = /** @type {HTMLIFrameElement | null} */ (host());
  if (!frame) return;
  document.body.classList.add("framed");
  new ResizeObserver(() => {
    frame.style.height = `${document.body.offsetHeight}px`;
  }).observe(document.body);
}

/** @param {HTMLElement} root */
export async function start(root) {
  dress();
  stretch();
  const given = await options();
  const pieces = given.about.pieces[given.language];
  const model = chosen(given.about);
  if (!document.body.classList.contains("framed")) {
    root.before(made(pieces.header));
    const footer = made(pieces.footer);
    one(footer, ".model").textContent = `${model.name} · ${model.precision}`;
    root.after(footer);
  }
  return mount(root, { ...given, model });
}

const root = document.getElementById("ondevice");
if (root) void start(root);
