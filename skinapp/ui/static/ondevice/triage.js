/**
 * Logits become calibrated probabilities, and these a priority, as in skinapp/assessment/triage.py.
 * @import {Lesion, Rules} from "./types.js"
 */

/**
 * softmax(logits / temperature)
 * @param {ArrayLike<number>} logits
 * @param {number} temperature
 */
export function probabilities(logits, temperature) {
  const scaled = Array.from(logits, (logit) => logit / temperature);
  const most = Math.max(...scaled);
  const powers = scaled.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/**
 * The lesion that decides the priority: of those that reach their thresholds the most severe, and of these the likeliest;
 * where none does, melanoma if it comes near, one step above the least severe class, else the likeliest in that class.
 * @param {number[]} chances
 * @param {Record<string, number>} thresholds
 * @param {Rules} rules
 * @returns {Lesion}
 */
export function deciding(chances, thresholds, { lesions, severity }) {
  const known = lesions.map((lesion, i) => ({ lesion, chance: chances[i], rank: severity.indexOf(lesion.priority) }));
  const passing = known.filter(({ lesion, chance }) => lesion.code in thresholds && chance >= thresholds[lesion.code]);
  const near = known.find(({ lesion, chance }) => lesion.code === "mel" && chance >= thresholds.near_mel);
  if (near && !passing.length) return { ...near.lesion, priority: severity[severity.length - 2] };
  const left = passing.length ? passing : known.filter(({ rank }) => rank === severity.length - 1);
  return left.reduce((a, b) => (b.rank < a.rank || (b.rank === a.rank && b.chance > a.chance) ? b : a)).lesion;
}
