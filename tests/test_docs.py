"""README.md and docs/ are true to the code: commands and snippets can be read, what is named exists, links lead on."""

import ast
import html.parser
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
from docs_pages import PAGES, ROOT, blocks, commands, every_block, parse, program, spans
from test_page_browser import browser, find, wait  # noqa: F401

from mxbench import predict, symbols
from mxbench.cli import COMMANDS, mxbench
from mxbench.distributed.hosts import read_hosts
from mxbench.results import store
from mxbench.results.record import STATUSES, from_line
from mxbench.symbols import registry
from mxbench.symbols.export import graph_of

OF_DASK_WORKER = {"--resources", "--no-nanny"}
LANGUAGES = {"console", "python", "json", "bash", "text"}
FOLDERS = ("benchmarks/", "docs/", "mxbench/", "results/", "scripts/", "symbols/", "tests/")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

# Commands


def options(command):
    """The options of a command, or of all commands of a group."""
    names = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return names.union({"--help"}, *map(options, getattr(command, "commands", {}).values()))


def named_options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def make(command):
    """What make would run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=str(ROOT), env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_every_block_of_code_is_in_a_language_that_a_test_reads():
    assert {block.language for block in every_block()} == LANGUAGES
    assert all(line.startswith("$ ") for block in blocks("console") for line in block.text.splitlines())


@pytest.mark.parametrize("command", [command for command in commands() if program(command)])
def test_programs_take_the_options_of_the_commands_in_the_pages(command):
    parse(command)


def test_commands_in_the_text_have_the_options_that_are_named():
    starts = ("mxbench ", "python scripts/", "python benchmarks/")
    found = [span for page in PAGES for span in spans(page) if span.startswith(starts)]
    assert len(found) > 20
    for command in found:
        assert named_options(command) <= options(program(command)[0]), command


@pytest.mark.parametrize("block", blocks("bash"), ids=lambda block: f"{block.page}-{block.text[:20]!r}")
def test_shell_files_can_be_read_and_have_the_options_that_are_named(block):
    subprocess.run(["bash", "-n"], input=block.text, universal_newlines=True, check=True)
    for command in re.findall(r"^(?:srun )?(mxbench .*)$", block.text, re.MULTILINE):
        parse(command)


@pytest.mark.parametrize("block", blocks("text"), ids=lambda block: block.page)
def test_hosts_files_can_be_read(block, tmp_path):
    (tmp_path / "hosts.txt").write_text(block.text)
    assert len(read_hosts(tmp_path / "hosts.txt")) == len(block.text.splitlines())


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("make ")])
def test_make_has_the_targets_and_hands_on_the_options(command):
    lines = [line for line in make(command) if line.startswith(".venv/bin/python scripts/")]
    assert lines or command.split()[1] in ("setup", "test", "test-slow", "docs")
    for line in lines:
        parse(line[len(".venv/bin/"):])


def test_the_targets_of_make_in_the_text_exist():
    for target in {span.split()[1] for page in PAGES for span in spans(page) if re.match(r"make [a-z]", span)}:
        assert make(f"make {target}"), target


def test_extras_in_the_pages_are_those_of_setup():
    extras = set(re.findall(r'^    "([a-z0-9]+)": \[', (ROOT / "setup.py").read_text(), re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in (*PAGES, ROOT / "docs" / "kubernetes" / "Dockerfile"))
    named = re.findall(r"(?:'\.|mxbench)\[([\w,]+)\]|EXTRA=([\w,]+)|setup\.sh ([\w,]+)", text)
    found = {extra for groups in named for group in groups if group for extra in group.split(",")}
    assert {"cpu", "cu112"} <= found <= extras


# What is named


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.page)
def test_snippets_are_python(block):
    ast.parse(block.text)


@each_page
def test_files_that_are_named_exist(page):
    for span in spans(page):
        name = span.split(":")[0].split()[0]
        if name.startswith(FOLDERS) and not re.search(r"NAME|FAMILY|my-|\*", name):
            assert (ROOT / name).exists(), span


@each_page
def test_options_that_are_named_exist(page):
    known = set().union(*(options(mxbench.get_command(None, name)) for name in COMMANDS))
    for script in (path for folder in ("scripts", "benchmarks") for path in (ROOT / folder).glob("*.py")):
        if "main(command=" in script.read_text(encoding="utf-8"):
            known |= options(program(str(script.relative_to(ROOT)))[0])
    assert set().union(*map(named_options, spans(page))) <= known | OF_DASK_WORKER


@each_page
def test_python_names_that_are_given_exist(page):
    named = {span.split("(")[0] for span in spans(page) if re.match(r"mxbench(\.\w+)+($|\()", span)}
    for name in named - {registry.ENTRY_POINT_GROUP}:
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), name


def rows(page, heading):
    """The rows of the table under a heading row, each cell without blanks and code marks."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").split(heading, 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_networks_says_what_the_code_says():
    table = rows("networks.md", "| network | input | parameters |")
    networks = [symbols.get_network(name) for name in symbols.list_networks()[:16]]
    assert [row[0] for row in table] == [network.name for network in networks]
    for row, network in zip(table, networks):
        counted = predict.count(predict.load(graph_of(network)), network.image_shape)
        assert row[1:3] == [str(network.image_shape[1]), f"{counted.parameters:,}"]
        assert row[3].split("arXiv:")[1] in network.paper and row[4] == network.checkpoint


def test_every_status_has_an_example_that_is_part_of_a_record():
    lines = [line for block in blocks("json") if block.page == "results.md" for line in block.text.splitlines()]
    assert {from_line(line).status for line in lines} == set(STATUSES)
    files = (ROOT / "results" / "cpu-2-cores.jsonl", ROOT / "tests" / "data" / "results" / "schema-1.jsonl")
    known = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        assert any(is_part(json.loads(line), record) for record in known), line


def is_part(example, record):
    """Whether a record has every field of an example, figures rounded as there."""
    if isinstance(example, dict):
        return all(name in record and is_part(value, record[name]) for name, value in example.items())
    if isinstance(example, list):
        return len(example) == len(record) and all(map(is_part, example, record))
    return example == (round(record, 2) if isinstance(record, float) else record)


def test_every_field_of_a_record_is_explained():
    explained = {row[0] for row in rows("results.md", "| field | meaning |")}
    newest, _ = store.read(ROOT / "results" / "cpu-2-cores.jsonl")
    assert set(vars(newest[0])) | {"schema"} == explained


# The site


class Page(html.parser.HTMLParser):
    """The links of a page of the site, the files that a browser loads for it, and the places that links can lead to."""

    LOADED = {"src", "srcset", "data", "poster"}

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.places = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("id", "name"):
                self.places.add(value)
            elif name in self.LOADED or (tag == "link" and name == "href"):
                self.loaded.append(value)
            elif name == "href":
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="mkdocs-material is not installed: make docs installs it")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=str(ROOT), env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, check=False)
    assert done.returncode == 0 and done.stdout == "", done.stdout
    return folder


def test_the_site_has_every_page(site):
    expected = {"index.html", *(page.with_suffix(".html").name for page in PAGES[1:])}
    assert expected <= {path.name for path in site.iterdir()}
    assert "ResNeXt-101-64x4d" in (site / "index.html").read_text(encoding="utf-8")


def test_links_of_the_site_lead_to_files_and_places_that_are_there(site):
    # 404.html is shown in any place, and so has links from the top of the site.
    pages = {path: Page(path) for path in site.glob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme in ("https", "mailto"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert not parts.scheme and target.is_file(), f"{path.name}: {link}"
            assert not parts.fragment or unquote(parts.fragment) in pages[target].places, f"{path.name}: {link}"


def test_the_site_asks_no_other_host_for_anything(site):
    for path in site.glob("*.html"):
        assert [name for name in Page(path).loaded if urlsplit(name).netloc] == [], path.name
    for path in site.glob("**/*.css"):
        addresses = re.findall(r"(?:url\(|@import\s)\s*[\"']?([^\"')]+)", path.read_text(encoding="utf-8"))
        assert [one for one in addresses if urlsplit(one).netloc] == [], path.name


def test_the_site_is_searched_from_the_disk_and_asks_no_host(site, browser):  # noqa: F811
    browser.get_log("performance")
    browser.get((site / "index.html").as_uri())
    browser.execute_script("document.querySelector('label[for=__search]').click()")
    find(browser, ".md-search__input")[0].send_keys("hugetlb")
    found = wait(browser, lambda: [link.get_attribute("href") for link in find(browser, ".md-search-result__item a")])
    assert any("performance.html" in link for link in found)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert asked and all(urlsplit(url).scheme in ("file", "data", "blob") for url in asked), asked
