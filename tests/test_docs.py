"""The documents name only what exists, and everything that exists has its line."""

import inspect
import re
from pathlib import Path

import click
import pytest

import gis.errors
from api.cli import COMMANDS, cli
from api.settings import Settings
from gis.model import KINDS
from gis.rules import pack_names

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
OFFICES = ("docs/office.md", "docs/office.zh-CN.md")
PAGES = (*READMES, *OFFICES, "ARCHITECTURE.md", "CHANGELOG.md")


def text(page):
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page):
    quoted = re.findall(r"`((?:gis|api|web|data|tests|docs|tools|deploy)/[\w./-]*)`", text(page))
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text(page)) if "://" not in link]

    beside = (ROOT / page).parent
    missing = [path for path in quoted if not (ROOT / path).exists()]
    missing += [path for path in linked if not (beside / path).exists()]

    assert missing == []


@pytest.mark.parametrize("page", READMES)
def test_every_command_has_its_line_and_no_other_is_named(page):
    listed = set(re.findall(r"^\| `lianpian ([\w-]+)`", text(page), re.MULTILINE))

    assert listed == set(COMMANDS)
    assert set(re.findall(r"lianpian ([\w-]+) (?:my|PROJECT)", text(page))) <= set(COMMANDS)


def parts_of(group):
    context = click.Context(group)
    return [group.get_command(context, name) for name in group.list_commands(context)]


@pytest.mark.parametrize("page", [*READMES, *OFFICES])
def test_every_option_that_a_page_names_exists(page):
    commands = parts_of(cli)
    commands += [part for c in commands if isinstance(c, click.Group) for part in parts_of(c)]
    known = {opt for c in commands for p in c.params for opt in p.opts} | {"--help"}
    known |= {"--data-binary", "--config"}  # of curl and of ogrinfo

    assert set(re.findall(r"`?(--[a-z][a-z-]*)", text(page))) <= known


@pytest.mark.parametrize("page", OFFICES)
def test_every_setting_has_its_line_with_its_default(page):
    lines = dict(re.findall(r"^\| `(LIANPIAN_\w+)` \| `([^`]*)`", text(page), re.MULTILINE))

    assert lines == {
        f"LIANPIAN_{name.upper()}": "none" if field.default in (None, "") else str(field.default)
        for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("page", READMES)
def test_every_kind_and_every_rule_pack_is_named(page):
    for name in (*KINDS, *pack_names()):
        assert f"`{name}`" in text(page)


def test_every_error_has_its_line():
    listed = set(re.findall(r"^\| `(\w+Error)`", text("ARCHITECTURE.md"), re.MULTILINE))
    errors = {
        name
        for name, thing in inspect.getmembers(gis.errors, inspect.isclass)
        if issubclass(thing, gis.errors.LianpianError)
    }

    assert listed == errors
    assert all(name in (gis.errors.__doc__ or "") for name in errors)


def test_every_module_of_the_library_is_in_the_architecture():
    modules = {path.stem for path in (ROOT / "gis").glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (ROOT / "gis").glob("*/__init__.py")}

    named = set(re.findall(r"`gis/(\w+)", text("ARCHITECTURE.md")))

    assert modules | packages == named


def test_the_readme_opens_with_a_sentence_a_picture_and_two_commands():
    lines = [line for line in text("README.md").splitlines() if line][:6]

    assert lines[1].count(". ") == 0
    assert lines[2].startswith("![")
    assert lines[4].startswith("make demo")
    assert lines[5].startswith("make test")
