/**
 * The On-device tab: file, drop, paste and camera in; the same answer as the server's out, and nothing leaves.
 * @import {Network} from "./engine.js"
 * @import {About, Assessment, Model, Refusal, Reply} from "../inference/types.js"
 * @import {Sheet} from "../view/fill_answer.js"
 */
import { answer, evidence, failed, filled, follow, made, one, place } from "../view/fill_answer.js";
import { open } from "./engine.js";
import { listen } from "./evidence.js";
import { Live, Rate } from "../view/camera.js";
import { Steady } from "../view/smoothing.js";
import { change } from "./networks.js";
import { empty, handedOver, handOver, installed, kept } from "./store.js";

const INSTALL_MS = 5000;

/**
 * @param {HTMLElement} root
 * @param {{about: About, language: string, code: URL, model: Model}} options
 */
export async function mount(root, { about, language, code, model }) {
  const tab = new Tab(root, about, language, model);
  try {
    const progress = (/** @type {number} */ done, /** @type {number} */ all) => tab.progress(done, all);
    const [network] = await Promise.all([open(code, about, progress, model), installed(INSTALL_MS)]);
    tab.ready(network, network.engine.sealed);
    await tab.begin();
  } catch (error) {
    tab.broken(error);
  }
  return tab;
}

class Tab {
  /** @type {Network | undefined} */
  #network;
  /** @type {Live | undefined} */
  #live;
  /** @type {string[]} */
  #addresses = [];
  #given = 0;
  /** The photo whose answer is shown. @type {Blob | undefined} */
  #photo;
  #rate = new Rate();
  /** @type {Steady | undefined} */
  #steady;

  /**
   * @param {HTMLElement} root
   * @param {About} about
   * @param {string} language
   * @param {Model} model
   */
  constructor(root, about, language, model) {
    const pieces = about.pieces[language];
    this.about = about;
    this.model = model;
    this.say = pieces.say;
    this.lesions = about.rules.lesions;
    /** @type {Sheet} */
    this.sheet = { pieces, lesions: this.lesions, issues: about.issues };
    root.replaceChildren(made(pieces.tab));
    this.root = root;
    this.video = /** @type {HTMLVideoElement} */ (one(root, "video"));
    this.input = /** @type {HTMLInputElement} */ (one(root, "input[type=file]"));
    this.told = one(root, ".told");
    this.shown = one(root, ".shown");
    this.told.replaceChildren(made(pieces.empty));
    listen(this.shown);
    this.#state("loading");
  }

  /**
   * @param {number} done bytes
   * @param {number} all
   */
  progress(done, all) {
    const bar = /** @type {HTMLProgressElement} */ (one(this.root, "progress"));
    bar.max = Math.max(all, 1);
    bar.value = done;
    const [here, whole] = [done, all].map((bytes) => (bytes / 1e6).toFixed(1));
    one(this.root, ".loading-text").textContent = filled(this.say.loading, { done: here, all: whole });
  }

  /**
   * @param {Network} network
   * @param {boolean} private_ whether the browser enforces that nothing leaves
   */
  ready(network, private_) {
    this.#network = network;
    this.#live = new Live(this.video, network, (reply) => this.#frame(reply), { lost: (error) => this.#noCamera(error) });
    one(this.root, ".private").hidden = !private_;
    one(this.root, ".not-private").hidden = private_;
    void network.broken.then((reason) => this.broken(reason));
    this.#engine();
    this.#ways();
    one(this.root, ".no-camera").hidden = Boolean(navigator.mediaDevices);
    this.#choices();
    this.#state("ready");
    void this.#stored();
  }

  /** What the page was opened for: a photo from another app, from the file manager or from before, or the camera. */
  async begin() {
    const photo = await handedOver();
    if (photo) await this.give(photo);
    globalThis.launchQueue?.setConsumer(async ({ files: [file] }) => file && this.give(await file.getFile()));
    if (new URLSearchParams(location.search).has("camera")) await this.#watch();
  }

  /** @param {unknown} error */
  broken(error) {
    const reason = error instanceof Error ? error.message : String(error);
    this.told.replaceChildren(failed(filled(this.say.broken, { reason }), this.sheet));
    this.#state("broken");
  }

  /** A photo, by whatever way it came. @param {Blob} file */
  async give(file) {
    if (!this.#network) return;
    this.hide();
    this.#photo = file;
    const number = ++this.#given;
    this.told.replaceChildren(made(this.sheet.pieces.busy));
    this.shown.replaceChildren();
    this.#state("ready");
    const reply = await this.#network.ask({ file, centred: this.#centred.checked });
    if (number !== this.#given || this.#live?.running) return; // another one has been given meanwhile
    if ("refused" in reply) this.#refuse(reply);
    else this.#show(reply);
  }

  get #centred() {
    return /** @type {HTMLInputElement} */ (one(this.root, ".centred input"));
  }

  /** Which part of the photo is answered, and by which network: the answer in sight follows. */
  #choices() {
    this.#centred.onchange = () => {
      if (this.#photo && !this.#live?.running) void this.give(this.#photo);
    };
    const { models } = this.about;
    one(this.root, ".networks").hidden = models.length < 2;
    for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (this.root.querySelectorAll(".networks input"))) {
      const model = models.find(({ key }) => key === radio.value);
      radio.checked = model === this.model;
      const size = one(/** @type {HTMLElement} */ (radio.closest("label")), "[data-size]");
      size.textContent = model ? `${(model.bytes / 1e6).toFixed(1)} MB` : "";
      radio.onchange = async () => {
        this.#state("loading");
        if (this.#photo) await handOver(this.#photo);
        change(radio.value);
      };
    }
  }

  /** How much this browser keeps of the tab, and a way to be rid of it. */
  async #stored() {
    const line = one(this.root, ".stored");
    const size = await kept();
    line.hidden = size === 0;
    one(line, "span").textContent = filled(this.say.stored, { size: (size / 1e6).toFixed(1) });
    one(line, "button").onclick = async () => {
      await empty();
      line.replaceChildren(this.say.emptied);
    };
  }

  /** The tab is out of sight: the camera goes off. */
  hide() {
    if (!this.#live?.running) return;
    this.#live.stop();
    this.told.replaceChildren(made(this.sheet.pieces.empty));
    this.#state("ready");
  }

  /** @param {Refusal} refusal */
  #refuse({ refused, values }) {
    this.told.replaceChildren(failed(filled(this.say[refused], values), this.sheet));
    this.#state("refused");
  }

  /** @param {Reply} reply */
  #show({ assessment, layers, shown }) {
    this.#forget();
    this.#engine(assessment.elapsed_ms.model);
    this.told.replaceChildren(answer(assessment, this.#ran(assessment), this.sheet));
    const photo = this.#address(/** @type {Blob} */ (shown));
    /** @type {HTMLImageElement} */ (one(this.root, ".preview")).src = photo;
    if (!assessment.issues.length) {
      const drawn = Object.fromEntries(Object.entries(layers).map(([code, rgba]) => [code, picture(rgba, this.about.rules.drawing.side)]));
      this.shown.replaceChildren(evidence(assessment, photo, drawn, this.sheet));
    }
    this.#state("photo");
  }

  /** @param {Reply} reply a video frame's */
  #frame({ assessment, layers }) {
    const steady = /** @type {Steady} */ (this.#steady).take(assessment, performance.now());
    this.#map(assessment, layers[assessment.focus]);
    this.#engine(assessment.elapsed_ms.model, this.#rate.tick());
    follow(this.told, steady, this.#ran(assessment), this.sheet);
  }

  /**
   * The map over the video.
   * @param {Assessment} assessment
   * @param {Uint8ClampedArray<ArrayBuffer> | undefined} layer
   */
  #map(assessment, layer) {
    const canvas = /** @type {HTMLCanvasElement} */ (one(this.root, ".map"));
    const { side } = this.about.rules.drawing;
    canvas.width = canvas.height = side; // which also empties it
    canvas.setAttribute("style", place(assessment));
    if (layer) canvas.getContext("2d")?.putImageData(new ImageData(layer, side, side), 0, 0);
  }

  /** Bring in files, drops and pastes, and the camera. */
  #ways() {
    const box = one(this.root, ".drop");
    one(this.root, ".choose").onclick = () => this.input.click();
    this.input.onchange = () => {
      this.#first(this.input.files);
      this.input.value = ""; // so that the same file can be chosen again
    };
    one(this.root, ".camera").onclick = () => void this.#watch();
    one(this.root, ".stop").onclick = () => this.hide();
    one(this.root, ".take").onclick = async () => void this.give(await /** @type {Live} */ (this.#live).still());
    document.addEventListener("paste", (event) => this.#first(event.clipboardData?.files));
    for (const name of ["dragover", "drop", "dragleave"]) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        box.classList.toggle("over", name === "dragover");
        if (name === "drop") this.#first(/** @type {DragEvent} */ (event).dataTransfer?.files);
      });
    }
    addEventListener("message", ({ data, origin }) => origin === location.origin && data === "hidden" && this.hide());
    addEventListener("pagehide", () => this.hide());
  }

  /** @param {FileList | null | undefined} files */
  #first(files) {
    if (files?.length) void this.give(files[0]);
  }

  async #watch() {
    if (!this.#live || !this.#network) return;
    this.#given++;
    this.#photo = undefined;
    this.#steady = new Steady(this.#network.thresholds, this.about.rules);
    try {
      this.shown.replaceChildren();
      await this.#live.start();
      this.#state("live");
    } catch (error) {
      this.#live.stop();
      this.#noCamera(error);
    }
  }

  /** @param {unknown} error */
  #noCamera(error) {
    const reason = error instanceof Error ? error.message : String(error);
    this.#refuse({ id: 0, refused: "refused_camera", values: { reason } });
  }

  /**
   * Which engine runs, and how fast.
   * @param {number} [elapsed] milliseconds, once there was an answer
   * @param {number} [rate] frames a second
   */
  #engine(elapsed, rate) {
    if (!this.#network) return;
    const { provider, threads } = this.#network.engine;
    const key = rate ? "engine_live" : provider === "WASM" ? "engine" : "engine_gpu";
    const values = { provider, threads, elapsed: elapsed?.toFixed(0) ?? "", rate: rate ?? 0 };
    one(this.root, ".engine").textContent = elapsed ? filled(this.say[key], values) : provider;
  }

  /** @param {Assessment} assessment */
  #ran({ elapsed_ms: elapsed }) {
    const { name, precision } = this.model;
    const provider = this.#network?.engine.provider ?? "";
    return filled(this.sheet.pieces.ran, { model: name, precision, provider, elapsed: Math.round(elapsed.total) });
  }

  /** @param {Blob} blob */
  #address(blob) {
    const address = URL.createObjectURL(blob);
    this.#addresses.push(address);
    return address;
  }

  /** Let the photo before this one go. */
  #forget() {
    for (const address of this.#addresses.splice(0)) URL.revokeObjectURL(address);
  }

  /** @param {"loading" | "ready" | "photo" | "refused" | "live" | "broken"} state */
  #state(state) {
    this.root.dataset.state = state;
    for (const button of this.root.querySelectorAll("button")) button.disabled = state === "loading" || state === "broken";
    const camera = /** @type {HTMLButtonElement} */ (one(this.root, ".camera"));
    camera.disabled ||= !navigator.mediaDevices; // there is none outside a secure context
  }
}

/**
 * A layer as a picture's address.
 * @param {Uint8ClampedArray<ArrayBuffer>} rgba
 * @param {number} side
 */
function picture(rgba, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.getContext("2d")?.putImageData(new ImageData(rgba, side, side), 0, 0);
  return canvas.toDataURL();
}
