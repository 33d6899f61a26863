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
 * where none does, melanoma if it comes near, or the likeliest malignant one where all of them together reach their threshold,
 * one step above the least severe class; else the likeliest in that class.
 * @param {number[]} chances
 * @param {Record<string, number>} thresholds
 * @param {Rules} rules
 * @returns {Lesion}
 */
export function deciding(chances, thresholds, { lesions, severity }) {
  const known = lesions.map((lesion, i) => ({ lesion, chance: chances[i], rank: severity.indexOf(lesion.priority) }));
  const passing = known.filter(({ lesion, chance }) => lesion.code in thresholds && chance >= thresholds[lesion.code]);
  const near = known.find(({ lesion, chance }) => lesion.code === "mel" && chance >= thresholds.near_mel);
  const cancers = known.filter(({ lesion }) => lesion.malignant).sort((a, b) => b.chance - a.chance);
  const together = cancers.reduce((sum, { chance }) => sum + chance, 0) >= (thresholds.malignant ?? 1);
  const raised = near ?? (together ? cancers[0] : undefined);
  if (raised && !passing.length) return { ...raised.lesion, priority: severity[severity.length - 2] };
  const left = passing.length ? passing : known.filter(({ rank }) => rank === severity.length - 1);
  return left.reduce((a, b) => (b.rank < a.rank || (b.rank === a.rank && b.chance > a.chance) ? b : a)).lesion;
}

/**
 * The codes of the lesions among which, nine times in ten, the true one is, likeliest first, as in
 * skinapp/assessment/prediction_set.py; none where the model states no limits.
 * @param {number[]} chances
 * @param {Record<string, number> | undefined} limits
 * @param {Lesion[]} lesions
 * @returns {string[] | undefined}
 */
export function among(chances, limits, lesions) {
  if (!limits || !Object.keys(limits).length) return undefined;
  const ranked = lesions.map(({ code }, i) => ({ code, chance: chances[i] })).sort((a, b) => b.chance - a.chance);
  const reached = ranked.filter(({ code, chance }) => chance >= limits[code]);
  return (reached.length ? reached : ranked.slice(0, 1)).map(({ code }) => code);
}
