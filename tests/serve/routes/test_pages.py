"""The pages for people, and the addresses at which there is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from serve.routes.pages import FOLDER
from tests.support.serving.served import a_client, problem_of


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server without a model, which the pages do not need."""
    with a_client(tmp_path_factory.mktemp("pages"), versions=0) as (client, _):
        yield client


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    """Every part of a page is served here, and the policy lets a browser ask nobody else."""
    page = client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "dashboard/style.css" in parts
    for part in parts:
        assert client.get(f"/{part}").status_code == 200, part
    # A policy of 'self' forbids scripts and styles that stand in the page itself.
    assert not re.search(r"<script(?![^>]*src)|<style|\sstyle=|\son\w+=", page.text)


def test_no_file_of_the_pages_names_another_server() -> None:
    """No address but the two that name what SVG and HTML are."""
    for path in FOLDER.iterdir():
        addresses = set(re.findall(r"https?://[^\s\"'<]+", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


def test_scripts_import_files_that_are_there(client: TestClient) -> None:
    """Modules are found beside the one that imports them."""
    for path in FOLDER.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")):
            answer = client.get(f"/dashboard/{imported}")
            assert answer.headers["content-type"].startswith("text/javascript")


def test_a_page_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    """The browser's copy is confirmed by its tag."""
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["none.css", "..%2f..%2fapp.py", "%2e%2e/app.py", "index.html%00"])
def test_nothing_but_the_pages_files_is_served(client: TestClient, name: str) -> None:
    """Paths that lead elsewhere lead nowhere."""
    assert problem_of(client.get(f"/dashboard/{name}"))["status"] == 404


def test_wrong_addresses_and_methods_are_problems(client: TestClient) -> None:
    """404 and 405 with a document; 405 says what is allowed."""
    assert problem_of(client.get("/predict/"))["status"] == 404
    for method, path, allowed in (("GET", "/predict", "POST"), ("DELETE", "/versions", "GET")):
        response = client.request(method, path)
        assert problem_of(response)["status"] == 405
        assert allowed in response.headers["allow"]


def test_the_page_shows_the_base_rates_measures_and_no_constants() -> None:
    """Chart and table tell the same AUC of the base rate: the measured one."""
    script = (FOLDER / "dashboard.js").read_text(encoding="utf-8")
    drawn = re.search(r"^    auc: \{(.*?)\},$", script, re.MULTILINE)
    assert drawn is not None
    assert "base: base.auc" in drawn[1]
    assert "0.5" not in drawn[1]
