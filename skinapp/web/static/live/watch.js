/**
 * The Live tab: the camera's middle is looked at again and again, what is found follows, and a good moment gets the full answer.
 * @import {Assessment, Pieces, Rules} from "../inference/types.js"
 * @import {Watched} from "./remote.js"
 */
import { filled, follow, made, one, place } from "../view/fill_answer.js";
import { Live, Rate } from "../view/camera.js";
import { layer } from "../inference/explain.js";
import { Steady } from "../view/smoothing.js";
import { Ended, Remote } from "./remote.js";
import { Sharpest } from "./sharpest.js";

/** Of the camera: enough for a part of its middle. */
const WANTED = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };

/** The picture must be readable for so long before it is captured. */
const HOLD_MS = 1500;

/** Of the map over the video, in pixels, and how much of it is each new frame's. */
const MAP_SIDE = 96;
const MAP_SHARE = 0.35;

/** A readable frame is always worth more than the sharpest one that isn't. */
const READABLE = 1e6;

/** What browsers call it when there is no camera to be had. @type {Record<string, string>} */
const CAMERA = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
  NotReadableError: "taken",
  AbortError: "taken",
};

/**
 * @typedef {object} About
 * @property {Rules} rules
 * @property {string[]} issues
 * @property {Record<string, Record<string, number>>} thresholds of each view
 * @property {number} shift
 * @property {{side: number, still: number, lanes: number}} limits
 * @property {{name: string, precision: string, provider: string}} model
 * @property {Record<string, Pieces & {say: Record<string, string>, hints: Record<string, string>}>} pieces
 */

/** @param {HTMLElement} root */
export async function mount(root) {
  const response = await fetch(new URL("../about.json", import.meta.url));
  return new Watch(root, await response.json(), new Remote(new URL("../../", import.meta.url), 0));
}

export class Watch {
  #rate = new Rate();
  #sharpest = new Sharpest();
  #heat = new Float32Array();
  /** @type {Steady | undefined} */
  #steady;
  /** Since when the picture is readable, in milliseconds; 0 while it isn't, Infinity once it was captured. */
  #since = 0;
  #timer = 0;

  /**
   * @param {HTMLElement} root
   * @param {About} about
   * @param {Remote} remote
   */
  constructor(root, about, remote) {
    this.root = root;
    this.about = about;
    this.remote = remote;
    remote.canvas.width = remote.canvas.height = about.limits.side;
    const pieces = about.pieces[root.lang];
    this.pieces = pieces;
    this.sheet = { pieces, lesions: about.rules.lesions, issues: about.issues };
    this.live = new Live(one(root, "video"), remote, (reply, elapsed) => this.#show(/** @type {Watched} */ (reply), elapsed), {
      wanted: WANTED,
      lanes: about.limits.lanes,
      grab: (video) => this.#grab(video),
      lost: (error) => this.#end(error instanceof Ended ? error.message : "unplugged"),
    });
    this.#listen();
  }

  /** Out of sight: the camera goes off. */
  hide() {
    if (this.live.running) this.#end("hidden");
  }

  #listen() {
    /** @type {Record<string, () => unknown>} */
    const deeds = { start: () => this.#start(), stop: () => this.#end(""), capture: () => this.#capture() };
    this.root.addEventListener("click", ({ target }) => {
      const name = target instanceof Element && target.closest("button")?.dataset.do;
      if (name) deeds[name]();
    });
    this.root.addEventListener("input", ({ target }) => {
      if (!(target instanceof HTMLInputElement)) return;
      if (target.matches(".zoom")) this.root.style.setProperty("--zoom", target.value);
      if (target.matches(".map")) one(this.root, ".heat").hidden = !target.checked;
    });
    document.addEventListener("visibilitychange", () => document.hidden && this.hide());
    addEventListener("pagehide", () => this.hide());
  }

  async #start() {
    if (!navigator.mediaDevices) return this.#end("insecure"); // there is none outside a secure context
    this.#steady = new Steady(this.about.thresholds, this.about.rules);
    this.#since = 0;
    this.#state("starting");
    try {
      await this.live.start();
    } catch (error) {
      this.live.stop();
      return this.#end((error instanceof Error && CAMERA[error.name]) || "absent");
    }
    this.#state("live");
    this.#hint(this.pieces.say.aim);
    one(this.root, "[data-do=capture]").focus({ preventScroll: true });
    this.#timer = window.setInterval(() => this.#clock(), 500);
  }

  /**
   * Everything is switched off and let go.
   * @param {string} reason a key of the page's sentences, or nothing where the visitor asked for it
   */
  #end(reason) {
    const inside = this.root.contains(document.activeElement);
    clearInterval(this.#timer);
    this.live.stop();
    void this.remote.leave();
    this.#sharpest.clear();
    const notice = one(this.root, ".notice");
    notice.textContent = this.pieces.say[reason] ?? "";
    notice.hidden = !reason;
    one(this.root, ".told").replaceChildren();
    this.#state("off");
    if (inside) one(this.root, "[data-do=start]").focus({ preventScroll: true });
  }

  /**
   * The square that is on the screen.
   * @param {HTMLVideoElement} video
   */
  #grab(video) {
    const { videoWidth: width, videoHeight: height } = video;
    const side = Math.round(Math.min(width, height) / Number(/** @type {HTMLInputElement} */ (one(this.root, ".zoom")).value));
    const small = Math.min(side, this.about.limits.still);
    const size = small < side ? { resizeWidth: small, resizeHeight: small } : undefined;
    return createImageBitmap(video, (width - side) >> 1, (height - side) >> 1, side, side, size);
  }

  /**
   * @param {Watched} reply
   * @param {number} elapsed
   */
  #show({ assessment, heat, frame }, elapsed) {
    const now = performance.now();
    const steady = /** @type {Steady} */ (this.#steady).take(assessment, now);
    const readable = !assessment.issues.length;
    this.#sharpest.add(frame, assessment.figures.sharpness + (readable ? READABLE : 0), now);
    follow(one(this.root, ".told"), steady, this.#ran(assessment), this.sheet);
    this.#map(assessment, readable ? heat.codes[steady.focus] : [], heat.cells);
    one(this.root, ".pace").textContent = filled(this.pieces.say.pace, { rate: this.#rate.tick(), elapsed: elapsed.toFixed(0) });
    this.#hold(steady, readable, now);
  }

  /**
   * Says what the picture lacks, else to hold still, and captures it when it was readable for long enough.
   * @param {Assessment} steady
   * @param {boolean} readable
   * @param {number} now
   */
  #hold({ issues, priority }, readable, now) {
    if (issues.length) this.#since = 0;
    else if (readable && priority && !this.#since) this.#since = now;
    const held = this.#since === Infinity ? 0 : this.#since ? Math.min(1, (now - this.#since) / HOLD_MS) : 0;
    this.root.style.setProperty("--held", String(held));
    if (issues.length) this.#hint(this.pieces.hints[issues[0]]);
    else this.#hint(this.pieces.say[this.#since === Infinity ? "captured" : held ? "hold" : "aim"]);
    if (held === 1) void this.#capture();
  }

  async #capture() {
    const picture = this.#sharpest.take();
    if (!picture) return;
    this.#since = Infinity;
    const kept = one(this.root, ".captured");
    const [told, shown] = [one(kept, ".full"), one(kept, ".seen-then")];
    kept.hidden = false;
    one(kept, "time").textContent = new Date().toLocaleTimeString(this.root.lang);
    told.replaceChildren(made(this.pieces.busy));
    shown.replaceChildren();
    one(this.root, ".sight").animate([{ filter: "brightness(2.2)" }, { filter: "none" }], 350);
    try {
      const full = await this.remote.still(picture);
      told.innerHTML = full.told;
      shown.innerHTML = full.shown;
    } catch (error) {
      kept.hidden = true;
      if (this.live.running) this.#end(error instanceof Ended ? error.message : "failed");
    }
  }

  /**
   * The map over the video, which follows as slowly as the bars.
   * @param {Assessment} assessment
   * @param {number[]} wanted
   * @param {[number, number]} cells
   */
  #map(assessment, wanted, cells) {
    if (this.#heat.length !== cells[0] * cells[1]) this.#heat = new Float32Array(cells[0] * cells[1]);
    this.#heat.forEach((heat, i) => (this.#heat[i] = heat + ((wanted[i] ?? 0) / 255 - heat) * MAP_SHARE));
    const canvas = /** @type {HTMLCanvasElement} */ (one(this.root, ".heat"));
    if (canvas.hidden) return;
    const drawing = { ...this.about.rules.drawing, side: MAP_SIDE };
    canvas.width = canvas.height = MAP_SIDE; // which also empties it
    canvas.setAttribute("style", place(assessment));
    const pixels = layer(this.#heat, cells, this.about.shift, drawing);
    canvas.getContext("2d")?.putImageData(new ImageData(pixels, MAP_SIDE, MAP_SIDE), 0, 0);
  }

  /** @param {string} text */
  #hint(text) {
    const hint = one(this.root, ".hint");
    if (hint.textContent !== text) hint.textContent = text; // a screen reader says it anew whenever it is set
  }

  #clock() {
    const { left } = this.remote;
    if (left === Infinity) return;
    const seconds = Math.ceil(left / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    one(this.root, ".left").textContent = filled(this.pieces.say.left, { time });
    if (!left) this.#end("over");
  }

  /** @param {Assessment} assessment */
  #ran({ elapsed_ms: elapsed }) {
    const { name, precision, provider } = this.about.model;
    return filled(this.pieces.ran, { model: name, precision, provider, elapsed: Math.round(elapsed.total) });
  }

  /** @param {"off" | "starting" | "live"} state */
  #state(state) {
    this.root.dataset.state = state;
    if (state !== "off") one(this.root, ".notice").hidden = true;
    for (const name of [".pace", ".left", ".hint"]) one(this.root, name).textContent = "";
  }
}
