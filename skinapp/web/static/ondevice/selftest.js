/**
 * The self-test: drawn photos are answered by the server first, then, the page being sealed, by this browser, and the
 * differences are printed. They hold numbers of two different files where the server runs another one than browsers do.
 * @import {Network} from "./engine.js"
 * @import {About} from "../inference/types.js"
 */
import { filled, made } from "../view/fill_answer.js";
import { open } from "./engine.js";
import { dress, options } from "./main.js";

/** Width, height, and a seed. */
const PHOTOS = [
  [640, 480, 1],
  [480, 640, 2],
  [333, 517, 3],
  [1201, 799, 4],
  [224, 224, 5],
  [2000, 1500, 6],
];

/** @typedef {{priority: string, probabilities: Record<string, number>, model: {file: string, provider: string}}} Report */
/** @typedef {{name: string, priority: string, theirs: string, difference: number, elapsed: number}} Row */

/**
 * A spot on skin, speckled from a seed, as a file.
 * @param {number[]} photo
 */
async function drawn([width, height, seed]) {
  const canvas = new OffscreenCanvas(width, height);
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  drawing.fillStyle = "rgb(222 178 152)";
  drawing.fillRect(0, 0, width, height);
  let state = seed;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 400; i++) {
    const reach = Math.min(width, height) * 0.22;
    const angle = random() * 2 * Math.PI;
    const far = Math.sqrt(random()) * reach;
    drawing.fillStyle = `rgb(${60 + random() * 60 * seed} ${30 + random() * 50} ${25 + random() * 40})`;
    drawing.beginPath();
    drawing.arc(width / 2 + far * Math.cos(angle), height / 2 + far * Math.sin(angle), reach / 9, 0, 7);
    drawing.fill();
  }
  return new File([await canvas.convertToBlob()], `${width}x${height}.png`, { type: "image/png" });
}

/**
 * What the server says of a photo.
 * @param {File} file
 * @returns {Promise<Report>}
 */
async function asked(file) {
  const api = new URL("../gradio_api/", location.href);
  const form = new FormData();
  form.append("files", file);
  const [path] = await (await fetch(new URL("upload", api), { method: "POST", body: form })).json();
  const body = JSON.stringify({ data: [{ path, meta: { _type: "gradio.FileData" } }] });
  const headers = { "content-type": "application/json" };
  const { event_id: id } = await (await fetch(new URL("call/classify", api), { method: "POST", body, headers })).json();
  const events = await (await fetch(new URL(`call/classify/${id}`, api))).text();
  const told = events.match(/event: complete\ndata: (.*)/)?.[1];
  if (!told) throw new Error(`The server doesn't answer (${events.slice(0, 80)}).`);
  return JSON.parse(told)[0];
}

/**
 * @param {File} file
 * @param {Report} report
 * @param {Network} network
 * @param {About} about
 * @returns {Promise<Row>}
 */
async function compared(file, report, network, about) {
  const reply = await network.ask({ file });
  if ("refused" in reply) throw new Error(reply.refused);
  const { chances, priority, elapsed_ms: elapsed } = reply.assessment;
  const differences = about.rules.lesions.map(({ code }, i) => Math.abs(chances[i] - report.probabilities[code]));
  return {
    name: file.name,
    priority,
    theirs: report.priority,
    difference: Math.max(...differences),
    elapsed: elapsed.model,
  };
}

async function main() {
  dress();
  const { about, language, code } = await options();
  const { say } = about.pieces[language];
  const root = /** @type {HTMLElement} */ (document.getElementById("selftest"));
  try {
    const files = await Promise.all(PHOTOS.map(drawn));
    /** @type {Report[]} */
    const reports = [];
    for (const file of files) reports.push(await asked(file));
    const model = about.models[about.models.length - 1]; // the server's own
    const network = await open(code, about, () => undefined, model);
    /** @type {Row[]} */
    const rows = [];
    for (const [i, file] of files.entries()) rows.push(await compared(file, reports[i], network, about));
    root.replaceChildren(table(rows, say));
    const worst = Math.max(...rows.map(({ difference }) => difference));
    const values = { worst: worst.toExponential(1), theirs: reports[0].model.file, ours: model.file };
    root.prepend(made(`<p class="worst" data-worst="${worst}"></p>`));
    /** @type {HTMLElement} */ (root.firstElementChild).textContent = filled(say.selftest_worst, values);
  } catch (error) {
    root.textContent = filled(say.broken, { reason: String(error) });
    root.dataset.failed = "";
  }
}

/**
 * @param {Row[]} rows
 * @param {Record<string, string>} say
 */
function table(rows, say) {
  const result = document.createElement("table");
  const heads = ["selftest_photo", "selftest_here", "selftest_server", "selftest_difference", "selftest_elapsed"];
  const lines = [heads.map((key) => say[key]), ...rows.map(cells)];
  for (const line of lines) result.insertRow().append(...line.map(cell));
  return result;
}

/** @param {Row} row */
function cells({ name, priority, theirs, difference, elapsed }) {
  return [name, priority, theirs, difference.toExponential(1), `${elapsed.toFixed(0)} ms`];
}

/** @param {string} text */
function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}

void main();
