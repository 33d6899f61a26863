import json

import numpy as np
import pytest

from skinapp.labels import CODES
from tests.support import drawings
from train.data.dataset import Row
from train.evaluate import metrics, subgroups
from train.evaluate.metrics import Answers

MEL, NV = CODES.index("mel"), CODES.index("nv")

SKINS = [
    ((247, 228, 214), "very light"),
    ((222, 178, 152), "light"),
    ((210, 165, 125), "intermediate"),
    ((188, 142, 104), "tan"),
    ((140, 98, 66), "brown"),
    ((72, 48, 32), "dark"),
]


@pytest.mark.parametrize(("colour", "name"), SKINS)
def test_drawn_skins_get_their_tone(colour, name):
    assert subgroups.tone(subgroups.tone_angle(drawings.plain(colour))) == name


def test_the_angle_is_that_of_lightness_over_yellowness():
    """CIELAB of (216, 178, 140), worked out by its definition from sRGB under D65: L* 75.04, b* 24.60."""
    assert subgroups.tone_angle(drawings.plain((216, 178, 140))) == pytest.approx(np.degrees(np.arctan(25.04 / 24.60)), abs=0.1)


@pytest.mark.parametrize("size", [(341, 256), (600, 450), (120, 90)])
def test_the_lesion_and_hairs_and_a_black_vignette_do_not_change_the_skins_tone(size):
    width, height = size
    skin = drawings.plain(drawings.SKIN, width, height)
    photo = drawings.lesion(width, height, colour=(30, 20, 20))
    photo[:, ::9] = (50, 30, 25)
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    photo[np.hypot(across, down) > 1.1] = 4
    assert subgroups.tone_angle(photo) == pytest.approx(subgroups.tone_angle(skin), abs=2)


def test_bluish_pale_skin_is_not_called_dark():
    assert subgroups.tone(subgroups.tone_angle(drawings.plain((200, 190, 215)))) == "very light"


def test_a_photo_that_is_black_all_over_has_no_tone():
    assert subgroups.tone(subgroups.tone_angle(drawings.plain(3))) == "unknown"


@pytest.mark.parametrize(
    ("angle", "name"),
    [(55.1, "very light"), (55, "light"), (41, "intermediate"), (28, "tan"), (10, "brown"), (-30, "dark"), (-89, "dark")],
)
def test_tones_end_where_the_scale_says(angle, name):
    assert subgroups.tone(angle) == name


@pytest.mark.parametrize(
    ("tone", "band"),
    [(0, "0 to 2 (dark)"), (2, "0 to 2 (dark)"), (3, "3"), (5, "5 (very light)"), (6, "unknown"), (None, "unknown")],
)
def test_stated_tones_fall_into_bands(tone, band):
    assert subgroups.stated_tone(tone) == band


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "<30"), (29.9, "<30"), (30, "30-44"), (45, "45-59"), (60, "60-74"), (75, "75+"), (None, "unknown"), (-1, "unknown")],
)
def test_ages_fall_into_bands(age, band):
    assert subgroups.age_band(age) == band


@pytest.mark.parametrize(
    ("place", "group"),
    [("face", "head and neck"), ("back", "trunk"), ("foot", "hands and feet"), ("", "unknown"), ("moon", "unknown")],
)
def test_body_sites_are_grouped(place, group):
    assert subgroups.site(place) == group


def rows_of(**each: list) -> list[Row]:
    return [Row(None, 0, "", "", "", **dict(zip(each, values, strict=True))) for values in zip(*each.values(), strict=True)]  # type: ignore[arg-type]


def report(answers: Answers, rows: list[Row], angle: float = 60.0) -> dict:
    groups = [str(number) for number in range(len(rows))]
    return subgroups.report(answers, metrics.resamples(groups), rows, [angle] * len(rows))


def right(truths: list[int]) -> Answers:
    """Answers that are all right."""
    return Answers(np.eye(7)[truths], np.array(truths), np.full(len(truths), "low"), 0.5)


def test_each_subgroup_has_the_figures_of_its_own_photos():
    truths = [MEL] * 12 + [NV] * 28 + [NV] * 40
    answers = right(truths)
    answers.probabilities[40:50] = np.eye(7)[MEL]
    found = report(answers, rows_of(sex=["female"] * 40 + ["male"] * 40))
    women, men = found["sex"]["female"], found["sex"]["male"]
    assert (women["n"], women["melanomas"], women["accuracy"]["value"]) == (40, 12, 1.0)
    assert [women["melanoma"][name]["value"] for name in ("auc", "sensitivity", "specificity")] == [1, 1, 1]
    assert (men["n"], men["accuracy"]["value"], men["balanced_accuracy"]["value"]) == (40, 0.75, 0.75)
    assert men["accuracy"]["low"] < 0.75 < men["accuracy"]["high"]
    assert men["melanoma"] == {"auc": None, "sensitivity": None, "specificity": None}


@pytest.mark.parametrize(
    ("photos", "melanomas", "told"), [(29, 15, (False, False)), (30, 9, (True, False)), (30, 10, (True, True))]
)
def test_too_few_photos_or_melanomas_give_no_figure(photos, melanomas, told):
    truths = [MEL] * melanomas + [NV] * (photos - melanomas)
    found = report(right(truths), rows_of(age=[50.0] * photos))["age"]["45-59"]
    assert (found["n"], found["melanomas"]) == (photos, melanomas)
    assert (found["balanced_accuracy"] is not None, found["melanoma"]["sensitivity"] is not None) == told


def test_the_rule_is_in_the_report():
    found = report(right([NV]), rows_of(sex=[""]))
    assert found["rule"] == "no figure from fewer than 30 photos, and none of melanomas from fewer than 10 of them"


def test_what_the_table_does_not_say_is_left_out_and_a_tone_is_always_there():
    found = report(right([NV] * 3), rows_of(sex=["", "unknown", ""]))
    assert set(found) == {"rule", "skin_tone"} and found["skin_tone"]["very light"]["n"] == 3


def test_the_photos_of_all_subgroups_add_up_and_unknown_comes_last():
    found = report(right([NV] * 5), rows_of(localization=["back", "face", "", "foot", "unknown"]))["site"]
    assert list(found) == ["head and neck", "trunk", "hands and feet", "unknown"]
    assert sum(one["n"] for one in found.values()) == 5


def test_a_subgroup_that_many_resamples_leave_out_has_figures_without_nan():
    """All photos of the subgroup are of two lesions: a quarter of the resamples hold neither."""
    rows = rows_of(sex=["female"] * 30 + ["male"] * 2)
    groups = ["a"] * 15 + ["b"] * 15 + ["c", "d"]
    found = subgroups.report(right([NV] * 32), metrics.resamples(groups), rows, [60.0] * 32)
    json.dumps(found, allow_nan=False)
    assert found["sex"]["female"]["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}
