/**
 * A photo becomes the network's input, as skinapp/imaging/preprocess.py makes it: Pillow's resampling, integer for integer.
 * A canvas would scale with another filter, and other probabilities would come out.
 * @import {Box, Picture, Pixels, Transform} from "./types.js"
 */

/** Pillow's 8-bit resampling keeps its weights as integers of this many bits after the point. */
const BITS = 22;

/** @type {Record<string, {reach: number, weight: (x: number) => number}>} */
const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: (x) => cubic(Math.abs(x)) },
  lanczos: { reach: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Of what is cut off, the share before a crop at this position. */
const BEFORE = { start: 0, middle: 0.5, end: 1 };

/** @typedef {keyof typeof BEFORE} Position of a crop along the photo's longer side */

/**
 * What the network sees of a photo, at its input size.
 * @param {Pixels} photo
 * @param {Transform} transform
 * @param {Position} [position]
 * @returns {Picture}
 */
export function view(photo, transform, position = "middle") {
  const [, height, width] = transform.input_size;
  const [across, down] = resized(photo.width, photo.height, transform);
  const left = margin(across, width, position);
  const top = margin(down, height, position);
  const columns = spread(photo.width, across, left, width, transform.interpolation);
  const rows = spread(photo.height, down, top, height, transform.interpolation);
  return downwards(sideways(photo, columns, rows), rows);
}

/**
 * The part of a photo that the network sees, in the photo's pixels.
 * @param {number} width
 * @param {number} height
 * @param {Transform} transform
 * @param {Position} [position]
 * @returns {Box}
 */
export function seen(width, height, transform, position = "middle") {
  const [, high, wide] = transform.input_size;
  const [across, down] = resized(width, height, transform);
  const left = margin(across, wide, position);
  const top = margin(down, high, position);
  return {
    left: even(left * (width / across)),
    top: even(top * (height / down)),
    right: even((left + wide) * (width / across)),
    bottom: even((top + high) * (height / down)),
  };
}

/**
 * A view to the network's input, `[3, height, width]`.
 * @param {Picture} picture
 * @param {Transform} transform
 */
export function normalize(picture, transform) {
  const plane = picture.width * picture.height;
  const pixels = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const levels = levelsOf(transform.mean[channel], transform.std[channel]);
    for (let i = 0; i < plane; i++) pixels[channel * plane + i] = levels[picture.data[3 * i + channel]];
  }
  return pixels;
}

/**
 * A number rounded as Python rounds: halves to the even neighbour.
 * @param {number} value
 */
export function even(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}

/**
 * All 256 grey levels on the network's scale, in steps of float32 as numpy takes them.
 * @param {number} mean
 * @param {number} std
 */
function levelsOf(mean, std) {
  const [m, s] = Float32Array.of(mean, std);
  return Float32Array.from({ length: 256 }, (_, level) => Math.fround(Math.fround(Math.fround(level / 255) - m) / s));
}

/**
 * Width and height after the resize and before the crop.
 * @param {number} width
 * @param {number} height
 * @param {Transform} transform
 */
function resized(width, height, transform) {
  const [high, wide] = transform.input_size.slice(1).map((side) => Math.floor(side / transform.crop_pct));
  if (transform.crop_mode === "squash") return [wide, high];
  return width <= height ? [high, Math.floor((high * height) / width)] : [Math.floor((high * width) / height), high];
}

/**
 * @param {number} length
 * @param {number} kept
 * @param {Position} position
 */
function margin(length, kept, position) {
  return even((length - kept) * BEFORE[position]);
}

/**
 * Which source pixels each kept target pixel is made of, and how much of each: Pillow's coefficients.
 * @typedef {{first: Int32Array, count: Int32Array, weights: Int32Array, reach: number, kept: number}} Spread
 * @param {number} source
 * @param {number} target
 * @param {number} start the first target pixel that is kept
 * @param {number} kept
 * @param {string} interpolation
 * @returns {Spread}
 */
export function spread(source, target, start, kept, interpolation) {
  if (source === target) return copied(start, kept);
  const { reach: wide, weight } = FILTERS[interpolation];
  const scale = source / target;
  const stretch = Math.max(scale, 1);
  const support = wide * stretch;
  const reach = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(kept);
  const count = new Int32Array(kept);
  const weights = new Int32Array(kept * reach);
  const own = new Float64Array(reach);
  for (let i = 0; i < kept; i++) {
    const centre = (start + i + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const to = Math.min(source, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let j = 0; j < to - from; j++) {
      own[j] = weight((j + from - centre + 0.5) * (1 / stretch));
      sum += own[j];
    }
    first[i] = from;
    count[i] = to - from;
    for (let j = 0; j < to - from; j++) {
      const share = (sum === 0 ? own[j] : own[j] * (1 / sum)) * 2 ** BITS;
      weights[i * reach + j] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
  }
  return { first, count, weights, reach, kept };
}

/**
 * Pillow leaves out a pass that would change no size.
 * @param {number} start
 * @param {number} kept
 * @returns {Spread}
 */
function copied(start, kept) {
  const first = Int32Array.from({ length: kept }, (_, i) => start + i);
  return { first, count: new Int32Array(kept).fill(1), weights: new Int32Array(kept).fill(2 ** BITS), reach: 1, kept };
}

/**
 * The pass along rows, of those rows alone that the pass along columns reads.
 * @param {Pixels} photo
 * @param {Spread} columns
 * @param {Spread} rows
 */
function sideways(photo, columns, rows) {
  const top = Math.min(...rows.first);
  const bottom = Math.max(...rows.first.map((from, i) => from + rows.count[i]));
  const data = new Uint8Array((bottom - top) * columns.kept * 3);
  const { first, count, weights, reach, kept } = columns;
  const { data: given, width } = photo;
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < kept; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let from = (y * width + first[x]) * 4;
      for (let j = x * reach, end = j + count[x]; j < end; j++, from += 4) {
        const weight = weights[j];
        red += Math.imul(given[from], weight);
        green += Math.imul(given[from + 1], weight);
        blue += Math.imul(given[from + 2], weight);
      }
      const to = ((y - top) * kept + x) * 3;
      data[to] = byte(red);
      data[to + 1] = byte(green);
      data[to + 2] = byte(blue);
    }
  }
  return { data, width: kept, top };
}

/**
 * The pass along columns.
 * @param {{data: Uint8Array, width: number, top: number}} strip
 * @param {Spread} rows
 * @returns {Picture}
 */
function downwards(strip, rows) {
  const line = strip.width * 3;
  const data = new Uint8Array(rows.kept * line);
  const sums = new Int32Array(line);
  for (let y = 0; y < rows.kept; y++) {
    sums.fill(HALF);
    let from = (rows.first[y] - strip.top) * line;
    for (let j = y * rows.reach, end = j + rows.count[y]; j < end; j++, from += line) {
      const weight = rows.weights[j];
      for (let x = 0; x < line; x++) sums[x] += Math.imul(strip.data[from + x], weight);
    }
    for (let x = 0; x < line; x++) data[y * line + x] = byte(sums[x]);
  }
  return { data, width: strip.width, height: rows.kept };
}

const HALF = 2 ** (BITS - 1);

/** @param {number} sum */
function byte(sum) {
  const value = sum >> BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** @param {number} x */
function cubic(x) {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
