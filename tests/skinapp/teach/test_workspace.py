"""A visitor's room: what goes on in it stops and what lies in it is gone when its visitor goes."""

import time
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
from skinapp.scratch import Scratch
from skinapp.teach import quotas, workspace
from skinapp.teach.progress import Progress, Stopped
from skinapp.teach.workspace import BackgroundTask, Workspaces


@pytest.fixture
def house(tmp_path: Path) -> Workspaces:
    return house_in(tmp_path)


def house_in(place: Path) -> Workspaces:
    return Workspaces(partial(Scratch(str(place)).new, "lessons"))


def test_leaving_stops_the_work_and_deletes_everything(house: Workspaces, tmp_path: Path) -> None:
    room = house.new("ann")
    (room.fresh("views.u8")).write_bytes(b"pictures")
    tried = tmp_path / "an upload" / "tried.png"
    tried.parent.mkdir()
    tried.write_bytes(b"a photo")
    room.tried.append(tried)
    progress = room.progress

    def endless() -> None:
        while True:
            progress.check()
            time.sleep(0.01)

    work = BackgroundTask(endless)
    house.close("ann")
    with pytest.raises(Stopped):
        work.result()
    assert not room.folder.exists() and not tried.parent.exists() and not house.has(room)
    with pytest.raises(TeachError) as caught:
        house.of("ann")
    assert caught.value.message == Message("taught.gone")


def test_a_new_lesson_replaces_the_one_before_and_nobody_elses(house: Workspaces) -> None:
    first, other = house.new("ann"), house.new("bob")
    second = house.new("ann")
    assert not first.folder.exists() and second.folder.is_dir() and other.folder.is_dir()
    assert house.of("ann") is second and house.of("bob") is other


def test_names_of_rooms_cant_be_guessed(house: Workspaces) -> None:
    names = {house.new(str(number)).folder.name for number in range(10)}
    assert len(names) == 10 and all(len(name) == 32 for name in names)


def test_when_all_rooms_are_taken_the_next_visitor_is_told_so(house: Workspaces) -> None:
    for number in range(workspace.MAX_WORKSPACES):
        house.new(str(number))
    with pytest.raises(TeachError) as caught:
        house.new("late")
    assert caught.value.message == Message("taught.busy")
    house.close("3")
    house.new("late")


def test_one_visitor_cant_keep_all_rooms_from_the_others(house: Workspaces) -> None:
    greedy = [house.new(f"greedy{number}", "10.0.0.1") for number in range(workspace.MAX_WORKSPACES)]
    greedy[5].touched -= 1  # the one that was used last the longest ago
    room = house.new("ann", "10.0.0.2")
    assert room.folder.is_dir() and not greedy[5].folder.exists()
    assert sum(one.folder.is_dir() for one in greedy) == workspace.MAX_WORKSPACES - 1
    with pytest.raises(TeachError) as caught:
        house.of("greedy5")
    assert caught.value.message == Message("taught.displaced")
    for number in range(2 * workspace.MAX_WORKSPACES):
        with suppress(TeachError):
            house.new(f"bob{number}", "10.0.0.2")
    assert sum(one.folder.is_dir() for one in greedy) == workspace.MAX_WORKSPACES // 2, "and the other one can't either"
    house.new("greedy5", "10.0.0.3")
    house.close("greedy5")
    with pytest.raises(TeachError) as caught:
        house.of("greedy5")
    assert caught.value.message == Message("taught.gone")


def test_a_class_behind_one_address_may_have_all_rooms_and_who_comes_late_gets_an_unused_one(house: Workspaces) -> None:
    pupils = [house.new(f"pupil{number}", "10.0.0.1") for number in range(workspace.MAX_WORKSPACES)]
    with pytest.raises(TeachError) as caught:
        house.new("late", "10.0.0.1")
    assert caught.value.message == Message("taught.busy") and all(one.folder.is_dir() for one in pupils)
    pupils[7].touched -= quotas.SPARE_S + 1
    assert house.new("late", "10.0.0.1").folder.is_dir()
    assert [number for number, one in enumerate(pupils) if not one.folder.exists()] == [7]


def test_a_room_that_nobody_uses_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "SWEEP_S", 0.05)
    house = house_in(tmp_path)
    idle, used = house.new("ann"), house.new("bob")
    idle.touched -= quotas.IDLE_S + 1
    deadline = time.monotonic() + 60
    while idle.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not idle.folder.exists() and used.folder.is_dir()


def test_work_that_still_writes_when_its_visitor_goes_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "SWEEP_S", 0.05)
    house = house_in(tmp_path)
    room = house.new("ann")

    def writing() -> None:
        for number in count():
            (room.folder / f"{number}").write_bytes(b"pictures")

    work = BackgroundTask(writing)
    time.sleep(0.2)
    house.close("ann")
    with pytest.raises(FileNotFoundError):  # its folder went while it wrote
        work.result()
    deadline = time.monotonic() + 60
    while room.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not room.folder.exists()


def test_works_errors_are_those_who_wait_for_it() -> None:
    with pytest.raises(ZeroDivisionError):
        BackgroundTask(lambda: 1 // 0).result()


def test_progress_tells_how_long_the_rest_takes() -> None:
    progress = Progress()
    progress.begin("reading", 10)
    assert progress.left_s is None
    progress._began -= 20
    progress.step(5)
    assert progress.left_s == pytest.approx(20, abs=5)
    assert (progress.stage, progress.done, progress.all) == ("reading", 5, 10)
