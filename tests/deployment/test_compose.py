"""Holds the containers to what the tests try and to what an operator may expect of them."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from converters.config.settings import ServeSettings
from serve.access.hosts import Hosts
from serve.http.problems import MisdirectedError
from tests.support import ROOT
from tests.support.serving.deployment import (
    COMPOSE,
    compose,
    container_command,
    health_command,
    service,
    stages,
)

SERVICES = ("kafka", "learner", "serve")
FRESHET_SERVICES = ("learner", "serve")
ROOT_USERS = {"root", "0"}
EXACT_VERSION = re.compile(r":\d+\.\d+\.\d+(-[a-z-]+)?$")


def test_compose_file_keeps_to_the_compose_specification() -> None:
    """The compose file is valid by the published schema of the Compose Specification."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    result = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_compose_file_runs_these_services_and_no_others() -> None:
    """Kafka, the learner and the server are all there is: the lists below leave none out."""
    assert sorted(compose()["services"]) == sorted(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_service_image_is_pinned(name: str) -> None:
    """An image is named with its exact version, never with a tag that moves."""
    assert EXACT_VERSION.search(service(name)["image"])


@pytest.mark.parametrize("name", FRESHET_SERVICES)
def test_image_carries_the_version_of_the_project(name: str) -> None:
    """The image built is tagged with the version that pyproject.toml gives."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert service(name)["image"] == f"freshet:{project['version']}"


def test_broker_is_the_one_that_the_tests_run_against() -> None:
    """Compose starts the version of Apache Kafka that the test suite starts."""
    pom = (ROOT / "tests/kafka-broker/pom.xml").read_text(encoding="utf-8")
    tested = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert tested
    assert service("kafka")["image"] == f"apache/kafka:{tested[1]}"


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_no_root(name: str) -> None:
    """No service asks for root, for more capabilities or for the host's own rights."""
    asked = service(name)
    assert str(asked.get("user", "")).split(":")[0] not in ROOT_USERS
    assert asked["cap_drop"] == ["ALL"]
    assert asked["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid"} & asked.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_service_looks_after_itself(name: str) -> None:
    """Each service is watched, restarted, bounded in memory, and its log rotated."""
    asked = service(name)
    assert health_command(name)
    assert asked["restart"] == "unless-stopped"
    assert re.fullmatch(r"\d+[mg]", asked["deploy"]["resources"]["limits"]["memory"])
    assert asked["logging"] == {"driver": "local"}


@pytest.mark.parametrize("name", FRESHET_SERVICES)
def test_freshet_writes_to_its_home_only(name: str) -> None:
    """Learner and server can write to the volume they share, and to nothing else that stays."""
    (entry,) = [i.rest for i in stages()[-1] if i.word == "VOLUME"]
    volume, config = service(name)["volumes"]
    assert service(name)["read_only"] is True
    assert volume == f"home:{entry}"
    assert config["read_only"] is True
    assert config["bind"] == {"create_host_path": False}


def test_home_of_the_image_is_its_volume() -> None:
    """FRESHET_HOME in the image is the folder declared as its volume."""
    last = stages()[-1]
    (volume,) = [i.rest for i in last if i.word == "VOLUME"]
    assert any(i.word == "ENV" and f"FRESHET_HOME={volume}" in i.rest.split() for i in last)


def test_named_volumes_are_declared() -> None:
    """Every named volume that a service mounts is declared, and every declared one is mounted."""
    mounts = [m for name in SERVICES for m in service(name)["volumes"] if isinstance(m, str)]
    assert {m.split(":")[0] for m in mounts} == set(compose()["volumes"])


@pytest.mark.parametrize("name", ["kafka", "serve"])
def test_ports_are_published_to_this_machine_only(name: str) -> None:
    """A published port listens on loopback, for neither Kafka nor predictions ask who calls."""
    assert service(name)["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service(name)["ports"])


def test_admin_token_is_not_in_the_file() -> None:
    """The token passes through from the environment, with no default that somebody could know."""
    assert service("serve")["environment"]["FRESHET_SERVE__ADMIN_TOKEN"] is None


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "serve:8000", "172.18.0.4"])
def test_server_knows_the_hosts_that_it_is_called_by(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """The published port on this machine, its own health check, and other containers."""
    monkeypatch.setattr(socket, "gethostname", lambda: service("serve")["hostname"])
    (option,) = [word for word in container_command("serve") if word.count(".") == 3]
    hosts = Hosts(ServeSettings(host=option))
    hosts.check({"headers": [(b"host", host.encode())]})
    with pytest.raises(MisdirectedError):
        hosts.check({"headers": [(b"host", f"{host}.example".encode())]})


def test_learner_waits_for_a_healthy_broker() -> None:
    """The learner starts when Kafka answers; the server waits for nobody."""
    assert service("learner")["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert "depends_on" not in service("serve")


@pytest.mark.parametrize("name", FRESHET_SERVICES)
def test_freshet_reads_the_broker_inside(name: str) -> None:
    """Learner and server use the listener that Kafka advertises to the containers."""
    url = service(name)["environment"]["FRESHET_LOG"]
    listeners = service("kafka")["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"INSIDE://{url.removeprefix('kafka://')}" in listeners


def test_containers_run_the_freshet_command() -> None:
    """The two containers of one image differ by the command given to it."""
    assert container_command("learner") == ["freshet", "learn"]
    assert container_command("serve") == ["freshet", "serve", "--host", "0.0.0.0"]


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on a free port that answers /health/ready with the status; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the test's output is not the server's."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_server_is_healthy_when_it_is_ready(status: int, healthy: bool) -> None:
    """The server's health check passes when /health/ready answers 200, and only then."""
    python, *arguments = health_command("serve")
    assert python == "python"
    port = str(service("serve")["environment"]["FRESHET_SERVE__PORT"])
    with answering(status) as free:
        at_free_port = [argument.replace(port, str(free)) for argument in arguments]
        result = subprocess.run([sys.executable, *at_free_port], check=False)
    assert (result.returncode == 0) is healthy
