/**
 * May this photo be answered at all? The figures of skinapp/assessment/quality.py, held against the same limits.
 * @import {Figures, Picture, QualityLimits, QualityRules} from "./types.js"
 */

/** @typedef {{values: Float32Array, width: number, height: number}} Field one number a pixel */

/** Shares of red, green and blue in grey, in 2^-15: those of OpenCV. */
const [RED, GREEN, BLUE] = [9798, 19235, 3735];

/**
 * The figures of a photo, of the network's view of it, and of its embedding; `cam` is the likeliest lesion's class map.
 * @param {{width: number, height: number}} photo
 * @param {Picture} view
 * @param {ArrayLike<number>} embedding
 * @param {{values: ArrayLike<number>, cells: [number, number]}} cam
 * @param {{weights: number[], bias: number}} head
 * @param {QualityRules} rules
 * @returns {Figures}
 */
export function measure(photo, view, embedding, cam, head, rules) {
  const { width, height } = view;
  const grey = greyOf(view);
  const below = cumulated(grey);
  /** @type {(values: Field) => number} */
  const atLesion = (values) => weighted(values, cam);
  return {
    short_side: Math.min(photo.width, photo.height),
    sharpness: atLesion({ values: laplacian(grey, width, height), width, height }),
    evenness: evenness(grey, width, height, atLesion),
    brightness: mean(grey),
    contrast: percentile(below, 0.95) - percentile(below, 0.05),
    glare: glare(view.data, rules.white),
    hair: atLesion({ values: hair(grey, width, height, rules), width, height }),
    lesion_evidence: evidence(embedding, head),
  };
}

/**
 * The log-odds that an embedding is a lesion's: of its direction, because faint pictures have short embeddings.
 * @param {ArrayLike<number>} embedding
 * @param {{weights: number[], bias: number}} head
 */
function evidence(embedding, { weights, bias }) {
  const length = Math.hypot(...Array.from(embedding));
  return weights.reduce((sum, weight, i) => sum + weight * embedding[i], 0) / Math.max(length, 1e-12) + bias;
}

/**
 * What keeps a photo from being answered, and what it is answered in spite of, in the order in which they are told.
 * @param {Figures} figures
 * @param {{refuse: QualityLimits, warn: QualityLimits}} quality
 */
export function judged(figures, { refuse, warn }) {
  const issues = beyond(figures, refuse);
  return { issues, warnings: beyond(figures, warn).filter((issue) => !issues.includes(issue)) };
}

/**
 * The limits that the figures don't keep to; one that is just reached is kept to.
 * @param {Figures} figures
 * @param {QualityLimits} limits
 * @returns {string[]}
 */
export function beyond(figures, limits) {
  /** @type {[string, boolean][]} */
  const checks = [
    ["small", figures.short_side < limits.min_short_side],
    ["dark", figures.brightness < limits.min_brightness],
    ["bright", figures.brightness > limits.max_brightness],
    ["glare", figures.glare > limits.max_glare],
    ["flat", figures.contrast < limits.min_contrast],
    ["blurred", figures.sharpness < limits.min_sharpness],
    ["shaken", figures.evenness < limits.min_evenness],
    ["hair", figures.hair > limits.max_hair],
    ["no_lesion", figures.lesion_evidence < limits.min_lesion_evidence],
  ];
  return checks.filter(([, found]) => found).map(([issue]) => issue);
}

/** @param {Picture} view */
function greyOf({ data, width, height }) {
  const grey = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < grey.length; i++, j += 3) {
    grey[i] = (data[j] * RED + data[j + 1] * GREEN + data[j + 2] * BLUE + 2 ** 14) >> 15;
  }
  return grey;
}

/**
 * Four neighbours less four times the pixel, squared, the picture mirrored at its outermost pixels.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 */
function laplacian(grey, width, height) {
  const result = new Float32Array(grey.length);
  for (let y = 0; y < height; y++) {
    const above = mirrored(y - 1, height) * width;
    const below = mirrored(y + 1, height) * width;
    for (let x = 0; x < width; x++) {
      const own = y * width;
      const beside = grey[own + mirrored(x - 1, width)] + grey[own + mirrored(x + 1, width)];
      result[own + x] = (beside + grey[above + x] + grey[below + x] - 4 * grey[own + x]) ** 2;
    }
  }
  return result;
}

/**
 * @param {number} place
 * @param {number} length
 */
function mirrored(place, length) {
  if (length === 1) return 0;
  return place < 0 ? -place : place >= length ? 2 * length - 2 - place : place;
}

/** @param {ArrayLike<number>} values */
function mean(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/**
 * Shaking smooths along its direction alone: the weaker of two crossing directions against the stronger, for the pair where
 * they differ most.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 * @param {(values: Field) => number} atLesion
 */
function evenness(grey, width, height, atLesion) {
  const pairs = [
    [1, width],
    [width + 1, width - 1],
  ];
  const shares = pairs.map((steps) => {
    const [one, other] = steps.map((step) => 1 + atLesion(bends(grey, width, height, step)));
    return Math.min(one, other) / Math.max(one, other);
  });
  return Math.min(...shares);
}

/**
 * How the inner pixels differ from the straight line between their neighbours a step before and behind, squared.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 * @param {number} step
 * @returns {Field}
 */
function bends(grey, width, height, step) {
  const values = new Float32Array((width - 2) * (height - 2));
  for (let y = 1, i = 0; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++, i++) {
      const at = y * width + x;
      values[i] = (grey[at - step] + grey[at + step] - 2 * grey[at]) ** 2;
    }
  }
  return { values, width: width - 2, height: height - 2 };
}

/**
 * 1 where a pixel is darker by `hair` than the picture whose thin dark lines are filled, else 0.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 * @param {QualityRules} rules
 */
function hair(grey, width, height, { hair: darker, hair_width: across }) {
  const reach = (across - 1) / 2;
  const widened = slid(slid(grey, width, height, 1, width, reach), height, width, width, 1, reach);
  // The least of some values is the most of them turned round.
  const turned = widened.map((value) => 255 - value);
  const narrowed = slid(slid(turned, width, height, 1, width, reach), height, width, width, 1, reach);
  const found = new Float32Array(grey.length);
  for (let i = 0; i < found.length; i++) found[i] = 255 - narrowed[i] - grey[i] > darker ? 1 : 0;
  return found;
}

/**
 * The most of each pixel's neighbours along one direction, itself among them.
 * @param {Uint8Array} values
 * @param {number} length of a line
 * @param {number} lines
 * @param {number} step from pixel to pixel
 * @param {number} jump from line to line
 * @param {number} reach
 */
function slid(values, length, lines, step, jump, reach) {
  const result = new Uint8Array(values.length);
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < length; place++) {
      const last = line * jump + Math.min(length - 1, place + reach) * step;
      let found = 0;
      for (let at = line * jump + Math.max(0, place - reach) * step; at <= last; at += step) {
        if (values[at] > found) found = values[at];
      }
      result[line * jump + place * step] = found;
    }
  }
  return result;
}

/**
 * The mean of a picture's values, weighted by the evidence of the map's cells above them; of all alike where there is none.
 * @param {Field} field
 * @param {{values: ArrayLike<number>, cells: [number, number]}} cam
 */
function weighted({ values, width, height }, { values: cam, cells: [rows, columns] }) {
  const some = Array.from(cam).some((value) => value > 0);
  let [sum, all] = [0, 0];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const weight = some ? Math.max(0, cam[row * columns + column]) : 1;
      if (weight === 0) continue;
      const [top, bottom] = [row, row + 1].map((edge) => Math.floor((edge * height) / rows));
      const [left, right] = [column, column + 1].map((edge) => Math.floor((edge * width) / columns));
      let part = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) part += values[y * width + x];
      sum += (weight * part) / ((bottom - top) * (right - left));
      all += weight;
    }
  }
  return sum / all;
}

/**
 * How many pixels are at most as light as each of the 256 levels: sorting them all takes many times as long.
 * @param {Uint8Array} grey
 */
function cumulated(grey) {
  const below = new Uint32Array(256);
  for (let i = 0; i < grey.length; i++) below[grey[i]]++;
  for (let level = 1; level < 256; level++) below[level] += below[level - 1];
  return below;
}

/**
 * Of the pixels so counted, between neighbours in a straight line.
 * @param {Uint32Array} below
 * @param {number} share
 */
function percentile(below, share) {
  const place = share * (below[255] - 1);
  const low = Math.floor(place);
  const [one, next] = [low, Math.min(low + 1, below[255] - 1)].map((rank) => below.findIndex((count) => count > rank));
  return one + (next - one) * (place - low);
}

/**
 * @param {Uint8Array} data
 * @param {number} white
 */
function glare(data, white) {
  let burnt = 0;
  for (let i = 0; i < data.length; i += 3) burnt += Number(data[i] >= white && data[i + 1] >= white && data[i + 2] >= white);
  return burnt / (data.length / 3);
}
