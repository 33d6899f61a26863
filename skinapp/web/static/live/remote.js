/**
 * Frames travel to the server as small JPEGs, each in a request of its own, and come back as assessments.
 * @import {Assessment, Refusal, Reply} from "../inference/types.js"
 */

const TRIES = 3;
const PAUSE_MS = 400;

/**
 * A frame's answer: the evidence for each lesion (0 to 255, row by row), and the frame itself.
 * @typedef {Reply & {heat: {cells: [number, number], codes: Record<string, number[]>}, frame: ImageBitmap}} Watched
 */

/** Watching came to an end; the message is a key of the page's sentences. */
export class Ended extends Error {}

export class Remote {
  /** @type {Promise<string> | undefined} */
  #viewer;
  /** @type {Set<Promise<Response>>} */
  #under = new Set();
  /** When the turn is over, in milliseconds. */
  #over = Infinity;

  /**
   * @param {URL} door
   * @param {number} side of the square that is sent, in pixels
   */
  constructor(door, side) {
    this.door = door;
    this.canvas = new OffscreenCanvas(side, side);
  }

  /** Milliseconds that are left of this viewer's turn. */
  get left() {
    return Math.max(0, this.#over - performance.now());
  }

  /**
   * @param {{frame: ImageBitmap}} source
   * @returns {Promise<Reply | Refusal>}
   */
  async ask({ frame }) {
    const entering = (this.#viewer ??= this.#enter());
    const viewer = await entering;
    const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    drawing.drawImage(frame, 0, 0, this.canvas.width, this.canvas.height);
    const body = await this.canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    const response = entering === this.#viewer ? await this.#post("frame", viewer, body) : undefined; // else it left meanwhile
    if (!response?.ok) {
      frame.close();
      return { id: 0, refused: "frame", values: {} };
    }
    const { heat, ...assessment } = await response.json();
    return /** @type {Watched} */ ({ id: 0, assessment, layers: {}, heat, frame });
  }

  /**
   * The full answer to one picture, as HTML.
   * @param {ImageBitmap} picture
   * @returns {Promise<{told: string, shown: string}>}
   */
  async still(picture) {
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
    const body = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
    const response = await this.#post("still", (await this.#viewer) ?? "", body);
    if (!response.ok) throw new Ended("failed");
    return response.json();
  }

  /** Give the place back, after the frames that are still under way. */
  async leave() {
    const entering = this.#viewer;
    this.#viewer = undefined;
    this.#over = Infinity;
    await Promise.allSettled(this.#under);
    const viewer = await entering?.catch(() => undefined);
    if (viewer) await this.#post("stop", viewer, "").catch(() => undefined); // else the server notices, a little later
  }

  async #enter() {
    const { viewer, seconds } = await (await this.#post("start", "", "")).json();
    this.#over = performance.now() + 1000 * seconds;
    return viewer;
  }

  /**
   * @param {string} path
   * @param {string} viewer
   * @param {BodyInit} body
   */
  async #post(path, viewer, body) {
    const posted = this.#tried(path, viewer, body);
    this.#under.add(posted);
    return posted.finally(() => this.#under.delete(posted));
  }

  /**
   * @param {string} path
   * @param {string} viewer
   * @param {BodyInit} body
   */
  async #tried(path, viewer, body) {
    for (let left = TRIES; left; left--) {
      try {
        const response = await fetch(new URL(path, this.door), { method: "POST", headers: { viewer }, body });
        if (response.ok || response.status === 422 || response.status === 429) return response;
        throw new Ended((await response.json().catch(() => ({}))).ended ?? "failed");
      } catch (error) {
        if (error instanceof Ended) throw error;
        await new Promise((go) => setTimeout(go, PAUSE_MS));
      }
    }
    throw new Ended("lost");
  }
}
