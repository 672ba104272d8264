"""Works: asked strictly, answered as the command line does, kept with what they rest on."""

from __future__ import annotations

import json
import shutil
import threading
import zipfile
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from api.analyses import Walking
from api.analyses.kept import MOST_WAITING, Answer, Answers, Kept
from api.analyses.reach import Reach
from api.analyses.still import Still
from api.analyses.work import ASKABLE, WORK, options_model, read_options
from api.analyses.work.asking import walking_of
from api.analyses.work.examples import EXAMPLES
from api.analyses.work.options import RuledWalks
from api.cli import main
from api.store import Project, RowChange
from gis.errors import OptionError, ProjectError, UnknownNameError
from tests.planning import make_town, run_work

NEEDED: dict[str, dict[str, Any]] = {
    "what_if": {"edits": [{"edit": "OpenGate", "uid": "G1"}]},
    "alternatives": {"plan": "p"},
    "repair": {"plan": "p"},
    "compare": {"plan": "p"},
    "sites": {"categories": ["nursery"]},
    "plan_export": {"plan": "p"},
}
"""What works cannot be asked without."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_town(tmp_path_factory.mktemp("town") / "town.gpkg")


@pytest.fixture
def town(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "town.gpkg"))


def test_every_work_is_a_function_of_project_options_and_progress():
    assert set(WORK) - set(ASKABLE) == {"import"}
    for where in WORK.values():
        module, function = where.split(":")
        work = getattr(import_module(module), function)
        assert list(signature(work).parameters) == ["project", "options", "progress"], where
        assert work.__doc__


@pytest.mark.parametrize("name", ASKABLE)
def test_options_are_read_strictly_and_completed(name):
    needed = NEEDED.get(name, {})
    whole = read_options(name, needed)
    assert json.loads(json.dumps(whole)) == whole
    assert read_options(name, whole) == whole
    for bad in ({"nonsense": 1}, {"_folder": "/"}):
        with pytest.raises(OptionError):
            read_options(name, needed | bad)
    for field, told in options_model(name).model_json_schema()["properties"].items():
        assert field in whole
        if told.get("type") in ("number", "integer", "boolean"):
            with pytest.raises(OptionError, match=field):
                read_options(name, needed | {field: "1"})


@pytest.mark.parametrize("name", ASKABLE)
def test_every_work_has_an_example_and_says_what_it_answers(name):
    whole = read_options(name, EXAMPLES[name])
    assert set(EXAMPLES[name]) <= set(whole)
    assert options_model(name).__doc__.endswith(".")
    assert set(EXAMPLES) == set(ASKABLE)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        (
            "districts",
            {"size": "people:5000:12000"},
            "There is no option 'size'; did you mean 'sizes'? the options are: plan, where, sizes,",
        ),
        (
            "districts",
            {"sizes": ["people:5000:12000"]},
            (
                "The option 'sizes' must be an object with, by name, a list of 2, each a number or "
                "null, or null (bounds per district by column, null for none; people 5000 to "
                "12000); the options are: plan,"
            ),
        ),
        ("districts", {"sizes": {"people": ["a", 2]}}, "'sizes.people.0' must be a number or null"),
        ("districts", {"count": 0}, "'count' must be a whole number from 1 up to 100000 or null"),
        (
            "sites",
            {"category": "nursery"},
            "The option 'categories' is missing; it must be a list of at least 1, each a text of",
        ),
        ("sites", {"categories": ["x"], "capacity": "no"}, 'a number above 0 or "rule" or null'),
        ("what_if", {"edits": [{"edit": "Up"}]}, """'edits.0.edit' must be one of "OpenWall","""),
        ("what_if", {"edits": [{"edit": "Remove", "id": 1}]}, "'edits.0' has no 'id'; it may have"),
        ("what_if", {"edits": ["x"]}, "'edits.0' must be an object with edit, uid, at,"),
        ("coverage", {"at": "25:00"}, "'at' must be a text (the hour, HH:MM)"),
        ("coverage", {"capacity": 1}, "'capacity' must be true or false"),
        ("findings", {"a": 1}, "There is no option 'a'; leave it out; there are none"),
    ],
)
def test_what_is_wrong_with_options_is_told_in_words(name, options, told):
    with pytest.raises(OptionError) as fault:
        read_options(name, options)
    assert told in str(fault.value)


def test_an_import_cannot_be_asked_for_by_name():
    for name in ("import", "nonsense", "../x"):
        with pytest.raises(UnknownNameError):
            read_options(name, {"path": "/etc/passwd"})


def test_walks_are_asked_with_the_defaults_of_the_command_line():
    assert walking_of(RuledWalks()) == Walking()


def told_by(capsys, *words: str) -> dict[str, Any]:
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_a_work_answers_with_the_keys_and_figures_of_the_command_line(town, capsys):
    asked = {
        "coverage": (["coverage", str(town)], {}),
        "step_free": (["step-free", str(town), "--ramps", "2"], {"ramps": 2}),
        "findings": (["check", str(town)], {}),
        "isochrones": (["isochrones", str(town), "--category", "nursery"], {"category": "nursery"}),
    }
    for name, (words, options) in asked.items():
        line = told_by(capsys, *words)
        work = run_work(town, name, **options)
        assert set(line) - set(work) <= {"project", "file"}, name
        same = set(line) & set(work) - {"date", "file"}
        assert {key: work[key] for key in same} == {key: line[key] for key in same}, name


def test_an_answer_is_kept_with_what_it_rests_on(town):
    with Project.open(town) as project:
        versions = project.versions()
    answer = run_work(town, "coverage", category="托儿所")
    with Project.open(town) as project:
        run = project.read_run(answer["run"])
        assert (run.work, run.job, run.options["category"]) == ("coverage", "job-1", "nursery")
        assert run.stamp["estates"] == versions["estates"]
        assert run.stamp["heights"] == 0
        assert run.assumptions == answer["assumptions"]
        reach = Reach.of(run.result["reach"])
        assert (len(reach.estate), reach.category) == (12, ("nursery",))
    assert "reach" not in answer


def test_an_answer_rests_on_one_state_of_the_layers(town):
    class Restless:
        """Somebody writes between the versions and the layers, at first."""

        def __init__(self, project: Project, times: int) -> None:
            self.project, self.times = project, times

        def versions(self) -> dict[str, int]:
            return self.project.versions()

        def read_study(self):
            study = self.project.read_study()
            if self.times:
                self.times -= 1
                change = RowChange("update", "E0001", values={"people": 10 + self.times})
                self.project.edit_rows("estates", [change])
            return study

    with Project.open(town) as project:
        calm: Any = Restless(project, times=2)
        still = Still.of(calm)
        assert still.read_at == project.versions()
        row = still.read_study().layer("estates").find("E0001")
        assert still.read_layer("estates").numbers("people")[row] == 10
        project.edit_rows("estates", [RowChange("update", "E0001", values={"people": 99})])
        assert still.read_layer("estates").numbers("people")[row] == 10
        with pytest.raises(UnknownNameError):
            still.read_layer("water")
        wild: Any = Restless(project, times=10**6)
        with pytest.raises(ProjectError, match="all the time"):
            Still.of(wild)


def test_a_work_that_is_stopped_keeps_nothing(town):
    from api.analyses.work.walks import coverage

    class StoppedError(BaseException):
        pass

    def stop(share: float, doing: str) -> None:
        if share >= 1:
            raise StoppedError

    with Project.open(town) as project:
        with pytest.raises(StoppedError):
            coverage(project, read_options("coverage", {}), stop)
        assert project.runs() == ()


def test_plans_are_made_mended_and_compared(town):
    made = run_work(town, "districts", plan="片", sizes={"count": [2, 6]}, time_limit=2.0)
    assert (made["version"], made["violations"]) == (1, 0)
    mended = run_work(town, "repair", plan="片", save="片二")
    assert mended["saved"] == {"plan": "片二", "version": 1}
    told = run_work(town, "compare", plan="片", other="片二", metrics=["people"])
    assert told["differences"] == []
    with pytest.raises(OptionError, match="another plan"):
        run_work(town, "compare", plan="片")
    with Project.open(town) as project:
        assert [run.work for run in project.runs()] == ["compare", "repair", "districts"]
        assert project.plan_infos("片")[0].who == project.author.name


def test_bounds_may_be_open_and_must_not_be_crossed(town):
    made = run_work(town, "districts", sizes={"people": [0, None]}, count=2, time_limit=2.0)
    assert len(made["districts"]) == 2
    for pair in ([5, 3], [-1, 3]):
        with pytest.raises(OptionError, match="bounds of people"):
            run_work(town, "districts", sizes={"people": pair})


def test_files_are_written_to_the_folder_of_the_work(town):
    for name, options in (("gap_list", {}), ("export", {"format": "csv"}), ("map", {})):
        answer = run_work(town, name, **options)
        file = town.parent / answer["file"]
        assert file.stat().st_size == answer["bytes"] > 0, name
    with zipfile.ZipFile(town.parent / "layers.zip") as archive:
        assert "estates.csv" in {Path(name).name for name in archive.namelist()}
    from api.analyses.work.files import export

    with Project.open(town) as project, pytest.raises(OptionError, match="folder"):
        export(project, read_options("export", {}), lambda share, doing: None)


# --- what is kept in memory


def test_memory_is_bounded_and_each_thing_made_once():
    made: list[str] = []
    kept: Kept[str] = Kept(2)

    def make(word: str) -> str:
        made.append(word)
        return word

    assert kept.get("a", 1, lambda: make("a1")) == "a1"
    assert kept.get("a", 1, lambda: make("a again")) == "a1"
    assert kept.get("a", 2, lambda: make("a2")) == "a2"
    kept.get("b", 1, lambda: make("b"))
    kept.get("c", 1, lambda: make("c"))
    assert len(kept) == 2
    kept.get("a", 2, lambda: make("a2 anew"))
    assert made == ["a1", "a2", "b", "c", "a2 anew"]

    begun, go, found = threading.Event(), threading.Event(), []

    def slow() -> str:
        begun.set()
        go.wait(10)
        return make("slow")

    threads = [
        threading.Thread(target=lambda: found.append(kept.get("d", 1, slow))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    begun.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, made.count("slow")) == (["slow"] * 5, 1)


def test_not_all_threads_of_a_server_wait_for_one_thing():
    kept: Kept[str] = Kept(2)
    begun, go = threading.Event(), threading.Event()
    told: list[str] = []
    done = threading.Semaphore(0)

    def slow() -> str:
        begun.set()
        go.wait(10)
        return "made"

    def ask() -> None:
        try:
            told.append(kept.get("a", 1, slow))
        except ProjectError:
            told.append("later")
            done.release()

    threads = [threading.Thread(target=ask) for _ in range(MOST_WAITING + 3)]
    threads[0].start()
    begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    for _ in range(2):
        done.acquire(timeout=10)
    go.set()
    for thread in threads:
        thread.join()
    assert (told.count("made"), told.count("later")) == (MOST_WAITING + 1, 2)


def test_what_could_not_be_made_is_tried_again():
    kept: Kept[str] = Kept(2)

    def fail() -> str:
        raise OptionError("no")

    for _ in range(2):
        with pytest.raises(OptionError):
            kept.get("a", 1, fail)
    assert kept.get("a", 1, lambda: "now") == "now"


def answer(subject: str, mark: int) -> Answer:
    return Answer((subject,), mark, f"{subject} {mark}".encode(), f'"{subject}.{mark}"')


class Slowly:
    """Makes an answer when it is told to."""

    def __init__(self, made: Answer) -> None:
        self.made, self.begun, self.go = made, threading.Event(), threading.Event()

    def __call__(self) -> Answer:
        self.begun.set()
        assert self.go.wait(10)
        return self.made


def test_while_a_newer_answer_is_worked_out_others_get_the_one_before_under_its_tag():
    answers, made = Answers(4), []

    def ask(subject: str, mark: int) -> str:
        return answers.get(
            "q", (subject,), mark, lambda: made.append(mark) or answer(subject, mark)
        ).etag

    assert ask("v1", 1) == ask("v1", 1) == '"v1.1"'
    slow, told = Slowly(answer("v1", 2)), []
    first = threading.Thread(target=lambda: told.append(answers.get("q", ("v1",), 2, slow).etag))
    first.start()
    assert slow.begun.wait(10)
    # The layers are at 2 and then at 3; one answer is being worked out, and no second one is begun.
    assert [ask("v1", 2), ask("v1", 3), ask("v1", 1)] == ['"v1.1"'] * 3
    slow.go.set()
    first.join()
    assert told == ['"v1.2"']
    assert ask("v1", 2) == '"v1.2"'
    assert ask("v1", 3) == ask("v1", 3) == '"v1.3"'
    assert made == [1, 3]


def test_an_answer_on_another_subject_is_waited_for_and_not_given():
    answers = Answers(4)
    answers.get("q", ("v1",), 1, lambda: answer("v1", 1))
    slow, told = Slowly(answer("v2", 1)), []
    threads = [
        threading.Thread(target=lambda: told.append(answers.get("q", ("v2",), 1, slow).etag))
        for _ in range(MOST_WAITING)
    ]
    for thread in threads:
        thread.start()
    assert slow.begun.wait(10)
    slow.go.set()
    for thread in threads:
        thread.join()
    assert told == ['"v2.1"'] * MOST_WAITING
    # Whoever makes it may have found the plan in a later state still; the answer says so.
    later = answers.get("q", ("v3",), 1, lambda: answer("v4", 1))
    assert later.etag == '"v4.1"'
    assert answers.get("q", ("v4",), 1, lambda: answer("never", 1)).etag == '"v4.1"'


def test_an_answer_that_fails_is_told_to_who_waits_and_tried_again():
    answers = Answers(1)

    def fail() -> Answer:
        raise OptionError("no")

    for _ in range(2):
        with pytest.raises(OptionError):
            answers.get("q", ("v1",), 1, fail)
    assert answers.get("q", ("v1",), 1, lambda: answer("v1", 1)).body == b"v1 1"
    answers.get("other", ("v1",), 1, lambda: answer("v1", 1))
    made: list[int] = []
    answers.get("q", ("v1",), 1, lambda: made.append(1) or answer("v1", 1))
    assert made == [1]  # one question is remembered here, and that was the other
