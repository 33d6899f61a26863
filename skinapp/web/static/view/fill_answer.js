/**
 * Fills the page's own HTML, which the program renders with sample figures, with the figures of an assessment.
 * @import {Assessment, Lesion, Pieces} from "../inference/types.js"
 */

/** @typedef {{pieces: Pieces, lesions: Lesion[], issues: string[]}} Sheet the HTML, and the order in which its samples stand */

/**
 * The priority with its advice, the seven bars, and what answered.
 * @param {Assessment} assessment
 * @param {string} ran
 * @param {Sheet} sheet
 */
export function answer(assessment, ran, { pieces, lesions, issues }) {
  const section = made(pieces.answers[assessment.priority]);
  const reasons = section.querySelector(".reasons");
  reasons?.replaceChildren(...assessment.issues.map((issue) => reasons.children[issues.indexOf(issue)]));
  warn(section, assessment);
  const list = one(section, ".chances ul");
  for (const { code } of ranked(assessment, lesions)) list.append(one(list, `[data-code=${code}]`));
  measure(section, assessment, lesions);
  say(section, assessment, pieces.lines);
  one(section, ".ran").textContent = ran;
  return section;
}

/**
 * How the photo was taken and among which lesions the true one is, where the model says so.
 * @param {Element} section
 * @param {Assessment} assessment
 * @param {Pieces["lines"]} lines
 */
function say(section, { view, set }, { views, set: sentence, names, separator }) {
  const taken = section.querySelector(".view");
  if (view && taken) taken.textContent = views[view];
  else taken?.remove();
  const among = section.querySelector(".set");
  if (set && among) among.textContent = filled(sentence, { names: set.map((code) => names[code]).join(separator) });
  else among?.remove();
}

/**
 * Leave the warnings that this photo is answered in spite of; without any, that it passed every check.
 * @param {Element} section
 * @param {Assessment} assessment
 */
function warn(section, { issues, warnings }) {
  if (issues.length) return;
  section.querySelectorAll("[data-warning]").forEach((line) => {
    if (!warnings.includes(/** @type {HTMLElement} */ (line).dataset.warning ?? "")) line.remove();
  });
  section.querySelector(warnings.length ? ".fine" : ".warnings")?.remove();
  section.querySelector(".fine")?.removeAttribute("hidden");
}

/**
 * The answer to a video, which changes with every frame: made anew only where more changes than figures.
 * @param {HTMLElement} place
 * @param {Assessment} assessment without a priority while too little was seen
 * @param {string} ran
 * @param {Sheet} sheet
 */
export function follow(place, assessment, ran, sheet) {
  const shown = [assessment.priority, assessment.view, ...assessment.issues, ...assessment.warnings].join();
  const current = place.firstElementChild;
  if (!assessment.priority) {
    if (!current?.matches(".busy")) place.replaceChildren(made(sheet.pieces.busy));
  } else if (current instanceof HTMLElement && current.dataset.shown === shown) {
    measure(current, assessment, sheet.lesions);
    one(current, ".ran").textContent = ran;
  } else {
    // Bars that change places with every frame can't be read: here they keep the order of the lesions.
    const fresh = answer({ ...assessment, chances: sheet.lesions.map(() => 0) }, ran, sheet);
    fresh.dataset.shown = shown;
    place.replaceChildren(fresh);
    measure(fresh, assessment, sheet.lesions);
  }
}

/**
 * Put the chances into the bars as they stand, and their sum into its own, where there is one.
 * @param {Element} section
 * @param {Assessment} assessment
 * @param {Lesion[]} lesions
 */
export function measure(section, { chances }, lesions) {
  lesions.forEach(({ code }, i) => {
    const bar = one(section, `.chances [data-code=${code}]`);
    one(bar, ".percent").textContent = percent(chances[i]);
    const track = one(bar, ".track");
    track.setAttribute("aria-valuenow", (chances[i] * 100).toFixed(0));
    one(track, "span").setAttribute("style", `width: ${wide(chances[i])}`);
  });
  if (!section.querySelector(".sum")) return; // the photo can't be judged
  const malignant = lesions.reduce((sum, lesion, i) => sum + (lesion.malignant ? chances[i] : 0), 0);
  for (const [name, share] of Object.entries({ malignant, benign: 1 - malignant })) {
    one(section, `.sum .names .${name} b`).textContent = percent(share);
    one(section, `.sum .parts .${name}`).setAttribute("style", `width: ${wide(share)}`);
  }
}

/**
 * The photo under a layer for each lesion, at first the one that explains the priority.
 * @param {Assessment} assessment
 * @param {string} photo its address
 * @param {Record<string, string>} layers their addresses, by code
 * @param {Sheet} sheet
 */
export function evidence(assessment, photo, layers, { pieces, lesions }) {
  const figure = made(pieces.evidence);
  const select = one(figure, "select");
  const stage = one(figure, ".seen");
  for (const { code, chance } of ranked(assessment, lesions)) {
    const option = one(select, `[value=${code}]`);
    option.textContent = (option.textContent ?? "").replace(/\S+$/, percent(chance));
    option.toggleAttribute("selected", code === assessment.focus);
    select.append(option);
    const layer = one(stage, `[data-code=${code}]`);
    layer.setAttribute("src", layers[code]);
    layer.toggleAttribute("hidden", code !== assessment.focus);
    stage.append(layer);
  }
  one(figure, ".photo").setAttribute("src", photo);
  stage.setAttribute("style", place(assessment));
  return figure;
}

/**
 * Where the part that the network saw lies on the photo, as CSS.
 * @param {Assessment} assessment
 */
export function place({ seen, width, height }) {
  const share = (/** @type {number} */ part, /** @type {number} */ whole) => `${((100 * part) / whole).toFixed(4)}%`;
  return (
    `left: ${share(seen.left, width)}; top: ${share(seen.top, height)}; ` +
    `width: ${share(seen.right - seen.left, width)}; height: ${share(seen.bottom - seen.top, height)}`
  );
}

/**
 * What stands in the answer's place when a photo can't be read.
 * @param {string} reason
 * @param {Sheet} sheet
 */
export function failed(reason, { pieces }) {
  const section = made(pieces.failed);
  one(section, "p").textContent = reason;
  return section;
}

/**
 * A probability as people read it; never 0% or 100%, which no model may claim.
 * @param {number} chance
 */
export function percent(chance) {
  if (chance < 0.01) return "<1%";
  return chance > 0.99 ? ">99%" : `${(chance * 100).toFixed(0)}%`;
}

/** @param {number} share */
function wide(share) {
  return `${(share * 100).toFixed(1)}%`;
}

/**
 * A sentence with its gaps filled.
 * @param {string} sentence
 * @param {Record<string, string | number>} values
 */
export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (gap, name) => String(values[name] ?? gap));
}

/**
 * The one element of a piece of the program's own HTML.
 * @param {string} html
 * @returns {HTMLElement}
 */
export function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {T}
 */
export function one(parent, selector) {
  const found = parent.querySelector(selector);
  if (!found) throw new Error(`The page lacks ${selector}.`);
  return /** @type {T} */ (found);
}

/**
 * Codes with their chances, likeliest first.
 * @param {Assessment} assessment
 * @param {Lesion[]} lesions
 */
function ranked({ chances }, lesions) {
  return lesions.map(({ code }, i) => ({ code, chance: chances[i] })).sort((a, b) => b.chance - a.chance);
}
