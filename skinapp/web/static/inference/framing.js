/**
 * Where in the photo does the lesion lie, and how should it be framed? As skinapp/assessment/framing.py finds it, from colour and
 * class maps. Only ever warns.
 * @import {Box, FramingRules, Maps, Pixels} from "./types.js"
 */
import { add, between } from "./looks.js";
import { even } from "./preprocess.js";

/** A grid with one number a cell. @typedef {{values: Float32Array, rows: number, columns: number}} Grid */

/** Bits after the point of the weights by which OpenCV reads between pixels. */
const BITS = 11;
/** Added to the differences that a share is taken of, so that noise is no difference. */
const NOISE = 0.03;

/**
 * The lesion's box in the photo's pixels, and what is wrong with its place; nothing where the model finds no lesions.
 * @param {Pixels} photo
 * @param {Maps} cams
 * @param {Box} seen what the network saw
 * @param {{weights: number[], bias: number} | undefined} head
 * @param {FramingRules} rules
 * @returns {{box: Box | undefined, flaws: string[]}}
 */
export function framing(photo, cams, seen, head, rules) {
  if (!head?.weights.length) return { box: undefined, flaws: [] };
  const box = found(photo, cams, seen, head, rules);
  return { box, flaws: flaws(box, photo, rules) };
}

/**
 * The box of what most likely is the lesion.
 * @param {Pixels} photo
 * @param {Maps} cams
 * @param {Box} seen
 * @param {{weights: number[], bias: number}} head
 * @param {FramingRules} rules
 * @returns {Box | undefined}
 */
function found(photo, cams, seen, head, rules) {
  const { colours, rows, columns } = cellsOf(photo, rules);
  const sums = logOdds(colours, evidenceOf(photo, cams, seen, rows, columns, head.weights), rows, columns, head, rules);
  const { max_log_odds: most } = rules;
  for (let i = 0; i < sums.length; i++) sums[i] = 1 / (1 + Math.exp(-Math.min(most, Math.max(-most, sums[i]))));
  const area = likeliest({ values: blurred(sums, rows, columns, 1), rows, columns });
  if (!area) return undefined;
  const across = photo.width / columns;
  const down = photo.height / rows;
  return {
    left: even(area.left * across),
    top: even(area.top * down),
    right: even(area.right * across),
    bottom: even(area.bottom * down),
  };
}

/**
 * What is wrong with a lesion's place in a photo of this size.
 * @param {Box | undefined} box
 * @param {{width: number, height: number}} photo
 * @param {FramingRules} rules
 */
export function flaws(box, { width, height }, rules) {
  if (!box) return ["absent"];
  const side = Math.min(width, height);
  const cut = box.left <= 0 || box.top <= 0 || box.right >= width || box.bottom >= height;
  const longer = Math.max(box.right - box.left, box.bottom - box.top);
  const offset = Math.max(Math.abs(box.left + box.right - width), Math.abs(box.top + box.bottom - height)) / 2;
  /** @type {[string, boolean][]} */
  const checks = [
    ["cut_off", cut],
    ["far", longer < rules.far * side],
    ["aside", !cut && offset > rules.aside * side],
  ];
  return checks.filter(([, applies]) => applies).map(([flaw]) => flaw);
}

/**
 * The square that shows the lesion in its middle with skin around it; none where that is the whole photo.
 * @param {Box | undefined} box
 * @param {{width: number, height: number}} photo
 * @param {FramingRules} rules
 * @returns {Box | undefined}
 */
export function crop(box, { width, height }, rules) {
  if (!box) return undefined;
  const longer = Math.max(box.right - box.left, box.bottom - box.top);
  const side = Math.min(even(rules.crop * longer), width, height);
  if (side === width && side === height) return undefined;
  const left = Math.min(Math.max(Math.floor((box.left + box.right - side) / 2), 0), width - side);
  const top = Math.min(Math.max(Math.floor((box.top + box.bottom - side) / 2), 0), height - side);
  return { left, top, right: left + side, bottom: top + side };
}

/**
 * How likely each cell is lesion: its features, in the order of the head's weights, times these.
 * @param {[Float32Array, Float32Array, Float32Array]} colours
 * @param {Float32Array} evidence the weighted sum of the seven lesions'
 * @param {number} rows
 * @param {number} columns
 * @param {{weights: number[], bias: number}} head
 * @param {FramingRules} rules
 */
function logOdds(colours, evidence, rows, columns, { weights, bias }, rules) {
  const skin = skinOf(colours, rows, columns, rules);
  const sums = new Float32Array(rows * columns);
  const distance = new Float32Array(rows * columns);
  colours.forEach((values, channel) => {
    for (let i = 0; i < values.length; i++) values[i] -= skin[channel];
    const smooth = blurred(values, rows, columns, 2.5);
    for (let i = 0; i < values.length; i++) {
      sums[i] += weights[channel] * values[i] + weights[3 + channel] * smooth[i] + weights[6 + channel] * Math.abs(smooth[i]);
      distance[i] += smooth[i] ** 2;
    }
  });
  for (let i = 0; i < distance.length; i++) distance[i] = Math.sqrt(distance[i]);
  const most = percentile(distance, 0.95) + NOISE;
  const short = Math.min(rows, columns);
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const share = distance[i] / most;
      const middle = ((y - (rows - 1) / 2) ** 2 + (x - (columns - 1) / 2) ** 2) / short ** 2;
      sums[i] += weights[9] * distance[i] + weights[10] * share + weights[11] * share ** 2 + bias;
      sums[i] += weights[12] * middle + weights[13] * Math.sqrt(middle) + evidence[i] / rules.evidence;
    }
  }
  return sums;
}

/**
 * The photo's red, green and blue with a pixel a cell, each the mean of a few, from 0 to 1.
 * @param {Pixels} photo
 * @param {FramingRules} rules
 * @returns {{colours: [Float32Array, Float32Array, Float32Array], rows: number, columns: number}}
 */
function cellsOf(photo, { side, pixels: fine }) {
  const scale = side / Math.min(photo.width, photo.height);
  const [columns, rows] = [even(photo.width * scale), even(photo.height * scale)];
  const thin = read(photo, columns * fine, rows * fine);
  const colour = (/** @type {number} */ channel) => {
    const values = new Float32Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        let sum = 0;
        for (let i = 0; i < fine; i++) {
          let at = (((y * fine + i) * columns + x) * fine) * 3 + channel;
          for (let j = 0; j < fine; j++, at += 3) sum += thin[at];
        }
        values[y * columns + x] = even(sum / fine ** 2) / 255;
      }
    }
    return values;
  };
  return { colours: [colour(0), colour(1), colour(2)], rows, columns };
}

/**
 * The photo at another size, each pixel read between four: with OpenCV's integers.
 * @param {Pixels} photo
 * @param {number} width
 * @param {number} height
 */
function read({ data, width: wide, height: high }, width, height) {
  const result = new Uint8Array(width * height * 3);
  const [columns, rows] = [steps(wide, width), steps(high, height)];
  for (let y = 0, to = 0; y < height; y++) {
    const { first: above, next: below, weights: down } = rows;
    const [upper, lower] = [4 * wide * above[y], 4 * wide * below[y]];
    for (let x = 0; x < width; x++) {
      const [left, right] = [4 * columns.first[x], 4 * columns.next[x]];
      const [near, far] = [columns.weights[2 * x], columns.weights[2 * x + 1]];
      for (let channel = 0; channel < 3; channel++, to++) {
        const top = data[upper + left + channel] * near + data[upper + right + channel] * far;
        const bottom = data[lower + left + channel] * near + data[lower + right + channel] * far;
        const sum = ((down[2 * y] * (top >> 4)) >> 16) + ((down[2 * y + 1] * (bottom >> 4)) >> 16);
        result[to] = (sum + 2) >> 2;
      }
    }
  }
  return result;
}

/**
 * Between which two pixels each target pixel lies, and how much of each it gets. Half the size is the mean of both, as in OpenCV.
 * @param {number} source
 * @param {number} target
 */
function steps(source, target) {
  const first = new Int32Array(target);
  const next = new Int32Array(target);
  const weights = new Int32Array(2 * target);
  for (let i = 0; i < target; i++) {
    const place = Math.min(source - 1, Math.max(0, ((i + 0.5) * source) / target - 0.5));
    first[i] = Math.floor(place);
    next[i] = Math.min(source - 1, first[i] + 1);
    weights[2 * i + 1] = even((place - first[i]) * 2 ** BITS);
    weights[2 * i] = 2 ** BITS - weights[2 * i + 1];
  }
  return { first, next, weights };
}

/**
 * The middle colour of the photo's edge, where it isn't in the dermatoscope's shade.
 * @param {[Float32Array, Float32Array, Float32Array]} colours
 * @param {number} rows
 * @param {number} columns
 * @param {FramingRules} rules
 */
function skinOf(colours, rows, columns, { edge, shade }) {
  const [red, green, blue] = colours;
  /** @type {number[]} */
  const lit = [];
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const inside = y >= edge && y < rows - edge && x >= edge && x < columns - edge;
      if (!inside && Math.max(red[i], green[i], blue[i]) > shade) lit.push(i);
    }
  }
  return colours.map((values) => percentile(lit.length ? Float32Array.from(lit, (i) => values[i]) : values, 0.5));
}

/**
 * The class maps, each times its weight, laid over the photo's cells; beyond what the network saw, those of its edge.
 * @param {{width: number, height: number}} photo
 * @param {Maps} cams
 * @param {Box} seen
 * @param {number} rows
 * @param {number} columns
 * @param {number[]} weights of all features, the maps' last
 */
function evidenceOf({ width, height }, { values, cells: [high, wide] }, seen, rows, columns, weights) {
  const size = high * wide;
  const first = weights.length - values.length / size;
  const sum = new Float32Array(size);
  for (let i = 0; i < values.length; i++) sum[i % size] += weights[first + Math.floor(i / size)] * values[i];
  const down = Array.from({ length: rows }, (_, y) => ((y + 0.5) * height) / rows - seen.top);
  const across = Array.from({ length: columns }, (_, x) => ((x + 0.5) * width) / columns - seen.left);
  const byRow = down.map((place) => between((place / (seen.bottom - seen.top)) * high - 0.5, high));
  const byColumn = across.map((place) => between((place / (seen.right - seen.left)) * wide - 0.5, wide));
  const result = new Float32Array(rows * columns);
  add(result, sum, wide, byRow, byColumn);
  return result;
}

/**
 * Smoothed by a Gaussian that is as wide as OpenCV's, the grid mirrored at its outermost cells.
 * @param {Float32Array} values
 * @param {number} rows
 * @param {number} columns
 * @param {number} sigma
 */
function blurred(values, rows, columns, sigma) {
  const reach = (even(sigma * 8 + 1) | 1) >> 1;
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const whole = kernel.reduce((a, b) => a + b);
  const shares = Float32Array.from(kernel, (share) => share / whole);
  return along(along(values, rows, columns, 1, columns, shares, reach), columns, rows, columns, 1, shares, reach);
}

/**
 * One direction of it: `lines` of `length` cells, which lie `step` apart, the lines' first ones `apart`.
 * @param {Float32Array} values
 * @param {number} lines
 * @param {number} length
 * @param {number} step
 * @param {number} apart
 * @param {Float32Array} shares
 * @param {number} reach
 */
function along(values, lines, length, step, apart, shares, reach) {
  const result = new Float32Array(values.length);
  const from = Int32Array.from({ length: length + 2 * reach }, (_, i) => mirrored(i - reach, length) * step);
  for (let line = 0; line < lines; line++) {
    const start = line * apart;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let j = 0; j < shares.length; j++) sum += shares[j] * values[start + from[i + j]];
      result[start + i * step] = sum;
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
  const period = 2 * (length - 1);
  const within = ((place % period) + period) % period;
  return within < length ? within : period - within;
}

/**
 * @param {Float32Array} values
 * @param {number} share
 */
function percentile(values, share) {
  const sorted = values.slice().sort();
  const place = share * (sorted.length - 1);
  const first = Math.floor(place);
  const next = Math.min(sorted.length - 1, first + 1);
  return sorted[first] + (sorted[next] - sorted[first]) * (place - first);
}

/**
 * Of the connected cells that are rather lesion than not, those with the highest sum: the box around them, in cells.
 * @param {Grid} probability
 * @returns {Box | undefined}
 */
function likeliest({ values, rows, columns }) {
  const visited = new Uint8Array(values.length);
  let best = 0;
  /** @type {Box | undefined} */
  let box;
  for (let start = 0; start < values.length; start++) {
    if (visited[start] || values[start] < 0.5) continue;
    visited[start] = 1;
    const left = [start];
    const area = { left: columns, top: rows, right: 0, bottom: 0 };
    let sum = 0;
    for (let cell = left.pop(); cell !== undefined; cell = left.pop()) {
      const [y, x] = [Math.floor(cell / columns), cell % columns];
      sum += values[cell];
      area.left = Math.min(area.left, x);
      area.top = Math.min(area.top, y);
      area.right = Math.max(area.right, x + 1);
      area.bottom = Math.max(area.bottom, y + 1);
      for (let down = Math.max(0, y - 1); down <= Math.min(rows - 1, y + 1); down++) {
        for (let across = Math.max(0, x - 1); across <= Math.min(columns - 1, x + 1); across++) {
          const near = down * columns + across;
          if (visited[near] || values[near] < 0.5) continue;
          visited[near] = 1;
          left.push(near);
        }
      }
    }
    if (sum > best) [best, box] = [sum, area];
  }
  return box;
}
