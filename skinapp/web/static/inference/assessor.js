/**
 * Joins the rooms above, as skinapp/assessment/assessor.py does: pixels and the network's outputs in, an assessment out.
 * @import {Assessment, Config, Look, Maps, Outputs, Picture, Pixels, Rule, Rules} from "./types.js"
 */
import { heatmap, layer } from "./explain.js";
import { framing } from "./framing.js";
import { boxes, covering, merged } from "./looks.js";
import { evidence, judged, measure } from "./quality.js";
import { among, deciding, probabilities } from "./triage.js";

/** The answer to a photo that can't be judged. */
const UNCLEAR = "unclear";

/** What an answer rests on: class maps of what the looks see together, and how far they are shifted. */
/** @typedef {Maps & {shift: number}} Evidence */

/**
 * The answer from all looks at a photo. What is the mean of them is the answer; whether it may be given, how the photo was taken
 * and where the lesion lies, the first look says, at the photo as it is.
 * @param {Pixels} photo
 * @param {Picture} view what the first look sees
 * @param {Outputs[]} outputs each look's
 * @param {Look[]} looks
 * @param {Config} config
 * @param {Rules} rules
 * @returns {{assessment: Assessment, maps: Evidence}}
 */
export function judge(photo, view, outputs, looks, { pretrained_cfg: transform, skinapp: own }, rules) {
  for (const values of outputs.flatMap(({ logits, cams, embedding }) => [logits, cams, embedding])) {
    // Nothing passes a threshold that is compared with nan: it would be a Low.
    if (!values.every(Number.isFinite)) throw new Error("The model answered with numbers that are not finite.");
  }
  const [{ logits, cams, embedding, cells }] = outputs;
  const clinical = own.clinical && evidence(embedding, own.clinical.view_head) > 0 ? own.clinical : undefined;
  const careful = looks.length > 1;
  const { temperature, thresholds, sets } = ruleOf(own, clinical, careful);
  const chances = probabilities(mean(outputs), temperature);
  const focus = deciding(chances, thresholds, rules);
  const places = boxes(photo, transform, looks);
  const { box, flaws } = framing(photo, { values: cams, cells }, places[0], own.frame_head, rules.framing);
  const size = cells[0] * cells[1];
  const likeliest = logits.indexOf(Math.max(...logits)) * size;
  const cam = { values: cams.subarray(likeliest, likeliest + size), cells };
  const figures = measure(photo, view, embedding, cam, own.lesion_head, rules.quality);
  const { issues, warnings } = judged(figures, (clinical ?? own).quality);
  const { shift } = own.heatmap;
  const together = careful
    ? { ...merged(outputs.map(mapsOf), looks, places, shift), shift: 0 }
    : { values: cams, cells, shift };
  const assessment = {
    chances,
    view: own.clinical ? (clinical ? "clinical" : "dermoscopic") : "",
    priority: issues.length ? UNCLEAR : focus.priority,
    focus: focus.code,
    issues,
    warnings: [...warnings, ...flaws],
    set: among(chances, sets, rules.lesions),
    box,
    careful,
    figures,
    seen: covering(places),
    width: photo.width,
    height: photo.height,
    elapsed_ms: {},
  };
  return { assessment, maps: together };
}

/**
 * @param {Config["skinapp"]} own
 * @param {Config["skinapp"]["clinical"]} clinical
 * @param {boolean} careful
 * @returns {Rule}
 */
function ruleOf(own, clinical, careful) {
  if (clinical) return careful ? clinical.careful : clinical.quick;
  return (careful && own.careful) || own;
}

/** @param {Outputs[]} outputs */
function mean(outputs) {
  return Float32Array.from(outputs[0].logits, (_, i) => outputs.reduce((sum, { logits }) => sum + logits[i], 0) / outputs.length);
}

/**
 * @param {Outputs} outputs
 * @returns {Maps}
 */
function mapsOf({ cams, cells }) {
  return { values: cams, cells };
}

/**
 * Each view's thresholds, from one look at a photo; "" is that of a model that knows one alone.
 * @param {Config["skinapp"]} own
 * @returns {Record<string, Rule["thresholds"]>}
 */
export function thresholds({ thresholds: dermoscopic, clinical }) {
  return { "": dermoscopic, dermoscopic, clinical: clinical?.quick.thresholds ?? dermoscopic };
}

/**
 * The layers of some lesions, by code.
 * @param {string[]} codes
 * @param {Evidence} maps
 * @param {Config} config
 * @param {Rules} rules
 */
export function layers(codes, { values, cells, shift }, { label_names: labels, skinapp: own }, rules) {
  const size = cells[0] * cells[1];
  return Object.fromEntries(
    codes.map((code) => {
      const place = labels.indexOf(code) * size;
      const heat = heatmap(values.slice(place, place + size), code, own.heatmap);
      return [code, layer(heat, cells, shift, rules.drawing)];
    }),
  );
}
