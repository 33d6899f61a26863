import json
import shutil
from contextlib import suppress

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from skinapp.errors import ModelError
from skinapp.model import external_data
from skinapp.model import spec as specs
from skinapp.model.session import CPU, Session
from skinapp.model.spec import ModelSpec, sha256
from tests import TINY_MODEL


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(TINY_MODEL, tmp_path / "model")


def change(folder, *path, value=None, delete=False):
    """Set or delete one key of config.json."""
    config = json.loads((folder / "config.json").read_text())
    place = config
    for key in path[:-1]:
        place = place[key]
    if delete:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))


def complaint(folder) -> str:
    with pytest.raises(ModelError) as caught:
        ModelSpec.read(folder)
    return str(caught.value).removeprefix(f"{folder}/config.json: ")


def test_what_is_written_is_read_back(folder, tmp_path):
    spec = ModelSpec.read(folder)
    (tmp_path / "again").mkdir()
    spec.write(tmp_path / "again")
    assert ModelSpec.read(tmp_path / "again") == spec
    assert (tmp_path / "again" / "config.json").read_text() == (folder / "config.json").read_text()


def test_another_activation_is_told_as_timm_reads_it(folder, tmp_path):
    assert ModelSpec.read(folder).activation == ""
    change(folder, "model_args", value={"act_layer": "relu"})
    spec = ModelSpec.read(folder)
    assert spec.activation == "relu"
    spec.write(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_args"] == {"act_layer": "relu"}
    change(folder, "model_args", value={"drop_rate": 0.1})
    assert complaint(folder) == "model_args.drop_rate is 0.1; this key is unknown; remove it or update skinapp."


def keys(value, path=()):
    """Every key of config.json that the runtime reads, as a path."""
    for key, inner in value.items():
        if path != ("skinapp",) or key != "provenance":
            yield (*path, key)
        if isinstance(inner, dict) and key != "provenance":
            yield from keys(inner, (*path, key))


@pytest.mark.parametrize(
    "path",
    [path for path in keys(json.loads((TINY_MODEL / "config.json").read_text())) if path[-1] != "model_fp32.onnx"],
    ids=".".join,
)
def test_every_missing_key_is_named(folder, path):
    change(folder, *path, delete=True)
    assert complaint(folder) == f"{'.'.join(path)} is missing; build the model folder again."


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("skinapp", "colour"), 1, "skinapp.colour is 1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "format"), 3, "skinapp.format is 3; this version reads formats 1 to 2; export the model again."),
        (("skinapp", "temperature"), 0, "skinapp.temperature is 0.0; it must be a positive number."),
        (("skinapp", "temperature"), "1", "skinapp.temperature is '1'; it must be of type float."),
        (("skinapp", "temperature"), True, "skinapp.temperature is True; it must be of type float."),
        (("skinapp", "thresholds", "mel"), 1.0, "skinapp.thresholds.mel is 1.0; a probability threshold lies between 0 and 1."),
        (("skinapp", "thresholds", "near_mel"), 0.26, "skinapp.thresholds.near_mel is 0.26; it can't lie above that of mel."),
        (("skinapp", "thresholds", "nv"), 0.1, "skinapp.thresholds.nv is 0.1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "quality", "warn", "max_haste"), 1, "skinapp.quality.warn.max_haste is 1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "heatmap", "floor", "mel"), 9.0, "skinapp.heatmap.floor.mel is 9.0; it must be at least 0 and below full (5.0)."),
        (("num_classes",), 8, "num_classes is 8; it must be 7, one a lesion."),
        (("pretrained_cfg", "interpolation"), "random", "pretrained_cfg.interpolation is 'random'; it must be one of bilinear, bicubic, lanczos."),
        (("pretrained_cfg", "crop_mode"), "border", "pretrained_cfg.crop_mode is 'border'; it must be one of center, squash."),
        (("pretrained_cfg", "crop_pct"), 1.5, "pretrained_cfg.crop_pct is 1.5; it must be at most 1."),
        (("pretrained_cfg", "std"), [1, 1], "pretrained_cfg.std is [1, 1]; it must be three numbers."),
        (("pretrained_cfg", "std"), [1, 0, 1], "pretrained_cfg.std is [1, 0, 1]; it must be positive."),
        (("pretrained_cfg", "input_size"), [3, 32, 16], "pretrained_cfg.input_size is [3, 32, 16]; height and width must be equal where crop_mode is center."),
        (("pretrained_cfg", "input_size"), [3, 32.5, 32.5], "pretrained_cfg.input_size is [3, 32.5, 32.5]; it must be [3, height, width], at most 4096 each."),
        (("pretrained_cfg", "input_size"), [3, 10**9, 10**9], "pretrained_cfg.input_size is [3, 1000000000, 1000000000]; it must be [3, height, width], at most 4096 each."),
        (("architecture",), "tiny\ud800", "architecture is 'tiny\\ud800'; it must be printable."),
        (("skinapp", "files", "model_fp32.onnx", "providers"), [7], "skinapp.files.model_fp32.onnx.providers is [7]; it must be a list of ONNX Runtime's names."),
        (("skinapp", "files", ".."), {}, "skinapp.files... is {}; a file lies directly in the model folder."),
        (("skinapp", "files", "../evil"), {}, "skinapp.files.../evil is {}; a file lies directly in the model folder."),
        (("skinapp", "lesion_head", "weights"), ["a"], "skinapp.lesion_head.weights is ['a']; it must be a list of numbers, one a feature of the embedding."),
        (("skinapp", "lesion_head", "bias"), float("nan"), "skinapp.lesion_head.bias is nan; it must be finite."),
        (("skinapp", "frame_head", "weights"), [1.0], "skinapp.frame_head.weights is [1.0]; it must be a list of 21 numbers, or of none."),
        (("skinapp", "quality", "refuse", "min_sharpness"), float("inf"), "skinapp.quality.refuse.min_sharpness is inf; it must be finite."),
        (("pretrained_cfg", "mean"), [0.5, float("nan"), 0.5], "pretrained_cfg.mean is [0.5, nan, 0.5]; it must be finite."),
        (("skinapp",), [], "skinapp is []; it must be of type dict."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_cure(folder, path, value, said):
    change(folder, *path, value=value)
    assert complaint(folder) == said


def test_another_order_of_the_lesions_is_refused(folder):
    change(folder, "label_names", value=["mel", "akiec", "bcc", "bkl", "df", "nv", "vasc"])
    assert complaint(folder) == (
        "label_names is ['mel', 'akiec', 'bcc', 'bkl', 'df', 'nv', 'vasc']; "
        "the lesions must be akiec, bcc, bkl, df, mel, nv, vasc, in this order."
    )


def test_timms_own_keys_are_let_be(folder):
    change(folder, "pretrained_cfg", "license", value="apache-2.0")
    change(folder, "num_features", value=1280)
    ModelSpec.read(folder)


def test_a_folder_without_config_and_a_broken_one_are_named(folder, tmp_path):
    with pytest.raises(ModelError, match=r"holds no config\.json; give a model folder made by 'python -m export build'\.$"):
        ModelSpec.read(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json can't be read as JSON \(.+\); fetch or build the model folder again\.$"):
        ModelSpec.read(folder)


VALUES = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        10**400,
        -(10**400),
        float("nan"),
        float("inf"),
        "",
        "a",
        "\ud800",
        "\0",
        "x" * 10**3,
        [],
        [[]],
        {},
    ),
    *(
        {"": None},
        [None] * 3,
        [10**400] * 3,
        ["\ud800"] * 3,
        [True] * 3,
        json.loads("[" * 900 + "]" * 900),
        {"a": ["b" * 10**3] * 100},
    ),
)


def test_whatever_a_config_says_it_is_read_or_refused_with_a_sentence(folder):
    sound = json.loads((folder / "config.json").read_text())
    for path in [(), *keys(sound)]:
        for value in VALUES:
            config = json.loads(json.dumps(sound))
            place = config
            for key in path[:-1]:
                place = place[key]
            if path:
                place[path[-1]] = value
            (folder / "config.json").write_text(json.dumps(config if path else value))
            _read_or_refused(folder)


def test_a_config_with_any_byte_changed_is_read_or_refused_with_a_sentence(folder):
    rng, sound = np.random.default_rng(0), (folder / "config.json").read_bytes()
    for _ in range(300):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            content[place] = rng.integers(256)
        (folder / "config.json").write_bytes(content)
        _read_or_refused(folder)


def _read_or_refused(folder):
    try:
        assert ModelSpec.read(folder).transform.input_size[0] == 3
    except ModelError as error:
        assert len(str(error)) < 1000 and str(error).encode() and str(error).endswith(".")


def test_a_config_that_is_endless_or_endlessly_nested_is_refused(folder, monkeypatch):
    (folder / "config.json").write_text("[" * 10**6)
    assert "can't be read as JSON (maximum recursion depth exceeded" in complaint(folder)
    monkeypatch.setattr(specs, "MAX_BYTES", 10**6 - 1)
    assert complaint(folder).endswith("config.json has 1000000 bytes, more than 999999; fetch or build the model folder again.")


def with_data_outside(folder, location="weights.data"):
    """The tiny model, whose weights lie in another file."""
    model = onnx.load(folder / "model_fp32.onnx")
    onnx.save(
        model, folder / "model_fp32.onnx", save_as_external_data=True, location=location, size_threshold=64
    )  # the large ones
    change(folder, "skinapp", "files", "model_fp32.onnx", "sha256", value=sha256(folder / "model_fp32.onnx"))


def test_tensors_in_another_file_are_refused_unless_it_is_listed_with_its_hash(folder):
    expected = Session(folder / "model_fp32.onnx", ModelSpec.read(folder), CPU).run(np.ones((1, 3, 32, 32), np.float32))
    with_data_outside(folder)
    path = folder / "model_fp32.onnx"
    with pytest.raises(ModelError) as caught:
        Session(path, ModelSpec.read(folder), CPU)
    assert str(caught.value) == (
        f"{path} takes tensors from a file 'weights.data', which config.json doesn't list with its sha256; "
        "export the model again, into one file."
    )
    entry = {"sha256": sha256(folder / "weights.data"), "precision": "fp32", "providers": []}
    change(folder, "skinapp", "files", "weights.data", value=entry)
    spec = ModelSpec.read(folder)
    answer = Session(path, spec, CPU).run(np.ones((1, 3, 32, 32), np.float32))
    assert np.array_equal(answer.logits, expected.logits)
    with (folder / "weights.data").open("r+b") as file:
        file.write(b"\x01")
    with pytest.raises(ModelError, match=r"weights\.data is not the file that config\.json describes"):
        Session(path, spec, CPU)


def outside(name="far.data"):
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="location", value=name)
    return tensor


def within(node):
    """A model with this node alone."""
    return helper.make_model(helper.make_graph([node], "g", [], []))


def test_tensors_in_another_file_are_found_wherever_they_are(tmp_path):
    constant = helper.make_node("Constant", [], ["y"], value=outside())
    branch = helper.make_graph([constant], "then", [], [])
    sparse = onnx.SparseTensorProto(values=outside(), dims=[4])
    function = helper.make_function("own", "F", [], ["y"], [constant], [helper.make_opsetid("", 18)])
    models = [
        within(constant),
        within(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)),
        within(helper.make_node("Own", [], ["y"], domain="own", many=[outside()], graphs=[branch])),
        within(helper.make_node("Constant", [], ["y"], sparse_value=sparse)),
        helper.make_model(helper.make_graph([], "g", [], [], initializer=[outside()])),
        helper.make_model(helper.make_graph([], "g", [], [], sparse_initializer=[sparse])),
        helper.make_model(helper.make_graph([], "g", [], []), functions=[function]),
    ]
    for model in models:
        (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
        assert external_data.locations(tmp_path / "a.onnx") == {"far.data"}
    assert external_data.locations(TINY_MODEL / "model_fp32.onnx") == set()


def test_what_is_no_onnx_file_is_told_whatever_its_bytes_are(folder):
    path = folder / "model_fp32.onnx"
    sound, rng = path.read_bytes(), np.random.default_rng(0)
    for content in (b"", b"rubbish", sound[:-7], sound + b"\x0b", b"\xff" * 20):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"\w"):
            external_data.locations(path)
        with pytest.raises(ModelError, match=r"model_fp32\.onnx can't be run by ONNX Runtime \(.+\); fetch the model again\.$"):
            Session(path, ModelSpec.read(folder), CPU)
    for _ in range(300):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        with suppress(ValueError):
            external_data.locations(path)


def test_a_file_with_another_hash_is_refused(folder):
    spec = ModelSpec.read(folder)
    assert spec.verify(folder, "model_fp32.onnx") == folder / "model_fp32.onnx"
    with (folder / "model_fp32.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        ModelError, match=r"model_fp32\.onnx is not the file that config\.json describes \(sha256 \w{12}, expected \w{12}\); "
    ):
        spec.verify(folder, "model_fp32.onnx")


def test_a_missing_file_is_named(folder):
    (folder / "model_fp32.onnx").unlink()
    with pytest.raises(ModelError, match=r"model_fp32\.onnx is missing; fetch the model folder again or export it\.$"):
        ModelSpec.read(folder).verify(folder, "model_fp32.onnx")


@pytest.fixture
def own(folder):
    """The tiny model, as one of seven classes of somebody's own."""
    for key in ("thresholds", "lesion_head", "frame_head", "quality"):
        change(folder, "skinapp", key, delete=True)
    change(folder, "skinapp", "subject", value="own")
    return folder


def test_a_model_of_ones_own_names_its_classes_and_is_read_back(own, tmp_path):
    names = ["cat", "dog", "猫", "a b", "5", "x", "<y>"]
    change(own, "label_names", value=names)
    for part in ("floor", "full"):
        change(own, "skinapp", "heatmap", part, value=dict.fromkeys(names, 1.0 if part == "floor" else 2.0))
    spec = ModelSpec.read(own)
    assert spec.labels == tuple(names) and spec.thresholds == {} and spec.subject == "own"
    spec.write(tmp_path)
    assert ModelSpec.read(tmp_path) == spec
    assert "猫" in (tmp_path / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("skinapp", "subject"), "lesion", "skinapp.subject is 'lesion'; it must be own, or left out by a model of the seven lesions."),
        (("skinapp", "subject"), 3, "skinapp.subject is 3; it must be of type str."),
        (("skinapp", "thresholds"), {}, "skinapp.thresholds is {}; this key is unknown; remove it or update skinapp."),
        (("label_names",), ["cat"], "label_names is ['cat']; it must be a list of 2 to 1000 names."),
        (("label_names",), ["cat", 5], "label_names is ['cat', 5]; it must be a list of 2 to 1000 names."),
        (("label_names",), ["cat", "cat"], "label_names is 'cat'; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", " "], "label_names is ' '; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", "do\ng"], "label_names is 'do\\ng'; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", "dog"], "num_classes is 7; it must be 2, one a name."),
        (("skinapp", "heatmap", "floor", "mel"), 9.0, "skinapp.heatmap.floor.mel is 9.0; it must be at least 0 and below full (5.0)."),
        (("skinapp", "heatmap", "floor", "cat"), 1.0, "skinapp.heatmap.floor.cat is 1.0; this key is unknown; remove it or update skinapp."),
    ],
)  # fmt: skip
def test_a_wrong_value_of_ones_own_model_is_named_with_its_cure(own, path, value, said):
    ModelSpec.read(own)
    change(own, *path, value=value)
    assert complaint(own) == said
