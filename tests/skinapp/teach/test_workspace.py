"""A visitor's workspace: what goes on in it stops and what lies in it is gone when its visitor goes."""

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
def workspaces(tmp_path: Path) -> Workspaces:
    return workspaces_in(tmp_path)


def workspaces_in(place: Path) -> Workspaces:
    return Workspaces(partial(Scratch(str(place)).new, "lessons"))


def test_leaving_stops_the_work_and_deletes_everything(workspaces: Workspaces, tmp_path: Path) -> None:
    mine = workspaces.new("ann")
    (mine.new_path("views.u8")).write_bytes(b"pictures")
    tried = tmp_path / "an upload" / "tried.png"
    tried.parent.mkdir()
    tried.write_bytes(b"a photo")
    mine.tried.append(tried)
    progress = mine.progress

    def endless() -> None:
        while True:
            progress.check()
            time.sleep(0.01)

    work = BackgroundTask(endless)
    workspaces.close("ann")
    with pytest.raises(Stopped):
        work.result()
    assert not mine.folder.exists() and not tried.parent.exists() and not workspaces.has(mine)
    with pytest.raises(TeachError) as caught:
        workspaces.of("ann")
    assert caught.value.message == Message("taught.gone")


def test_a_new_lesson_replaces_the_one_before_and_nobody_elses(workspaces: Workspaces) -> None:
    first, other = workspaces.new("ann"), workspaces.new("bob")
    second = workspaces.new("ann")
    assert not first.folder.exists() and second.folder.is_dir() and other.folder.is_dir()
    assert workspaces.of("ann") is second and workspaces.of("bob") is other


def test_names_of_workspaces_cant_be_guessed(workspaces: Workspaces) -> None:
    names = {workspaces.new(str(number)).folder.name for number in range(10)}
    assert len(names) == 10 and all(len(name) == 32 for name in names)


def test_when_all_workspaces_are_taken_the_next_visitor_is_told_so(workspaces: Workspaces) -> None:
    for number in range(workspace.MAX_WORKSPACES):
        workspaces.new(str(number))
    with pytest.raises(TeachError) as caught:
        workspaces.new("late")
    assert caught.value.message == Message("taught.busy")
    workspaces.close("3")
    workspaces.new("late")


def test_one_visitor_cant_keep_all_workspaces_from_the_others(workspaces: Workspaces) -> None:
    greedy = [workspaces.new(f"greedy{number}", "10.0.0.1") for number in range(workspace.MAX_WORKSPACES)]
    greedy[5].touched -= 1  # the one that was used last the longest ago
    mine = workspaces.new("ann", "10.0.0.2")
    assert mine.folder.is_dir() and not greedy[5].folder.exists()
    assert sum(one.folder.is_dir() for one in greedy) == workspace.MAX_WORKSPACES - 1
    with pytest.raises(TeachError) as caught:
        workspaces.of("greedy5")
    assert caught.value.message == Message("taught.displaced")
    for number in range(2 * workspace.MAX_WORKSPACES):
        with suppress(TeachError):
            workspaces.new(f"bob{number}", "10.0.0.2")
    assert sum(one.folder.is_dir() for one in greedy) == workspace.MAX_WORKSPACES // 2, "and the other one can't either"
    workspaces.new("greedy5", "10.0.0.3")
    workspaces.close("greedy5")
    with pytest.raises(TeachError) as caught:
        workspaces.of("greedy5")
    assert caught.value.message == Message("taught.gone")


def test_a_class_behind_one_address_may_have_all_workspaces_and_who_comes_late_gets_an_unused_one(workspaces: Workspaces) -> None:
    pupils = [workspaces.new(f"pupil{number}", "10.0.0.1") for number in range(workspace.MAX_WORKSPACES)]
    with pytest.raises(TeachError) as caught:
        workspaces.new("late", "10.0.0.1")
    assert caught.value.message == Message("taught.busy") and all(one.folder.is_dir() for one in pupils)
    pupils[7].touched -= quotas.SPARE_S + 1
    assert workspaces.new("late", "10.0.0.1").folder.is_dir()
    assert [number for number, one in enumerate(pupils) if not one.folder.exists()] == [7]


def test_a_room_that_nobody_uses_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "SWEEP_S", 0.05)
    workspaces = workspaces_in(tmp_path)
    idle, used = workspaces.new("ann"), workspaces.new("bob")
    idle.touched -= quotas.IDLE_S + 1
    deadline = time.monotonic() + 60
    while idle.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not idle.folder.exists() and used.folder.is_dir()


def test_work_that_still_writes_when_its_visitor_goes_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "SWEEP_S", 0.05)
    workspaces = workspaces_in(tmp_path)
    mine = workspaces.new("ann")

    def writing() -> None:
        for number in count():
            (mine.folder / f"{number}").write_bytes(b"pictures")

    work = BackgroundTask(writing)
    time.sleep(0.2)
    workspaces.close("ann")
    with pytest.raises(FileNotFoundError):  # its folder went while it wrote
        work.result()
    deadline = time.monotonic() + 60
    while mine.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not mine.folder.exists()


def test_works_errors_are_those_who_wait_for_it() -> None:
    with pytest.raises(ZeroDivisionError):
        BackgroundTask(lambda: 1 // 0).result()


def test_progress_tells_how_long_the_rest_takes() -> None:
    progress = Progress()
    progress.begin("reading", 10)
    assert progress.left_s is None
    progress._started -= 20
    progress.step(5)
    assert progress.left_s == pytest.approx(20, abs=5)
    assert (progress.stage, progress.done, progress.total) == ("reading", 5, 10)
