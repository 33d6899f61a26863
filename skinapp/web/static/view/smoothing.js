/**
 * Frames flicker; what is shown of them shouldn't. Shared by whatever looks at a video, wherever its frames are answered.
 * @import {Assessment, Rules} from "../inference/types.js"
 */
import { deciding } from "../inference/triage.js";

/** Readable frames of this time are averaged, a frame this much older than the newest counting for 37% of it. */
const WINDOW_MS = 1000;
const EASE_MS = 300;

/** After this time without a readable frame the next one begins anew: it may show another lesion. */
const FORGET_MS = 2500;

/** A priority must be the average's for this time before it is shown in place of a lower, or of a higher one. */
const RISE_MS = 200;
const FALL_MS = 1000;

/** Readable frames before a priority is told at all, and before the lowest one is. */
const LEAST = 2;
const LEAST_LOWEST = 6;

/** A fault must be seen this often of the last times to be told, and missed as often to be forgotten. */
const MEMORY = 5;

export class Steady {
  /** @type {{chances: number[], now: number}[]} */
  #readable = [];
  #count = 0;
  /** @type {string[][]} */
  #faults = [];
  /** @type {string[][]} */
  #warnings = [];
  #priority = "";
  #focus = "";
  #wanted = { priority: "", since: 0 };

  /**
   * @param {Record<string, Record<string, number>>} thresholds of each view
   * @param {Rules} rules
   */
  constructor(thresholds, rules) {
    this.thresholds = thresholds;
    this.rules = rules;
  }

  /**
   * A frame's assessment with the chances of the last readable frames, a priority that lasts (none, "", while too few were
   * readable), and only those faults and warnings that last; no set, which is one photo's. `count` says how many readable frames
   * this rests on.
   * @param {Assessment} assessment
   * @param {number} now milliseconds
   * @returns {Assessment & {count: number}}
   */
  take(assessment, now) {
    this.#faults = [assessment.issues, ...this.#faults].slice(0, MEMORY);
    this.#warnings = [assessment.warnings, ...this.#warnings].slice(0, MEMORY);
    const issues = lasting(this.#faults);
    this.#remember(assessment, now);
    const chances = this.#average() ?? assessment.chances;
    if (this.#readable.length) this.#settle(chances, assessment.view, now);
    return {
      ...assessment,
      chances,
      focus: this.#focus || assessment.focus,
      issues,
      warnings: lasting(this.#warnings),
      set: undefined,
      priority: issues.length ? "unclear" : this.#priority,
      count: this.#count,
    };
  }

  /**
   * @param {Assessment} assessment
   * @param {number} now
   */
  #remember({ chances, issues }, now) {
    const newest = this.#readable.at(-1)?.now ?? now;
    if (now - newest > FORGET_MS) {
      this.#readable = [];
      this.#count = 0;
      this.#priority = this.#focus = "";
    }
    if (issues.length) return;
    this.#readable = [...this.#readable.filter((one) => now - one.now < WINDOW_MS), { chances, now }];
    this.#count += 1;
  }

  #average() {
    const newest = this.#readable.at(-1);
    if (!newest) return undefined;
    const weights = this.#readable.map(({ now }) => Math.exp((now - newest.now) / EASE_MS));
    const all = weights.reduce((a, b) => a + b);
    return newest.chances.map((_, i) => this.#readable.reduce((sum, { chances }, j) => sum + chances[i] * weights[j], 0) / all);
  }

  /**
   * @param {number[]} chances
   * @param {string} view
   * @param {number} now
   */
  #settle(chances, view, now) {
    const { priority, code } = deciding(chances, this.thresholds[view], this.rules);
    const { severity } = this.rules;
    if (priority !== this.#wanted.priority) this.#wanted = { priority, since: now };
    const rises = !this.#priority || severity.indexOf(priority) < severity.indexOf(this.#priority);
    const enough = this.#count >= (priority === severity.at(-1) ? LEAST_LOWEST : LEAST);
    const lasts = !this.#priority || now - this.#wanted.since >= (rises ? RISE_MS : FALL_MS);
    if (enough && lasts) this.#priority = priority;
    if (priority === this.#priority) this.#focus = code;
  }
}

/** Those that more than half of the last frames had. @param {string[][]} last */
function lasting(last) {
  const seen = new Set(last.flat());
  return [...seen].filter((one) => last.filter((all) => all.includes(one)).length * 2 > last.length);
}
