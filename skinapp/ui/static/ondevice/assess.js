/**
 * Joins the rooms above, as skinapp/assessment/assessor.py does: pixels and the network's outputs in, an assessment out.
 * @import {Assessment, Config, Outputs, Picture, Pixels, Rules} from "./types.js"
 */
import { heatmap, layer } from "./overlay.js";
import { seen } from "./preprocess.js";
import { judged, measure } from "./quality.js";
import { deciding, probabilities } from "./triage.js";

/** The answer to a photo that can't be judged. */
const UNCLEAR = "unclear";

/**
 * @param {Pixels} photo
 * @param {Picture} view
 * @param {Outputs} outputs
 * @param {Config} config
 * @param {Rules} rules
 * @returns {Assessment}
 */
export function judge(photo, view, outputs, { pretrained_cfg: transform, skinapp: own }, rules) {
  for (const values of [outputs.logits, outputs.cams, outputs.embedding]) {
    // Nothing passes a threshold that is compared with nan: it would be a Low.
    if (!values.every(Number.isFinite)) throw new Error("The model answered with numbers that are not finite.");
  }
  const chances = probabilities(outputs.logits, own.temperature);
  const focus = deciding(chances, own.thresholds, rules);
  const size = outputs.cells[0] * outputs.cells[1];
  const place = chances.indexOf(Math.max(...chances)) * size;
  const cam = { values: outputs.cams.subarray(place, place + size), cells: outputs.cells };
  const figures = measure(photo, view, outputs.embedding, cam, own.lesion_head, rules.quality);
  const { issues, warnings } = judged(figures, own.quality);
  return {
    chances,
    priority: issues.length ? UNCLEAR : focus.priority,
    focus: focus.code,
    issues,
    warnings,
    figures,
    seen: seen(photo.width, photo.height, transform),
    width: photo.width,
    height: photo.height,
    elapsed_ms: {},
  };
}

/**
 * The layers of some lesions, by code.
 * @param {string[]} codes
 * @param {Outputs} outputs
 * @param {Config} config
 * @param {Rules} rules
 */
export function layers(codes, { cams, cells }, { label_names: labels, skinapp: own }, rules) {
  const size = cells[0] * cells[1];
  return Object.fromEntries(
    codes.map((code) => {
      const place = labels.indexOf(code) * size;
      const heat = heatmap(cams.slice(place, place + size), code, own.heatmap);
      return [code, layer(heat, cells, own.heatmap.shift, rules.drawing)];
    }),
  );
}
