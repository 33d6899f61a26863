"""The model folder that comes of teaching: the same answer to the last bit wherever it runs, a card that holds, figures that fit."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import onnx
import pytest
from onnx import helper

import skinapp
from skinapp.assessment import loading
from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import ModelError, SkinAppError
from skinapp.i18n.messages import text
from skinapp.imaging import decode, preprocess
from skinapp.labels import CODES
from skinapp.model.session import CPU, Session
from skinapp.model.spec import ModelSpec
from skinapp.teach import likeness, linear_head, pipeline
from skinapp.teach.dataset import dataset, sample
from skinapp.teach.linear_head import Head
from skinapp.teach.model_folder import onnx_head, writer
from skinapp.teach.networks import Kind, Networks
from skinapp.teach.pipeline import TrainingResult
from skinapp.teach.progress import Progress
from tests import TINY_MODEL
from tests.support import drawings, fake_hub, zip_files
from tests.support.app_server import ROOT

TRANSFORM = ModelSpec.read(TINY_MODEL).transform
NAMES = ("dots", "stripes", "rings")
EACH = 14


@pytest.fixture(scope="module")
def base() -> Assessor:
    return Assessor.load(provider="cpu")


@pytest.fixture(scope="module")
def taught(base: Assessor, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, dataset.Collection]:
    place = tmp_path_factory.mktemp("lesson")
    files = {
        **zip_files.drawn(NAMES, EACH, top="train/"),
        **zip_files.drawn(NAMES, 6, 50, top="test/"),
        "train/dots/x.png": b"broken",
    }
    kept = dataset.gather(zip_files.zipped(place / "a.zip", files), base.spec.transform, place, Progress())
    seen = pipeline.embed(Networks.of(base), kept, Progress())
    return pipeline.teach(Networks.of(base), kept, seen, 0.2, place / "my-model", Progress(), Kind.SERVED), kept


@pytest.fixture(scope="module")
def model(taught: tuple[TrainingResult, dataset.Collection]) -> Path:
    return taught[0].classifier.source.folder


def test_from_a_file_that_was_swapped_since_it_was_loaded_nothing_is_made(tmp_path: Path) -> None:
    base = Assessor.load(shutil.copytree(TINY_MODEL, tmp_path / "base"), "cpu")
    (tmp_path / "base" / base.model.file).write_bytes(b"swapped")
    with pytest.raises(ModelError, match=base.model.file):
        writer.write(Networks.of(base), Kind.SERVED, *[None] * 4, tmp_path / "my-model")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "wide.jpg"
    path.write_bytes(drawings.encoded(np.concatenate([sample.draw("dots", 90), sample.draw("rings", 91)], 1), "JPEG"))
    return path


def test_the_folder_holds_what_a_model_folder_must(model, taught):
    assert sorted(path.name for path in model.iterdir()) == ["README.md", "config.json", "metrics.json", "model_int8.onnx"]
    spec = ModelSpec.read(model)
    assert spec == taught[0].classifier.spec and spec.labels == tuple(sorted(NAMES)) and spec.subject == "own"
    assert spec.verify(model, "model_int8.onnx").is_file()
    held = json.loads((model / "metrics.json").read_text())["held_out"]
    assert held["pictures"] == dict.fromkeys(sorted(NAMES), 6) and held["how"] == "test folder"
    assert sum(sum(row.values()) for row in held["confusion"].values()) == held["n"] == 18
    right = sum(held["confusion"][name][name] for name in NAMES)
    assert held["accuracy"]["value"] == pytest.approx(right / 18, abs=1e-4)
    assert held["accuracy"]["value"] > 0.6


def test_the_zip_unpacks_into_a_folder_that_serves(model, taught, photo, tmp_path):
    with ZipFile(model.with_suffix(".zip")) as packed:
        packed.extractall(tmp_path)
    served = loading.load(str(tmp_path / "my-model"), "cpu")
    assert isinstance(served, Classifier)
    assert np.array_equal(served.read_and_assess(photo)[1].chances, taught[0].classifier.read_and_assess(photo)[1].chances)


@pytest.mark.parametrize("kind", [Kind.GENERAL, Kind.BOTH])
def test_on_another_network_too_all_answer_alike_to_the_last_bit(kind, base, taught, photo, tmp_path):
    networks, kept = Networks.of(base), taught[1]
    seen = pipeline.embed(networks, kept, Progress())
    result = pipeline.teach(networks, kept, seen, 0.2, tmp_path / "my-model", Progress(), kind)
    model, classifier = tmp_path / "my-model", result.classifier
    assert result.chosen.kind is kind and result.chosen.is_asked
    alike_everywhere(model, classifier, photo)
    pixels = preprocess.batch([sample.draw(name, 70) for name in NAMES], classifier.spec.transform)
    outputs = classifier.session.run(pixels)
    for count in (1, 2):
        assert np.array_equal(classifier.session.run(pixels[:count]).logits, outputs.logits[:count])
        assert np.array_equal(classifier.session.run(pixels[:count]).likeness, outputs.likeness[:count])
    views = [np.array(kept.views[index]) for index in range(6)]
    again = classifier.session.run(preprocess.normalize(np.stack(views), classifier.spec.transform)).embedding
    expected = np.concatenate([seen.seen[part, False][:6] for part in networks.parts(kind)], axis=1)
    assert np.abs(again - expected).max() < 0.02 * np.abs(expected).max(), (
        "photos are shown to each network as it learned on them"
    )
    served, general = again[:, : -1280 or None], again[:, -1280:]
    learned_on = np.concatenate([served, linear_head.rooted(general)], axis=1)
    logits = classifier.session.run(preprocess.normalize(np.stack(views), classifier.spec.transform)).logits
    assert np.allclose(result.trained.head.logits(learned_on), logits, atol=2e-3)
    outputs = classifier.session.run(preprocess.normalize(np.stack(views), classifier.spec.transform))
    moved = outputs.logits - outputs.cams.mean((2, 3))
    assert np.allclose(moved, moved[0], atol=1e-3), "a logit is its map's mean and a bias"
    train, (groups, _) = result.split.train, pipeline.find_groups(networks, kept, seen, Progress())
    telling, background = (
        linear_head.rooted(values) for values in (seen.seen[Kind.GENERAL, False], networks.background(Kind.GENERAL))
    )
    assert len(background) == 200
    known = likeness.fit(telling[train], kept.targets[train], groups[train], len(kept.labels), background)
    assert known.least == classifier.spec.least_likeness
    assert np.allclose(known.of(linear_head.rooted(general)), outputs.likeness, atol=2e-3)
    whole = json.loads((model / "config.json").read_text())["skinapp"]["provenance"]
    assert whole["taught_on"]["id"] == ("weights_general" if kind is Kind.GENERAL else "embedded")
    assert (whole.get("and_on", {}).get("id") == "weights_general") is (kind is Kind.BOTH)


def alike_everywhere(model, classifier, photo):
    mine = classifier.read_and_assess(photo)[1].to_dict()
    pooled = loading.load(str(model), "cpu", pooled=True).read_and_assess(photo)[1].to_dict()
    line = [sys.executable, "-m", "skinapp", str(photo), "--json", "--model", str(model)]
    told = json.loads(subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    script = re.search(r"```python\n(.*?)```", (model / "README.md").read_text(), re.DOTALL)[1]
    bare = subprocess.run([sys.executable, "-c", script, str(photo)], cwd=model, capture_output=True, text=True, check=True)
    assert mine["probabilities"] == pooled["probabilities"] == told["probabilities"] == json.loads(bare.stdout)
    assert mine["likeness"] == pooled["likeness"] == told["likeness"]
    assert bool(bare.stderr) is mine["none_of_these"] is told["none_of_these"]


def test_the_graph_computes_likeness_as_the_teacher_does(taught, base):
    result, kept = taught
    embedding = base.session.run(preprocess.normalize(np.array(kept.views), base.spec.transform)).embedding
    groups = np.arange(len(kept.names))
    train = result.split.train
    known = likeness.fit(embedding[train], kept.targets[train], groups[train], len(kept.labels))
    outputs = result.classifier.session.run(preprocess.normalize(np.array(kept.views), base.spec.transform))
    assert np.allclose(known.of(embedding), outputs.likeness, atol=1e-4)
    assert outputs.likeness[train].mean() > outputs.likeness[result.split.test].mean() > 0.2


def test_page_command_line_and_bare_script_answer_alike_to_the_last_bit(model, taught, photo):
    mine = taught[0].classifier.read_and_assess(photo)[1].to_dict()["probabilities"]
    pooled = loading.load(str(model), "cpu", pooled=True).read_and_assess(photo)[1].to_dict()["probabilities"]
    line = [sys.executable, "-m", "skinapp", str(photo), "--json", "--model", str(model)]
    told = json.loads(subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    script = re.search(r"```python\n(.*?)```", (model / "README.md").read_text(), re.DOTALL)[1]
    assert "skinapp" not in re.sub(r'"skinapp"', "", script), "it needs nothing of ours"
    bare = subprocess.run([sys.executable, "-c", script, str(photo)], cwd=model, capture_output=True, text=True, check=True)
    assert mine == pooled == told["probabilities"] == json.loads(bare.stdout)


def test_an_answer_doesnt_depend_on_what_else_is_in_the_batch(model, taught, base):
    spec, pixels = taught[0].classifier.spec, None
    pixels = preprocess.batch([sample.draw(name, seed) for name in NAMES for seed in range(60, 63)], spec.transform)
    whole = taught[0].classifier.session.run(pixels)
    one_thread = Session(model / "model_int8.onnx", spec, CPU, threads=1)
    for count in (1, 2, 5):
        assert np.array_equal(taught[0].classifier.session.run(pixels[:count]).logits, whole.logits[:count])
    assert np.array_equal(one_thread.run(pixels).logits, whole.logits)


def test_the_graft_leaves_the_features_as_they_were_and_maps_add_up(model, taught, base):
    pixels = preprocess.batch([sample.draw(name, 70) for name in NAMES], base.spec.transform)
    before, after = base.session.run(pixels), taught[0].classifier.session.run(pixels)
    assert np.array_equal(before.embedding, after.embedding)
    assert np.allclose(taught[0].trained.head.logits(before.embedding), after.logits, atol=1e-3)
    moved = after.logits - after.cams.mean((2, 3))
    assert np.allclose(moved, moved[0], atol=1e-4), "a logit is its map's mean and a bias"


def test_maps_are_blank_for_an_average_picture_and_hot_for_a_class_own(taught):
    classifier, (result, kept) = taught[0].classifier, taught
    own = [int(place) for place in result.split.train if kept.labels[kept.targets[place]] == "dots"]
    heats = [classifier.assess([np.array(kept.views[place])])[0].evidence.heatmap("dots") for place in own]
    assert np.mean([heat.max() for heat in heats]) > 0.6
    assert np.mean([heat.mean() for heat in heats]) < 0.6


def test_mistakes_are_held_out_pictures_named_wrongly_surest_first(taught):
    result, kept = taught
    tests = {kept.names[place] for place in result.split.test}
    for one in result.mistakes:
        assert one.name in tests and one.truth != one.predicted.top
    sure = [float(one.predicted.chances.max()) for one in result.mistakes]
    assert sure == sorted(sure, reverse=True)
    assert len(result.mistakes) == min(pipeline.MISTAKES, result.trained.confusion.sum() - result.trained.confusion.trace())


def test_a_models_own_answer_says_nothing_about_lesions(taught, photo):
    report = taught[0].classifier.read_and_assess(photo)[1].to_dict()
    assert list(report)[:-3] == list(Assessor.load(str(TINY_MODEL), "cpu").read_and_assess(photo)[1].to_dict())
    assert list(report)[-3:] == ["none_of_these", "likeness", "least_likeness"]
    assert report["priority"] is None and report["quality"] is None and report["advice"] is None and report["status"] == "ok"
    assert set(report["probabilities"]) == set(NAMES) and sum(report["probabilities"].values()) == pytest.approx(1)
    assert report["top"]["code"] in NAMES
    text = json.dumps(report)
    assert not re.search("lesion|skin|doctor|melanoma", text)


def test_the_command_line_names_the_class(model, photo):
    line = [sys.executable, "-m", "skinapp", str(photo), "--model", str(model)]
    said = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(rf"{re.escape(str(photo))}  ({'|'.join(NAMES)}) 0\.\d{{3}}\n", said)


def test_an_assessor_of_lesions_refuses_it(model):
    with pytest.raises(ModelError) as caught:
        Assessor.load(str(model), "cpu")
    assert str(caught.value).startswith("my-model names classes of its own (dots, rings, stripes, ...), no lesions; ")


def test_what_was_pushed_to_the_hub_is_pulled_and_served(model, taught, photo, tmp_path):
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    with fake_hub.serve() as hub:
        commit = hub.commit("me/patterns", files)
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SKINAPP_PROVIDER": "cpu"}
        line = [sys.executable, "-m", "skinapp", str(photo), "--json", "--model", "me/patterns"]
        told = json.loads(subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
    assert told["model"]["id"] == "me/patterns" and told["model"]["revision"] == commit
    assert told["probabilities"] == taught[0].classifier.read_and_assess(photo)[1].to_dict()["probabilities"]


def test_a_taught_folder_is_pushed_with_ones_own_token_and_served_from_there(model, taught, photo, tmp_path):
    with fake_hub.serve() as hub:
        hub.accounts["secret"] = "me"
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SKINAPP_PROVIDER": "cpu"}
        push = [sys.executable, "-m", "skinapp.teach", "push", str(model), "me/cloth"]
        nobody = subprocess.run(push, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert nobody.returncode == 2 and "no Hub token here; set HF_TOKEN" in nobody.stderr and not hub.repos
        environment["HF_TOKEN"] = "secret"
        said = subprocess.run(push, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
        repo = hub.repos["me/cloth"]
        assert said == f"uploaded as me/cloth@{repo.refs['main'][:12]}\n"
        files = repo.commits[repo.refs["main"]]
        assert {name for name in files if name != ".gitattributes"} == {path.name for path in model.iterdir()}
        assert files["config.json"] == (model / "config.json").read_bytes()
        line = [sys.executable, "-m", "skinapp", str(photo), "--json", "--model", "me/cloth"]
        told = json.loads(subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
        environment["HF_TOKEN"] = "stranger"
        other = subprocess.run(push, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert told["probabilities"] == taught[0].classifier.read_and_assess(photo)[1].to_dict()["probabilities"]
    assert other.returncode == 2 and "couldn't be uploaded" in other.stderr and "secret" not in other.stderr


def test_the_card_tells_counts_figures_and_where_it_comes_from(model, taught):
    card = (model / "README.md").read_text()
    result = taught[0]
    assert f"| dots | {EACH} | 6 |" in card or f"| dots | {EACH - result.split.dropped} | 6 |" in card
    assert f"Accuracy {result.trained.figures['accuracy']['value']:.1%}" in card
    assert text("own.disclaimer", "en") in card and "tf_efficientnetv2_b0" in card and "`model_int8.onnx`" in card


def test_it_can_be_taught_again(model, tmp_path):
    served = loading.load(str(model), "cpu")
    kept = dataset.gather(
        zip_files.zipped(tmp_path / "a.zip", zip_files.drawn(("checks", "dots"), 10)), served.spec.transform, tmp_path, Progress()
    )
    seen = pipeline.embed(Networks.of(served), kept, Progress())
    again = pipeline.teach(Networks.of(served), kept, seen, 0.2, tmp_path / "second", Progress(), Kind.SERVED)
    assert again.classifier.spec.labels == ("checks", "dots")
    assert again.classifier.spec.provenance["taught_on"]["id"] == "my-model"


def test_a_graph_without_a_head_to_replace_is_refused(tmp_path):
    graph = onnx.load(TINY_MODEL / "model_fp32.onnx")
    cams = next(node for node in graph.graph.node if node.output[0] == "cams")
    cams.output[0] = "raw"
    graph.graph.node.insert(2, helper.make_node("Identity", ["raw"], ["cams"]))
    onnx.save(graph, tmp_path / "odd.onnx")
    head = Head(np.zeros((2, 3), np.float32), np.zeros(2, np.float32))
    with pytest.raises(ModelError, match=r"odd\.onnx has no head that can be replaced"):
        onnx_head.graft([onnx_head.Base(tmp_path / "odd.onnx", TRANSFORM, False)], head, None, None, tmp_path / "out.onnx")


def test_labels_that_are_no_markdown_and_no_html_are_shown_as_they_are(taught, base, tmp_path):
    result, kept = taught
    odd = ("<b>x</b>", "a|b", "`c` {0}")
    known = likeness.fit(np.eye(3, 1280, dtype=np.float32), np.arange(3), np.arange(3), 3)
    changed = replace(kept, labels=odd)
    writer.write(Networks.of(base), Kind.SERVED, changed, result.split, result.trained, known, tmp_path / "odd")
    text = (tmp_path / "odd" / "README.md").read_text()
    assert "<b>" not in text and "a|b" not in text.replace('"a|b"', "")
    named = loading.load(str(tmp_path / "odd"), "cpu").read_and_assess(decode.read(drawings.encoded(sample.draw("dots", 1))))[1]
    assert set(named.to_dict()["probabilities"]) == set(odd)
    assert not set(odd) & set(CODES)


def test_the_terminal_teaches_as_the_page_does(tmp_path):
    path = zip_files.zipped(tmp_path / "cloth.zip", {**zip_files.drawn(NAMES[:2], 8), "dots/broken.png": b"nothing"})
    line = [sys.executable, "-m", "skinapp.teach", str(path), str(tmp_path / "mine"), "--share", "0.25"]
    ran = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.match(r"12 pictures learned from, 4 held out, \d+\.\d s\naccuracy \d\.\d{3} ", ran.stdout)
    assert "dots/broken.png: The file is not a picture" in ran.stderr
    assert isinstance(loading.load(str(tmp_path / "mine"), "cpu"), Classifier) and (tmp_path / "mine.zip").is_file()
    again = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 2 and again.stderr == f"{tmp_path / 'mine'} exists; name a folder that doesn't.\n"


def test_the_python_interface_answers_with_its_classes(model, taught, photo):
    answer = skinapp.load(model, "cpu").assess(photo)
    expected = taught[0].classifier.read_and_assess(photo)
    assert answer.to_dict()["probabilities"] == expected.to_dict()["probabilities"]
    np.testing.assert_array_equal(answer.overlay("rings"), expected.assessment.overlay(expected.photo, "rings"))
    with pytest.raises(
        SkinAppError, match=r"^centred looks for a lesion, but this model has classes of its own; leave it out\.$"
    ):
        skinapp.load(model, "cpu").assess(photo, centred=True)
