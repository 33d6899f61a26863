/**
 * A file or a video frame becomes upright pixels; the only module that decodes. Refuses what skinapp/imaging/decode.py refuses.
 * @import {Box, Pixels, Rules} from "./types.js"
 */

import { orientation, upright } from "./exif.js";

/** A photo that can't be read; the message is a key of the page's sentences, filled with `values`. */
export class Refused extends Error {
  /**
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   */
  constructor(key, values = {}) {
    super(key);
    this.values = values;
  }
}

/**
 * @param {Blob | ImageBitmap} source
 * @param {Rules} rules
 * @returns {Promise<{bitmap: ImageBitmap, pixels: Pixels}>}
 */
export async function decode(source, { photo: limits }) {
  if (!(source instanceof Blob)) return { bitmap: source, pixels: pixelsOf(source) };
  if (source.size === 0) throw new Refused("refused_empty");
  if (source.size > limits.max_bytes) {
    throw new Refused("refused_heavy", { size: mega(source.size), most: mega(limits.max_bytes) });
  }
  const bitmap = await bitmapOf(source);
  checkSize(bitmap, limits);
  const frames = await framesOf(source);
  if (frames > 1) throw new Refused("refused_animated", { count: frames });
  return { bitmap, pixels: pixelsOf(bitmap) };
}

/**
 * The photo as the overlay shows it: JPEG, no side longer than `most`.
 * @param {ImageBitmap} bitmap
 * @param {number} most
 */
export async function shrunk(bitmap, most) {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const { canvas, drawing } = paper(width, height);
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(bitmap, 0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.88 });
}

/**
 * A part of a photo, in its place; the whole one is let go.
 * @param {ImageBitmap} bitmap
 * @param {Box} box
 */
export async function part(bitmap, { left, top, right, bottom }) {
  const cut = await createImageBitmap(bitmap, left, top, right - left, bottom - top);
  bitmap.close();
  return { bitmap: cut, pixels: pixelsOf(cut) };
}

/** @param {Blob} file */
async function bitmapOf(file) {
  try {
    // Untouched values, as Pillow reads them, no colour profile applied. That EXIF's orientation is obeyed is the default; older
    // Safaris don't know that option's name and would refuse every photo.
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const turn = orientation(await file.arrayBuffer());
    return turn === 1 ? bitmap : upright(bitmap, turn);
  } catch {
    const format = unread(new Uint8Array(await file.slice(0, 12).arrayBuffer()));
    throw format ? new Refused("refused_format", { format }) : new Refused("refused_unreadable");
  }
}

/**
 * The name of a format that the program reads and not every browser does, by a file's first bytes.
 * @param {Uint8Array} start
 */
function unread(start) {
  const letters = String.fromCharCode(...start);
  if (letters.startsWith("II*\0") || letters.startsWith("MM\0*")) return "TIFF";
  return /^....ftyp(hei|hev|mif1|msf1)/s.test(letters) ? "HEIC" : undefined;
}

/**
 * @param {ImageBitmap} bitmap
 * @param {Rules["photo"]} limits
 */
function checkSize({ width, height }, limits) {
  const size = `${width}x${height}`;
  if (width * height > limits.max_pixels) {
    throw new Refused("refused_large", { size, most: Math.round(limits.max_pixels / 1e6) });
  }
  if (Math.min(width, height) < limits.min_side) throw new Refused("refused_tiny", { size, least: limits.min_side });
  if (Math.max(width, height) > limits.max_aspect * Math.min(width, height)) {
    throw new Refused("refused_strip", { size, most: limits.max_aspect });
  }
}

/**
 * How many pictures a file holds, as far as this browser can tell.
 * @param {Blob} file
 */
async function framesOf(file) {
  if (typeof ImageDecoder === "undefined" || !(await ImageDecoder.isTypeSupported(file.type || "image/unknown"))) return 1;
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type });
  try {
    await decoder.completed;
    await decoder.tracks.ready;
    return decoder.tracks.selectedTrack?.frameCount ?? 1;
  } catch {
    return 1; // the bitmap was decoded: what the second decoder holds against it doesn't matter
  } finally {
    decoder.close();
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Pixels}
 */
function pixelsOf(bitmap) {
  const { drawing } = paper(bitmap.width, bitmap.height);
  drawing.drawImage(bitmap, 0, 0);
  return drawing.getImageData(0, 0, bitmap.width, bitmap.height);
}

/**
 * A white canvas in memory: what is transparent lies on white.
 * @param {number} width
 * @param {number} height
 */
function paper(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  drawing.fillStyle = "white";
  drawing.fillRect(0, 0, width, height);
  return { canvas, drawing };
}

/** @param {number} bytes */
function mega(bytes) {
  return Math.round(bytes / 2 ** 20);
}
