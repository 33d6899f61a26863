"""The embedded model: real weights, asked about drawn pictures and, where they are at hand, about real ones."""

import csv
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from skinapp.assessment import explain, triage
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES, Priority
from skinapp.model import session
from skinapp.model.hub import EMBEDDED
from skinapp.model.spec import ModelSpec
from skinapp.web.views import examples
from tests.support import drawings

SPEC = ModelSpec.read(EMBEDDED)
MODEL = Assessor.load(provider="cpu")
REAL = Path(__file__).parents[4] / "shared" / "data"
BLOBS = [drawings.lesion(480, 360, centre=centre, seed=seed) for seed, centre in enumerate([(0.5, 0.5), (0.4, 0.6), (0.6, 0.45)])]


def ask(photos) -> session.Outputs:
    return MODEL.session.run(preprocess.batch(photos, SPEC.transform))


def test_every_file_has_the_hash_that_config_json_states():
    for name in SPEC.files:
        SPEC.verify(EMBEDDED, name)


def test_the_folder_is_small_enough_to_be_committed():
    assert sum(path.stat().st_size for path in EMBEDDED.rglob("*")) < 45e6


def test_cpus_get_the_int8_file():
    assert (MODEL.model.file, MODEL.model.precision, MODEL.model.provider) == ("model_int8.onnx", "int8", "CPUExecutionProvider")


def test_the_maps_add_up_to_the_logits():
    """logit = mean evidence + the lesion's bias, whatever the photo: the map is the answer taken apart, not a guess about it."""
    answer = ask([*BLOBS, drawings.plain(90), drawings.plain((200, 60, 60))])
    biases = answer.logits - answer.cams.mean((2, 3))
    np.testing.assert_allclose(biases, np.broadcast_to(biases[0], biases.shape), atol=1e-3)


@pytest.mark.parametrize("colour", [16, 80, 144, 208, (236, 200, 175), (190, 140, 110), (70, 50, 40)])
def test_a_picture_of_one_colour_gets_a_blank_map_and_is_sent_back(colour):
    assessment = MODEL.assess([drawings.plain(colour)])[0]
    assert assessment.evidence.heatmap(assessment.top.code).max() == 0
    assert assessment.to_dict()["status"] == "retake"


def test_a_batch_gives_each_photo_the_answer_it_gets_alone():
    together = ask(BLOBS).logits
    alone = np.concatenate([ask([photo]).logits for photo in BLOBS])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_the_kernels_of_this_cpu_compute_what_the_file_says():
    """Each node for itself, against all that ONNX Runtime puts in their place: without VNNI, INT8 products may overflow."""
    plainly = onnxruntime.SessionOptions()
    plainly.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    said = onnxruntime.InferenceSession(EMBEDDED / MODEL.model.file, plainly, providers=["CPUExecutionProvider"])
    pixels = preprocess.batch(BLOBS, SPEC.transform)
    np.testing.assert_allclose(ask(BLOBS).logits, said.run(["logits"], {session.INPUT: pixels})[0], atol=0.3)


def test_weights_alone_in_int8_name_the_same_lesion_with_the_same_map():
    other = session.Session(EMBEDDED / "model_w8.onnx", SPEC, session.CPU)
    pixels = preprocess.batch(BLOBS, SPEC.transform)
    one, two = MODEL.session.run(pixels), other.run(pixels)
    for a, b in zip(one.cams, two.cams, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


real = pytest.mark.skipif(not REAL.is_dir(), reason="no real photos at hand: lies beside the project as shared/data")


def photos_of(split: str, each: int) -> list[tuple[Path, int]]:
    """The first photos of every lesion in a split."""
    with (REAL / "lesions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [(REAL / row["file"], CODES.index(code)) for code in CODES for row in [r for r in rows if r["dx"] == code][:each]]


@real
def test_real_photos_are_named_far_better_than_by_chance_and_nearly_all_are_answered():
    chosen = photos_of("val", 13)
    assessments = [MODEL.read_and_assess(path)[1] for path, _ in chosen]
    named = [CODES.index(assessment.top.code) == target for assessment, (_, target) in zip(assessments, chosen, strict=True)]
    assert np.mean(named) > 0.6
    assert np.mean([assessment.quality.ok for assessment in assessments]) > 0.9


@real
def test_turn_the_photo_and_the_map_turns():
    """A trained network doesn't do so exactly, nor on every photo; drawn without its shift it would not do so at all."""
    agreement = []
    for path, _ in photos_of("val", 8):
        view = preprocess.view(decode.read(path), SPEC.transform)
        answer = ask([view, np.ascontiguousarray(view[::-1, ::-1])])
        top = int(answer.logits[0].argmax())
        scaled = [(cam - cam.min()) / np.ptp(cam) for cam in answer.cams[:, top]]
        one, other = (explain.enlarge(cam, 112, 112, SPEC.heatmap.shift) for cam in scaled)
        agreement.append(np.corrcoef(one[16:-16, 16:-16].ravel(), other[::-1, ::-1][16:-16, 16:-16].ravel())[0, 1])
    assert np.median(agreement) > 0.5


@real
def test_the_hottest_spot_lies_in_the_lesion():
    """Held against the masks that people drew."""
    hits = []
    for path, _ in photos_of("val", 10):
        mask = REAL / "masks" / f"{path.stem}.png"
        _, assessment = MODEL.read_and_assess(path)
        heat = assessment.evidence.heatmap(assessment.top.code)
        if mask.exists() and heat.max() > 0:
            box = assessment.evidence.view_box
            lesion = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)[box.top : box.bottom, box.left : box.right] > 0
            large = explain.enlarge(heat, lesion.shape[1], lesion.shape[0], SPEC.heatmap.shift)
            hits.append(lesion[np.unravel_index(large.argmax(), large.shape)])
    assert len(hits) > 20 and np.mean(hits) > 0.85


@real
def test_deleting_the_hottest_cells_lowers_the_probability_faster_than_deleting_others():
    rng = np.random.default_rng(0)
    hot, other = [], []
    for path, _ in photos_of("val", 6):
        view = preprocess.view(decode.read(path), SPEC.transform)
        answer = ask([view])
        top = int(answer.logits[0].argmax())
        order = cv2.resize(answer.cams[0, top], view.shape[:2]).ravel().argsort()[::-1]
        blurred = cv2.GaussianBlur(view, (0, 0), 20).reshape(-1, 3)
        fifth = len(order) // 5
        for kept, places in ((hot, order[:fifth]), (other, rng.permutation(order)[:fifth])):
            changed = view.reshape(-1, 3).copy()
            changed[places] = blurred[places]
            kept.append(float(triage.probabilities(ask([changed.reshape(view.shape)]).logits[0], SPEC.temperature)[top]))
    assert np.mean(hot) < np.mean(other)


def test_the_drawings_on_the_page_show_every_kind_of_answer():
    said = [MODEL.read_and_assess(example.content)[1] for example in examples.gather(MODEL.documents)]
    assert [one.priority for one in said] == [Priority.LOW, Priority.URGENT, Priority.MEDIUM, Priority.UNCLEAR]
