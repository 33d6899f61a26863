/**
 * The camera: frames are looked at as they come, a few at a time, and always the newest, so that the answer never lags behind.
 * Knows nothing of where they are answered.
 * @import {Refusal, Reply} from "../inference/types.js"
 */

/** Of a video: enough for the network's view, and quick to read. */
const WANTED = { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 } };

/**
 * @typedef {object} Options
 * @property {MediaTrackConstraints} [wanted] of the camera
 * @property {number} [lanes] frames that may be under way at the same time
 * @property {(video: HTMLVideoElement) => Promise<ImageBitmap>} [grab] the part of a frame that is looked at
 * @property {(error: unknown) => void} [lost] the camera or whoever answers went away; the camera is off by then
 */

/** @typedef {{ask: (source: {frame: ImageBitmap}) => Promise<Reply | Refusal>}} Answering */

/** @typedef {(reply: Reply, elapsed: number) => void} Show with the milliseconds since the frame was on the screen */

export class Live {
  /** @type {MediaStream | undefined} */
  #stream;
  #asked = 0;
  #shown = 0;
  #under = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {Answering} network
   * @param {Show} show
   * @param {Options} [options]
   */
  constructor(video, network, show, options = {}) {
    this.video = video;
    this.network = network;
    this.show = show;
    this.options = { wanted: WANTED, lanes: 1, grab: whole, lost: () => undefined, ...options };
  }

  get running() {
    return this.#stream !== undefined;
  }

  async start() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: this.options.wanted, audio: false });
    this.#stream = stream;
    this.#under = 0;
    for (const track of stream.getTracks()) track.onended = () => this.#lose(stream, new Error("The camera went away."));
    this.video.srcObject = stream;
    await this.video.play();
    this.#next(stream);
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.video.srcObject = null;
  }

  /** The picture that is on the screen, as a file. */
  async still() {
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext("2d")?.drawImage(this.video, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  /** @param {MediaStream} stream */
  #next(stream) {
    const look = () => {
      if (stream !== this.#stream) return; // stopped, or started anew, meanwhile
      if (this.#under < this.options.lanes) void this.#look(stream);
      this.#next(stream);
    };
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(look);
    else requestAnimationFrame(look);
  }

  /** @param {MediaStream} stream */
  async #look(stream) {
    const number = ++this.#asked;
    const began = performance.now();
    this.#under += 1;
    try {
      const reply = await this.network.ask({ frame: await this.options.grab(this.video) });
      if (stream !== this.#stream) return;
      this.#under -= 1;
      if (number < this.#shown || !("assessment" in reply)) return; // a newer one was quicker
      this.#shown = number;
      this.show(reply, performance.now() - began);
    } catch (error) {
      this.#lose(stream, error);
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {unknown} error
   */
  #lose(stream, error) {
    if (stream !== this.#stream) return;
    this.stop();
    this.options.lost(error);
  }
}

/** @param {HTMLVideoElement} video */
function whole(video) {
  return createImageBitmap(video);
}

/** How often something happens. */
export class Rate {
  /** @type {number[]} */
  #times = [];

  /** One more; how many there were in the last second. */
  tick() {
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time < 1000), now];
    return this.#times.length;
  }
}
