/**
 * A class map becomes a layer to lay over the photo, as in skinapp/assessment/explain.py: the scale is absolute, never stretched.
 * @import {HeatmapScale, Rules} from "./types.js"
 */

/** Of the cubic between cells, as OpenCV has it. */
const SHARP = -0.75;

/**
 * The evidence for one lesion from its class map, 0 to 1.
 * @param {Float32Array} cam
 * @param {string} code
 * @param {HeatmapScale} scale
 */
export function heatmap(cam, code, scale) {
  const floor = scale.floor[code];
  const full = scale.full[code];
  return cam.map((value) => Math.min(1, Math.max(0, (Math.max(value, 0) - floor) / (full - floor))));
}

/**
 * The evidence as RGBA pixels of a square layer.
 * @param {Float32Array} heat
 * @param {[number, number]} cells rows and columns
 * @param {number} shift
 * @param {Rules["drawing"]} drawing
 */
export function layer(heat, cells, shift, { side, strongest, colours }) {
  const smooth = enlarge(heat, cells, side, side, shift);
  const rgba = new Uint8ClampedArray(side * side * 4);
  const palette = Uint8Array.from(colours.flat());
  for (let i = 0; i < smooth.length; i++) {
    const colour = 3 * Math.trunc(smooth[i] * 255);
    rgba[4 * i] = palette[colour];
    rgba[4 * i + 1] = palette[colour + 1];
    rgba[4 * i + 2] = palette[colour + 2];
    rgba[4 * i + 3] = smooth[i] * strongest * 255;
  }
  return rgba;
}

/**
 * The heatmap at a picture's size, each cell at the place that it looks at: `shift` cells right of and below its own.
 * @param {Float32Array} heat
 * @param {[number, number]} cells rows and columns
 * @param {number} width
 * @param {number} height
 * @param {number} shift
 */
export function enlarge(heat, [rows, columns], width, height, shift) {
  const down = spread(rows, height, shift);
  const across = spread(columns, width, shift);
  const wide = product(heat, rows, columns, across, width);
  const smooth = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += down[y * rows + row] * wide[row * width + x];
      smooth[y * width + x] = Math.min(1, Math.max(0, sum));
    }
  }
  return smooth;
}

/**
 * Every row of the heatmap at its final width.
 * @param {Float32Array} heat
 * @param {number} rows
 * @param {number} columns
 * @param {Float32Array} across
 * @param {number} width
 */
function product(heat, rows, columns, across, width) {
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let column = 0; column < columns; column++) sum += heat[row * columns + column] * across[x * columns + column];
      wide[row * width + x] = sum;
    }
  }
  return wide;
}

/**
 * How much of each cell each of `length` pixels gets: cubic, and level beyond the outermost centres.
 * @param {number} cells
 * @param {number} length
 * @param {number} shift
 */
function spread(cells, length, shift) {
  const shares = new Float32Array(length * cells);
  for (let pixel = 0; pixel < length; pixel++) {
    const place = ((pixel + 0.5) * cells) / length - 0.5 - shift;
    const first = Math.floor(place);
    cubic(place - first).forEach((share, i) => {
      shares[pixel * cells + Math.min(cells - 1, Math.max(0, first - 1 + i))] += share;
    });
  }
  return shares;
}

/**
 * What the four cells around a place give, `t` of the way from the second to the third.
 * @param {number} t
 */
function cubic(t) {
  const far = (/** @type {number} */ x) => ((SHARP * x - 5 * SHARP) * x + 8 * SHARP) * x - 4 * SHARP;
  const near = (/** @type {number} */ x) => ((SHARP + 2) * x - (SHARP + 3)) * x * x + 1;
  const [a, b, c] = [far(t + 1), near(t), near(1 - t)];
  return [a, b, c, 1 - a - b - c];
}
