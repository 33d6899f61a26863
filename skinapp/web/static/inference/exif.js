/**
 * How a WebP file says it is turned. Browsers obey EXIF in JPEG, PNG and AVIF, and in WebP they don't; the program does.
 */

const ORIENTATION = 0x0112;

/** What draws a picture of width w and height h upright, by EXIF orientation from 2 on: `setTransform`'s arguments. */
const UPRIGHT = [
  (/** @type {number} */ w) => [-1, 0, 0, 1, w, 0],
  (/** @type {number} */ w, /** @type {number} */ h) => [-1, 0, 0, -1, w, h],
  (/** @type {number} */ _, /** @type {number} */ h) => [1, 0, 0, -1, 0, h],
  () => [0, 1, 1, 0, 0, 0],
  (/** @type {number} */ _, /** @type {number} */ h) => [0, 1, -1, 0, h, 0],
  (/** @type {number} */ w, /** @type {number} */ h) => [0, -1, -1, 0, h, w],
  (/** @type {number} */ w) => [0, -1, 1, 0, 0, w],
];

/**
 * The orientation, 1 (upright) to 8, that a WebP file states; 1 for every other file.
 * @param {ArrayBuffer} file
 */
export function orientation(file) {
  const bytes = new DataView(file);
  try {
    return name(bytes, 0) === "RIFF" && name(bytes, 8) === "WEBP" ? stated(bytes) : 1;
  } catch (error) {
    if (error instanceof RangeError) return 1; // it ends before it says
    throw error;
  }
}

/**
 * A picture turned upright.
 * @param {ImageBitmap} bitmap
 * @param {number} turn EXIF's orientation
 */
export function upright(bitmap, turn) {
  const { width, height } = bitmap;
  const canvas = turn < 5 ? new OffscreenCanvas(width, height) : new OffscreenCanvas(height, width);
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [a, b, c, d, e, f] = UPRIGHT[turn - 2](width, height);
  drawing.setTransform(a, b, c, d, e, f);
  drawing.drawImage(bitmap, 0, 0);
  return canvas.transferToImageBitmap();
}

/** @param {DataView} bytes a WebP file's */
function stated(bytes) {
  for (let at = 12; ; at += 8 + 2 * Math.ceil(bytes.getUint32(at + 4, true) / 2)) {
    if (name(bytes, at) !== "EXIF") continue;
    const start = at + (name(bytes, at + 8) === "Exif" ? 14 : 8);
    return fromTags(new DataView(bytes.buffer, start));
  }
}

/** @param {DataView} exif from its TIFF header on */
function fromTags(exif) {
  const little = exif.getUint16(0) === 0x4949;
  const first = exif.getUint32(4, little);
  const count = exif.getUint16(first, little);
  for (let tag = first + 2; tag < first + 2 + 12 * count; tag += 12) {
    if (exif.getUint16(tag, little) !== ORIENTATION) continue;
    const turn = exif.getUint16(tag + 8, little);
    return turn >= 1 && turn <= 8 ? turn : 1;
  }
  return 1;
}

/**
 * @param {DataView} bytes
 * @param {number} at
 */
function name(bytes, at) {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => bytes.getUint8(at + i)));
}
