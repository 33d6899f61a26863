/**
 * The network, off the page's own thread: a file or a video frame comes in, its assessment and its layers go out.
 * It is started after the page has been sealed, so that the browser refuses every connection it might try.
 * @import {InferenceSession, Tensor} from "onnxruntime-web"
 * @import {Engine, Look, Outputs, Pixels, Question, Refusal, Reply, Start} from "../inference/types.js"
 */
import { judge, layers } from "../inference/assessor.js";
import { decode, part, Refused, shrunk } from "../inference/decode.js";
import { crop } from "../inference/framing.js";
import { PLAIN, views } from "../inference/looks.js";
import { normalize } from "../inference/preprocess.js";

/** @typedef {typeof import("onnxruntime-web")} Ort */

const INPUT = "pixel_values";
const OUTPUTS = ["logits", "cams", "embedding"];

/** @type {{ort: Ort, session: InferenceSession, start: Start}} */
let running;

/** All that came before, which is done first. */
let before = Promise.resolve();

self.onmessage = ({ data }) => {
  before = before.then(() => (running ? asked(data) : begin(data)));
};

/** @param {Question} data */
async function asked(data) {
  try {
    const [reply, moved] = await answer(data);
    post(reply, moved);
  } catch (error) {
    post(refusal(data.id, error));
  }
}

/**
 * @param {object} message
 * @param {Transferable[]} [moved]
 */
function post(message, moved = []) {
  self.postMessage(message, { transfer: moved });
}

/**
 * Ready before the first pass, which takes several times as long as later ones: it runs while a photo is being chosen.
 * @param {Start} start
 */
async function begin(start) {
  try {
    /** @type {Ort} */
    const ort = await import(start.runtime);
    ort.env.logLevel = "error";
    ort.env.wasm.wasmBinary = start.wasm;
    ort.env.wasm.numThreads = start.threads;
    const { session, provider } = await open(ort, start);
    running = { ort, session, start };
    /** @type {Engine} */
    const ready = { provider, threads: provider === "WASM" ? start.threads : 1, sealed: await sealed() };
    post({ ready });
    const [, high, wide] = start.config.pretrained_cfg.input_size;
    check(await run(new Float32Array(3 * high * wide)), start);
  } catch (error) {
    post({ broken: String(error) });
  }
}

/**
 * The session on the provider that was chosen; where a GPU fails, on WebAssembly, which the same file holds.
 * @param {Ort} ort
 * @param {Start} start
 * @returns {Promise<{session: InferenceSession, provider: "WASM" | "WebGPU"}>}
 */
async function open(ort, { provider, weights }) {
  const model = new Uint8Array(weights);
  if (provider === "WebGPU") {
    try {
      return { session: await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] }), provider };
    } catch (error) {
      console.warn("WebGPU failed, WebAssembly goes on:", error);
    }
  }
  return { session: await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }), provider: "WASM" };
}

/**
 * @param {Outputs} outputs
 * @param {Start} start
 */
function check(outputs, { config }) {
  const sizes = [outputs.logits.length, outputs.embedding.length];
  const wanted = [config.label_names.length, config.skinapp.lesion_head.weights.length];
  if (sizes.join() !== wanted.join()) throw new Error(`The model gives ${sizes} numbers, but config.json says ${wanted}.`);
}

/** Whether the browser refuses connections here, as it was told to before; a data address asks no network either way. */
async function sealed() {
  return fetch("data:,").then(
    () => false,
    () => true,
  );
}

/**
 * @param {Question} question
 * @returns {Promise<[Reply, Transferable[]]>}
 */
async function answer({ id, file, frame, centred }) {
  const { config, rules } = running.start;
  const looks = (file && config.skinapp.careful?.looks) || PLAIN;
  const began = performance.now();
  let { bitmap, pixels } = await decode(file ?? /** @type {ImageBitmap} */ (frame), rules);
  const decode_ms = performance.now() - began;
  let judged = await assess(pixels, looks);
  const around = centred && crop(judged.assessment.box, pixels, rules.framing);
  if (around) {
    ({ bitmap, pixels } = await part(bitmap, around));
    judged = await assess(pixels, looks);
  }
  const { assessment, maps } = judged;
  const drawing = performance.now();
  const codes = file ? config.label_names : [assessment.focus];
  const drawn = assessment.issues.length ? {} : layers(codes, maps, config, rules);
  const now = performance.now();
  assessment.elapsed_ms = { decode: decode_ms, ...assessment.elapsed_ms, draw: now - drawing, total: now - began };
  const shown = file && (await shrunk(bitmap, rules.drawing.max_side));
  bitmap.close();
  return [{ id, assessment, layers: drawn, shown }, Object.values(drawn).map((one) => one.buffer)];
}

/**
 * The assessment of a photo from some looks at it, with the times of its stages.
 * @param {Pixels} pixels
 * @param {Look[]} looks
 */
async function assess(pixels, looks) {
  const { config, rules } = running.start;
  const began = performance.now();
  const seen = views(pixels, config.pretrained_cfg, looks);
  const tensors = seen.map((view) => normalize(view, config.pretrained_cfg));
  const prepared = performance.now();
  const outputs = [];
  for (const tensor of tensors) outputs.push(await run(tensor));
  const answered = performance.now();
  const judged = judge(pixels, seen[0], outputs, looks, config, rules);
  const now = performance.now();
  judged.assessment.elapsed_ms = { preprocess: prepared - began, model: answered - prepared, judge: now - answered };
  return judged;
}

/**
 * One pass over one photo.
 * @param {Float32Array} pixels
 * @returns {Promise<Outputs>}
 */
async function run(pixels) {
  const { ort, session, start } = running;
  const given = new ort.Tensor("float32", pixels, [1, ...start.config.pretrained_cfg.input_size]);
  const results = await session.run({ [INPUT]: given });
  const [logits, cams, embedding] = OUTPUTS.map((name) => /** @type {Float32Array} */ (results[name].data));
  const cells = /** @type {[number, number]} */ (results.cams.dims.slice(2));
  return { logits, cams, embedding, cells };
}

/**
 * @param {number} id
 * @param {unknown} error
 * @returns {Refusal}
 */
function refusal(id, error) {
  if (error instanceof Refused) return { id, refused: error.message, values: error.values };
  console.error(error);
  return { id, refused: "unexpected", values: {} };
}
