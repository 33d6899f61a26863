/** The sharpest picture of the last moments. Whatever can't become that any more is let go at once, so that few are held. */

const KEPT_MS = 1000;

export class Sharpest {
  /** @type {{picture: ImageBitmap, worth: number, now: number}[]} from the most worth, and oldest, to the newest */
  #held = [];

  /**
   * @param {ImageBitmap} picture
   * @param {number} worth
   * @param {number} now milliseconds
   */
  add(picture, worth, now) {
    while (this.#held.length && (this.#held.at(-1)?.worth ?? 0) <= worth) this.#held.pop()?.picture.close();
    this.#held.push({ picture, worth, now });
    while (now - this.#held[0].now > KEPT_MS) this.#held.shift()?.picture.close();
  }

  /** The best of them, which is the caller's from now on. */
  take() {
    return this.#held.shift()?.picture;
  }

  clear() {
    for (const { picture } of this.#held.splice(0)) picture.close();
  }
}
