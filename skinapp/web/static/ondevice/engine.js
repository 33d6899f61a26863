/**
 * Brings the model and ONNX Runtime here, seals the page, starts the worker and asks it.
 * @import {About, Config, Engine, Model, Refusal, Reply, Start} from "../inference/types.js"
 */
import { thresholds } from "../inference/assessor.js";
import { keeping, STORE, stored } from "./store.js";

/** From here on the browser itself refuses every connection of this page and of what it starts. */
const SEAL =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'none'; " +
  "style-src 'self' 'unsafe-inline'; img-src data: blob:; media-src blob:; form-action 'none'; base-uri 'none'";

const MOST_THREADS = 4;

/** @typedef {(done: number, all: number) => void} Progress bytes so far, of how many */

/** A network that answers photos, in a worker of its own. */
export class Network {
  /** @type {Map<number, (reply: Reply | Refusal) => void>} */
  #waiting = new Map();
  #asked = 0;
  /** @type {(reason: string) => void} */
  #break = () => undefined;
  /** What is wrong with the model, if its first pass shows that something is. @type {Promise<string>} */
  broken = new Promise((resolve) => (this.#break = resolve));

  /**
   * @param {Worker} worker
   * @param {Engine} engine
   * @param {Record<string, Record<string, number>>} thresholds the model's, of each view
   */
  constructor(worker, engine, thresholds) {
    this.worker = worker;
    this.engine = engine;
    this.thresholds = thresholds;
    worker.onmessage = ({ data }) => {
      if ("broken" in data) return this.#break(data.broken);
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    };
    worker.onerror = () => this.#fail();
  }

  /**
   * @param {{file: Blob, centred?: boolean} | {frame: ImageBitmap}} source
   * @returns {Promise<Reply | Refusal>}
   */
  ask(source) {
    const id = ++this.#asked;
    const asked = new Promise((/** @type {(reply: Reply | Refusal) => void} */ resolve) => this.#waiting.set(id, resolve));
    this.worker.postMessage({ id, ...source }, "frame" in source ? [source.frame] : []);
    return asked;
  }

  close() {
    this.worker.terminate();
    this.#fail();
  }

  #fail() {
    for (const [id, resolve] of this.#waiting) resolve({ id, refused: "unexpected", values: {} });
    this.#waiting.clear();
  }
}

/**
 * @param {URL} code where the modules lie
 * @param {About} about
 * @param {Progress} progress
 * @param {Model} [model] the one to answer with
 */
export async function open(code, about, progress, model = about.models[0]) {
  const provider = await chosen();
  const many = globalThis.crossOriginIsolated && !isSafari();
  const threads = many ? Math.max(1, Math.min(MOST_THREADS, (navigator.hardwareConcurrency || 1) - 1)) : 1;
  const runtime = new URL(about.runtime, code);
  const { module, binary } = about.engines[provider];
  const [config, weights, wasm] = await brought(
    [new URL(model.config, code), new URL(model.weights, code), new URL(binary, runtime)],
    progress,
  );
  /** @type {Config} */
  const read = JSON.parse(new TextDecoder().decode(config));
  await checkHash(weights, read.skinapp.files[model.file].sha256);
  seal();
  /** @type {Start} */
  const start = { runtime: new URL(module, runtime).href, provider, threads, wasm, weights, config: read, rules: about.rules };
  const network = await started(new URL("ondevice/worker.js", code), start);
  await stored();
  return network;
}

/**
 * WebGPU where there is a real one: a GPU that is computed by the CPU takes 50 times as long as WebAssembly.
 * @returns {Promise<"WASM" | "WebGPU">}
 */
async function chosen() {
  const asked = new URLSearchParams(location.search).get("engine");
  if (asked === "WebGPU" || asked === "WASM") return asked;
  if (isSafari()) return "WASM";
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter && !adapter.info?.isFallbackAdapter ? "WebGPU" : "WASM";
}

/**
 * Every browser on iOS is Safari within. ONNX Runtime's issues tell of pages that it kills: with WebGPU on Safari 26 (26827), and
 * with several threads for want of memory (11679).
 */
function isSafari() {
  return navigator.vendor.startsWith("Apple");
}

/**
 * Files, from this browser's own store where they lie there.
 * @param {URL[]} addresses
 * @param {Progress} progress
 * @returns {Promise<ArrayBuffer[]>}
 */
async function brought(addresses, progress) {
  const done = addresses.map(() => 0);
  const sizes = addresses.map(() => 0);
  const tell = () =>
    progress(
      done.reduce((a, b) => a + b),
      sizes.reduce((a, b) => a + b),
    );
  return Promise.all(
    addresses.map(async (address, i) => {
      const response = await keeping(address);
      sizes[i] = Number(response.headers.get("content-length"));
      const counted = new TransformStream({
        transform(/** @type {Uint8Array} */ chunk, out) {
          done[i] += chunk.byteLength;
          tell();
          out.enqueue(chunk);
        },
      });
      return unpacked(await new Response(response.body?.pipeThrough(counted)).arrayBuffer());
    }),
  );
}

/**
 * A file as it was before it was packed; some hosts unpack it on the way.
 * @param {ArrayBuffer} content
 * @returns {Promise<ArrayBuffer>}
 */
async function unpacked(content) {
  const [first, second] = new Uint8Array(content, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return content;
  return new Response(new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/**
 * Refuses a model file that isn't the one config.json describes; without a secure context there is nothing to check with.
 * @param {ArrayBuffer} content
 * @param {string} wanted
 */
async function checkHash(content, wanted) {
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const seen = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (seen === wanted) return;
  await globalThis.caches?.delete(STORE);
  throw new Error(`The model file's SHA-256 is ${seen.slice(0, 12)}, not ${wanted.slice(0, 12)}; load the page again.`);
}

/** Policies add up: a later one can only forbid more. */
function seal() {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = SEAL;
  document.head.append(policy);
}

/**
 * A worker that is made of a blob inherits the seal, on every host; one that is loaded would bring its own policy.
 * @param {URL} module
 * @param {Start} start
 * @returns {Promise<Network>}
 */
function started(module, start) {
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(module.href)};`], { type: "text/javascript" }));
  const worker = new Worker(blob, { type: "module" });
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ reason) => {
      worker.terminate();
      reject(new Error(reason));
    };
    worker.onmessage = ({ data }) => {
      if ("ready" in data) resolve(new Network(worker, data.ready, thresholds(start.config.skinapp)));
      else fail(data.broken);
    };
    worker.onerror = (event) => fail(event.message || "The worker can't be started.");
    worker.postMessage(start, [start.wasm, start.weights]);
  });
}
