/** The browser's modules against what the runtime answered, which tests/support/python_vectors.py wrote into the file $VECTORS. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { filled, percent } from "../../../skinapp/web/static/view/fill_answer.js";
import { orientation } from "../../../skinapp/web/static/inference/exif.js";
import { Steady } from "../../../skinapp/web/static/view/smoothing.js";
import { enlarge, heatmap, layer } from "../../../skinapp/web/static/inference/explain.js";
import { crop, framing } from "../../../skinapp/web/static/inference/framing.js";
import { boxes, covering, merged, views } from "../../../skinapp/web/static/inference/looks.js";
import { normalize, seen, view } from "../../../skinapp/web/static/inference/preprocess.js";
import { beyond, judged, measure } from "../../../skinapp/web/static/inference/quality.js";
import { among, deciding, probabilities } from "../../../skinapp/web/static/inference/triage.js";
import { Sharpest } from "../../../skinapp/web/static/live/sharpest.js";

const vectors = JSON.parse(readFileSync(process.env.VECTORS, "utf8"));

function bytes(packed) {
  return new Uint8Array(Buffer.from(packed, "base64"));
}

function furthest(ours, theirs) {
  assert.equal(ours.length, theirs.length);
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i])), 0);
}

test("a view is Pillow's, byte for byte, for every filter, crop and size", () => {
  assert.ok(vectors.views.length > 40);
  for (const { transform, photo, width, height, view: wanted } of vectors.views) {
    const got = view({ data: bytes(photo), width, height }, transform);
    assert.deepEqual([got.height, got.width], transform.input_size.slice(1));
    assert.equal(furthest(got.data, bytes(wanted)), 0, `${width}x${height} ${transform.interpolation} ${transform.crop_mode}`);
  }
});

test("the seen box is the runtime's", () => {
  for (const { transform, width, height, seen: wanted } of vectors.views) {
    assert.deepEqual(seen(width, height, transform), wanted, `${width}x${height}`);
  }
});

test("a WebP file's EXIF is read, also a damaged one's, and no other file's", () => {
  for (const { turn, file } of vectors.turned) {
    const content = bytes(file);
    assert.equal(orientation(content.slice().buffer), turn);
    for (let end = 0; end < content.length; end += 7) assert.ok([1, turn].includes(orientation(content.slice(0, end).buffer)));
    content.set([0x89, 0x50]);
    assert.equal(orientation(content.buffer), 1);
  }
  assert.equal(vectors.turned.length, 8);
});

test("every grey level has numpy's float32 value, bit for bit", () => {
  const { transform, picture, pixels } = vectors.levels;
  const got = normalize({ data: bytes(picture), width: 16, height: 16 }, transform);
  assert.equal(furthest(Array.from(got), pixels), 0);
});

test("chances are the runtime's, and the lesion that decides too", () => {
  const deciders = new Set();
  for (const { logits, temperature, thresholds, chances, focus, priority } of vectors.chances) {
    const got = probabilities(logits, temperature);
    assert.ok(furthest(got, chances) < 1e-15);
    const decider = deciding(got, thresholds, vectors.rules);
    assert.deepEqual([decider.code, decider.priority], [focus, priority]);
    deciders.add(focus);
  }
  assert.ok(deciders.size >= 4, "the vectors ask for more than one lesion");
});

test("a melanoma at its very threshold decides over a likelier nevus", () => {
  const chances = vectors.rules.lesions.map(({ code }) => ({ mel: 0.25, nv: 0.75 })[code] ?? 0);
  const thresholds = { akiec: 0.25, bcc: 0.25, mel: 0.25, near_mel: 0.25, vasc: 0.25 };
  const decides = (own) => deciding(chances, { ...thresholds, ...own }, vectors.rules);
  assert.deepEqual([decides({}).code, decides({}).priority], ["mel", "urgent"]);
  assert.deepEqual([decides({ mel: 0.2500001 }).code, decides({ mel: 0.2500001 }).priority], ["mel", "medium"]);
  assert.equal(decides({ mel: 0.26, near_mel: 0.2500001 }).code, "nv");
});

test("the figures and faults of a photo are the runtime's", () => {
  const found = new Set();
  for (const one of vectors.quality) {
    const [, high, wide] = vectors.views[0].transform.input_size;
    const picture = { data: bytes(one.view), width: wide, height: high };
    const cam = { values: one.cam, cells: one.cells };
    const got = measure(one, picture, one.embedding, cam, one.head, vectors.rules.quality);
    assert.deepEqual(Object.keys(got), Object.keys(one.figures));
    for (const [name, value] of Object.entries(one.figures)) {
      assert.ok(Math.abs(got[name] - value) <= 1e-5 * Math.max(1, Math.abs(value)), `${name}: ${got[name]}, not ${value}`);
    }
    assert.deepEqual(judged(got, one.limits), { issues: one.issues, warnings: one.warnings });
    [...one.issues, ...one.warnings].forEach((issue) => found.add(issue));
  }
  assert.ok(found.size >= 8, `the vectors have ${[...found]}`);
});

test("a limit that is just reached is passed", () => {
  const limits = vectors.quality[0].limits.refuse;
  const figures = {
    short_side: limits.min_short_side,
    sharpness: limits.min_sharpness,
    evenness: limits.min_evenness,
    brightness: limits.max_brightness,
    contrast: limits.min_contrast,
    glare: limits.max_glare,
    hair: limits.max_hair,
    lesion_evidence: limits.min_lesion_evidence,
  };
  assert.deepEqual(beyond(figures, limits), []);
  assert.deepEqual(beyond({ ...figures, brightness: limits.min_brightness }, limits), []);
});

test("heatmap, enlargement and layer are the runtime's", () => {
  for (const { cam, scale, heat, wide, layer: wanted } of vectors.maps) {
    const got = heatmap(Float32Array.from(cam), "mel", scale);
    assert.ok(furthest(Array.from(got), heat) < 1e-6);
    assert.ok(furthest(Array.from(enlarge(got, [7, 7], 40, 24, scale.shift)), wide) < 1e-5);
    const rgba = layer(got, [7, 7], scale.shift, vectors.rules.drawing);
    const theirs = bytes(wanted);
    // A heat between two colours may fall to either in the last bit of a float.
    const apart = rgba.filter((value, i) => Math.abs(value - theirs[i]) > 6).length;
    assert.equal(rgba.length, theirs.length);
    assert.equal(apart, 0);
  }
});

test("every look sees the runtime's pixels, and their maps are laid together as there", () => {
  for (const { transform, photo, width, height, looks, ...wanted } of vectors.looks) {
    const pixels = { data: bytes(photo), width, height };
    views(pixels, transform, looks).forEach(({ data }, i) => assert.equal(furthest(data, bytes(wanted.views[i])), 0, looks[i]));
    const places = boxes(pixels, transform, looks);
    assert.deepEqual(places, wanted.boxes);
    assert.deepEqual(covering(places), wanted.covering);
    const maps = wanted.cams.map((values) => ({ values: Float32Array.from(values), cells: [5, 5] }));
    const got = merged(maps, looks, places, 0.4);
    assert.deepEqual(got.cells, wanted.cells);
    assert.ok(furthest(Array.from(got.values), wanted.merged) < 1e-4);
  }
});

test("the lesion's box, what is wrong with its place and the part around it are the runtime's", () => {
  const told = new Set();
  let same = 0;
  for (const { photo, width, height, cams, cells, seen: box, head, ...wanted } of vectors.framings) {
    const pixels = { data: bytes(photo), width, height };
    const maps = { values: Float32Array.from(cams), cells };
    const got = framing(pixels, maps, box, head, vectors.rules.framing);
    assert.deepEqual(got.flaws, wanted.flaws, `${width}x${height}`);
    assert.equal(got.box === undefined, wanted.box === null);
    // A cell that is as likely skin as lesion falls to either in the last bit of a float.
    const cell = Math.ceil(Math.min(width, height) / vectors.rules.framing.side);
    for (const [edge, place] of Object.entries(wanted.box ?? {})) assert.ok(Math.abs(got.box[edge] - place) <= cell, edge);
    if (JSON.stringify(got.box) === JSON.stringify(wanted.box)) same += 1;
    assert.deepEqual(crop(wanted.box ?? undefined, pixels, vectors.rules.framing), wanted.crop ?? undefined);
    wanted.flaws.forEach((flaw) => told.add(flaw));
    assert.deepEqual(framing(pixels, maps, box, undefined, vectors.rules.framing), { box: undefined, flaws: [] });
  }
  assert.equal(told.size, 4, `the vectors have ${[...told]}`);
  assert.ok(same >= vectors.framings.filter(({ box }) => box).length - 2, `${same} boxes are the same to the pixel`);
});

test("the lesions among which the true one is are the runtime's", () => {
  const sizes = new Set();
  for (const { chances, limits, set } of vectors.sets) {
    assert.deepEqual(among(chances, limits, vectors.rules.lesions), set);
    sizes.add(set.length);
  }
  assert.ok(sizes.size >= 3 && sizes.has(1));
  assert.equal(among(vectors.sets[0].chances, {}, vectors.rules.lesions), undefined);
});

test("a percentage reads as the server's", () => {
  for (const [chance, wanted] of Object.entries(vectors.percents)) assert.equal(percent(Number(chance)), wanted);
});

test("gaps are filled by name, and an unknown one stays", () => {
  assert.equal(filled("{done} of {all} {more}", { done: 1, all: "2" }), "1 of 2 {more}");
});

const LIMITS = { akiec: 0.5, bcc: 0.5, mel: 0.5, vasc: 0.5 };
const sure = (code) => vectors.rules.lesions.map((lesion) => Number(lesion.code === code));

/** What is shown of frames 100 ms apart: each is a lesion that is sure, `code!` one that can't be read, `code?` one too far away. */
function watched(frames, steady = new Steady({ dermoscopic: LIMITS }, vectors.rules), start = 0) {
  return frames.map((frame, i) => {
    const issues = frame.endsWith("!") ? ["blurred"] : [];
    return steady.take({ chances: sure(frame.replace(/[!?]/, "")), issues, warnings: frame.endsWith("?") ? ["far"] : [], set: ["nv"], view: "dermoscopic", focus: "" }, start + 100 * i);
  });
}

test("a low priority needs six readable frames, a higher one two", () => {
  assert.deepEqual(watched(Array(7).fill("nv")).map(({ priority }) => priority), ["", "", "", "", "", "low", "low"]);
  assert.deepEqual(watched(Array(3).fill("mel")).map(({ priority }) => priority), ["", "urgent", "urgent"]);
});

test("a warning is told while most frames have it, and no frame's set", () => {
  const told = watched(["nv?", "nv", "nv", "nv", "nv?", "nv?", "nv?", "nv"]);
  assert.deepEqual(told.map(({ warnings }) => warnings.length), [1, 0, 0, 0, 0, 0, 1, 1]);
  assert.ok(told.every(({ set }) => set === undefined));
});

test("shown chances follow a jump without a jump", () => {
  const rising = watched([...Array(6).fill("nv"), ...Array(6).fill("mel")]).map(({ chances }) => chances[4]);
  const weight = (age) => Math.exp(-age / 300);
  const all = [0, 100, 200, 300, 400, 500, 600].map(weight).reduce((a, b) => a + b);
  assert.ok(Math.abs(rising[6] - weight(0) / all) < 1e-12);
  rising.slice(1).forEach((chance, i) => assert.ok(chance >= rising[i] && chance - rising[i] < 0.35));
});

test("a priority rises soon, falls late, and doesn't follow a flicker", () => {
  const turned = watched([...Array(8).fill("nv"), ...Array(12).fill("mel"), ...Array(20).fill("nv")]).map((one) => one.priority);
  const risen = turned.indexOf("urgent"), fallen = turned.lastIndexOf("urgent");
  assert.ok(risen - 8 >= 2 && risen - 8 <= 5, `it rose after ${risen - 8} frames`);
  assert.ok(fallen - 20 >= 10 && fallen - 20 <= 14, `it fell after ${fallen - 20} frames`);
  const flickering = watched([...Array(8).fill("nv"), ...Array(30).fill(["nv", "nv", "mel"]).flat()]).map((one) => one.priority);
  assert.deepEqual([...new Set(flickering.slice(8))], ["low"]);
});

test("an unreadable frame moves no chance, and its fault is told only if it lasts", () => {
  const steady = new Steady({ dermoscopic: LIMITS }, vectors.rules);
  const before = watched(Array(8).fill("nv"), steady).at(-1);
  const after = watched(["mel!", "mel!", "mel!", "mel!"], steady, 800);
  after.forEach(({ chances }) => assert.deepEqual(chances, before.chances));
  assert.deepEqual(after.map(({ priority }) => priority), ["low", "low", "unclear", "unclear"]);
  assert.deepEqual(after.at(-1).issues, ["blurred"]);
});

test("after a while without a readable frame it begins anew", () => {
  const steady = new Steady({ dermoscopic: LIMITS }, vectors.rules);
  watched(Array(8).fill("mel"), steady);
  const after = watched([...Array(30).fill("nv!"), ...Array(12).fill("nv")], steady, 800);
  assert.equal(after[30].chances[5], 1);
  assert.deepEqual(after.slice(32).map(({ priority }) => priority).filter((one) => one !== "low"), ["", "", ""]);
});

test("the sharpest picture of the last second is taken, and all others are let go", () => {
  const open = new Set();
  const picture = (name) => (open.add(name), { name, close: () => open.delete(name) });
  const sharpest = new Sharpest();
  for (const [name, worth, now] of [["a", 9, 0], ["b", 5, 300], ["c", 7, 600], ["d", 3, 900]]) sharpest.add(picture(name), worth, now);
  assert.deepEqual([...open], ["a", "c", "d"], "what is older and worth less can't be the sharpest any more");
  sharpest.add(picture("e"), 2, 1100);
  assert.deepEqual([...open], ["c", "d", "e"], "the sharpest of all is more than a second old");
  assert.equal(sharpest.take().name, "c");
  sharpest.clear();
  assert.deepEqual([...open], ["c"], "what was taken is its taker's");
  assert.equal(sharpest.take(), undefined);
});
