/**
 * Several looks at one photo, as in skinapp/imaging/looks.py: squares along its longer side, turned and mirrored, and their class
 * maps laid together again.
 * @import {Box, Look, Maps, Picture, Pixels, Transform} from "./types.js"
 */
import { even, seen, view } from "./preprocess.js";

/** The one look that a quick answer is given from. @type {Look[]} */
export const PLAIN = [{ crop: "middle", turn: 0 }];

/** Ways to lay a picture on the table; in the second half of them it is mirrored. */
const TURNS = 8;

/**
 * What the network sees in each look, at its input size.
 * @param {Pixels} photo
 * @param {Transform} transform
 * @param {Look[]} looks
 * @returns {Picture[]}
 */
export function views(photo, transform, looks) {
  /** @type {Map<string, Picture>} */
  const squares = new Map();
  return looks.map(({ crop, turn }) => {
    const square = squares.get(crop) ?? view(photo, transform, crop);
    squares.set(crop, square);
    return turned(square, turn);
  });
}

/**
 * The part of the photo that each look sees, in the photo's pixels.
 * @param {{width: number, height: number}} photo
 * @param {Transform} transform
 * @param {Look[]} looks
 */
export function boxes({ width, height }, transform, looks) {
  return looks.map(({ crop }) => seen(width, height, transform, crop));
}

/**
 * The box around all boxes.
 * @param {Box[]} all
 * @returns {Box}
 */
export function covering(all) {
  return {
    left: Math.min(...all.map(({ left }) => left)),
    top: Math.min(...all.map(({ top }) => top)),
    right: Math.max(...all.map(({ right }) => right)),
    bottom: Math.max(...all.map(({ bottom }) => bottom)),
  };
}

/**
 * A square picture turned: mirrored first from 4 on, then by so many quarters against the clock.
 * @param {Picture} picture
 * @param {number} turn
 * @returns {Picture}
 */
export function turned(picture, turn) {
  if (turn === 0) return picture;
  const { data, width: side } = picture;
  const from = source(turn, side);
  const result = new Uint8Array(data.length);
  for (let row = 0, to = 0; row < side; row++) {
    for (let column = 0; column < side; column++, to += 3) {
      const [y, x] = from(row, column);
      result.set(data.subarray((y * side + x) * 3, (y * side + x) * 3 + 3), to);
    }
  }
  return { data: result, width: side, height: side };
}

/**
 * Where on the picture that is not turned a place of the turned one lies.
 * @param {number} turn
 * @param {number} side
 * @returns {(row: number, column: number) => [number, number]}
 */
function source(turn, side) {
  const last = side - 1;
  return (row, column) => {
    let [y, x] = [row, column];
    for (let quarter = 0; quarter < turn % 4; quarter++) [y, x] = [x, last - y];
    return [y, turn >= TURNS / 2 ? last - x : x];
  };
}

/**
 * The mean of the looks' class maps over the part of the photo that they see together, in cells about as large as theirs: each
 * map turned back and put where it looks, `shift` cells right of and below its place before the turn.
 * @param {Maps[]} all each look's, `[lesions, rows, columns]`
 * @param {Look[]} looks
 * @param {Box[]} places what each look sees
 * @param {number} shift
 * @returns {Maps}
 */
export function merged(all, looks, places, shift) {
  const whole = covering(places);
  const [high, wide] = all[0].cells;
  const rows = even((high * (whole.bottom - whole.top)) / (places[0].bottom - places[0].top));
  const columns = even((wide * (whole.right - whole.left)) / (places[0].right - places[0].left));
  const count = all[0].values.length / (high * wide);
  const total = new Float32Array(count * rows * columns);
  const weight = new Float32Array(rows * columns);
  all.forEach(({ values }, i) => {
    const { turn } = looks[i];
    const place = places[i];
    const [down, across] = direction(turn);
    const byRow = placement(high, rows, whole.top, whole.bottom, place.top, place.bottom, down * shift);
    const byColumn = placement(wide, columns, whole.left, whole.right, place.left, place.right, across * shift);
    for (let map = 0; map < count; map++) {
      const upright = turnedBack(values.subarray(map * high * wide, (map + 1) * high * wide), high, turn);
      add(total.subarray(map * rows * columns, (map + 1) * rows * columns), upright, wide, byRow, byColumn);
    }
    add(weight, new Float32Array(high * wide).fill(1), wide, byRow, byColumn);
  });
  return { values: total.map((sum, i) => sum / Math.max(weight[i % weight.length], 1e-6)), cells: [rows, columns] };
}

/**
 * A square map of a turned picture, as it lies on the picture itself.
 * @param {Float32Array} map
 * @param {number} side
 * @param {number} turn
 */
function turnedBack(map, side, turn) {
  const from = source(turn, side);
  const result = new Float32Array(map.length);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [y, x] = from(row, column);
      result[y * side + x] = map[row * side + column];
    }
  }
  return result;
}

/**
 * Which way, down and across on the picture itself, right of and below is on the picture turned so.
 * @param {number} turn
 */
function direction(turn) {
  const [y, x] = source(turn, 3)(2, 2);
  return [y - 1, x - 1];
}

/**
 * How much each of `count` places from `low` to `high` gets of each of a map's cells from `start` to `end`: between two cells'
 * middles of both, outside of the map nothing.
 * @param {number} cells
 * @param {number} count
 * @param {number} low
 * @param {number} high
 * @param {number} start
 * @param {number} end
 * @param {number} shift
 */
function placement(cells, count, low, high, start, end, shift) {
  return Array.from({ length: count }, (_, i) => {
    const middle = low + ((i + 0.5) * (high - low)) / count;
    if (middle <= start || middle >= end) return [];
    return between(((middle - start) / (end - start)) * cells - 0.5 - shift, cells);
  });
}

/**
 * The cells around a place between their middles, and how much each counts; beyond the outermost, that one alone.
 * @param {number} place
 * @param {number} cells
 * @returns {[number, number][]}
 */
export function between(place, cells) {
  const kept = Math.min(cells - 1, Math.max(0, place));
  const first = Math.min(cells - 2, Math.floor(kept));
  if (cells === 1) return [[0, 1]];
  return [
    [first, first + 1 - kept],
    [first + 1, kept - first],
  ];
}

/**
 * Add a map, laid so over a grid, to what lies there.
 * @param {Float32Array} total
 * @param {Float32Array} map
 * @param {number} wide cells in a row of the map
 * @param {[number, number][][]} byRow
 * @param {[number, number][][]} byColumn
 */
export function add(total, map, wide, byRow, byColumn) {
  let i = 0;
  for (const rows of byRow) {
    for (const columns of byColumn) {
      for (const [row, high] of rows) {
        for (const [column, across] of columns) total[i] += high * across * map[row * wide + column];
      }
      i += 1;
    }
  }
}
