"""The files of `deploy/`: what hadolint, systemd and Caddy say of them, and our own rules."""

import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from acsnet.server.auth.roles import RULES
from acsnet.server.identity import Role
from acsnet.settings import CONFIG, names, read_settings, variable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def steps():
    """The instructions of the Dockerfile, each on one line, with the stage that each is of."""
    text = (DEPLOY / "Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    found, stage = [], -1
    for line in filter(None, joined.splitlines()):
        keyword, _, rest = line.partition(" ")
        stage += keyword == "FROM"
        found.append((stage, keyword, rest))
    return found


def last(steps, keyword):
    stage = steps[-1][0]
    return [rest for of, word, rest in steps if of == stage and word == keyword]


def said(*command, **environment):
    """What a program says of a file, and its exit code; skipped where it is not installed."""
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which(command[0], path=places)
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [program, *command[1:]],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


def test_hadolint_and_shellcheck_find_nothing():
    text, code = said("hadolint", "--failure-threshold=info", DEPLOY / "Dockerfile")
    assert (text, code) == ("", 0)


def test_the_proxys_file_is_written_as_caddy_writes_it(tmp_path):
    """What it does is tried in `tests/clients/test_proxy.py`."""
    own = {"HOME": str(tmp_path), "ACSNET_HOSTNAME": "acsnet.example.org"}
    text, code = said("caddy", "fmt", DEPLOY / "Caddyfile", **own)
    assert (text, code) == ((DEPLOY / "Caddyfile").read_text(), 0)
    options = ("--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile")
    text, code = said("caddy", "adapt", *options, **own)
    assert code == 0
    assert "acsnet.example.org" in text


def test_every_image_has_a_tag_that_does_not_move_by_itself(steps):
    images = [rest.split()[0] for _, word, rest in steps if word == "FROM"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    images += [one["image"] for one in compose["services"].values() if "build" not in one]
    for image in images:
        name, _, tag = image.partition(":")
        assert tag not in ("", "latest"), image
        assert "." not in name.split("/")[0], f"{image} names a registry"


def test_it_does_not_run_as_root_and_no_later_step_does(steps):
    (user,) = last(steps, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    words = [word for _, word, _ in steps]
    assert "RUN" not in words[len(words) - words[::-1].index("USER") :]


def test_its_health_is_asked_and_the_answer_needs_no_login(steps):
    (health,) = last(steps, "HEALTHCHECK")
    assert "/healthz" in health
    assert "CMD [" in health
    assert RULES["GET", "/healthz"].role is Role.PUBLIC


def test_steps_keep_to_the_rules(steps):
    words = {word for _, word, _ in steps}
    assert not words & {"ADD", "MAINTAINER", "ONBUILD"}
    for _, word, rest in steps:
        if word in ("CMD", "ENTRYPOINT", "VOLUME"):
            assert rest.startswith("["), rest
        if word == "WORKDIR":
            assert rest.startswith("/")
        if word == "RUN" and "apt-get install" in rest:
            assert rest.startswith("apt-get update && ")
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest
        if word == "RUN":
            assert not re.search(r"\b(sudo|curl|wget|cd|ssh|apt) ", rest), rest
    assert any("PIP_NO_CACHE_DIR=1" in rest for _, word, rest in steps if word == "ENV")


def test_what_is_copied_is_there_and_not_left_out(steps):
    passed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for _, word, rest in steps:
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert source in passed


def test_every_setting_that_is_named_is_one():
    known = {variable(name) for name in names()} | {CONFIG, "ACSNET_HOSTNAME"}
    for file in filter(Path.is_file, DEPLOY.iterdir()):
        assert set(re.findall(r"ACSNET_[A-Z_]+[A-Z]", file.read_text())) <= known, file.name


def test_the_file_of_settings_to_begin_with_is_taken(monkeypatch):
    monkeypatch.setenv(CONFIG, str(DEPLOY / "acsnet.toml"))
    monkeypatch.delenv("ACSNET_LOGIN_REQUIRED", raising=False)
    assert read_settings().login.required
    assert read_settings().server.tls_cert


def test_compose_locks_the_server_up():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    server = compose["services"]["acsnet"]
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "ports" not in server  # only the proxy is reached from outside
    assert {"--login", "--behind-tls-proxy"} <= set(server["command"])
    proxy = compose["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    assert server["environment"]["ACSNET_SERVER_PROXIES"] == proxy
    (addresses,) = compose["networks"]["front"]["ipam"]["config"]
    assert ip_address(proxy) in ip_network(addresses["subnet"])
    assert ip_address(proxy) not in ip_network(addresses["ip_range"])
    assert "archive" not in compose["services"]["proxy"]["networks"]
    volumes = {one.split(":")[0] for two in compose["services"].values() for one in two["volumes"]}
    assert {one for one in volumes if not one.startswith(".")} == set(compose["volumes"])
    # As Compose 2 called them in 0.2.0, after the name of the project.
    assert all(of == {"name": f"acsnet_{one}"} for one, of in compose["volumes"].items())


def test_no_log_fills_the_disk_and_signals_reach_the_server():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in services.values():
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert services["acsnet"]["init"] is True


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "compose.cuda.yaml"]])
def test_compose_takes_the_files(files):
    """Compose 1 of Debian 12 knows fewer keys than Compose 2, which takes all of them."""
    options = [part for file in files for part in ("--file", DEPLOY / file)]
    own = {"ACSNET_HOSTNAME": "acsnet.example.org", "ORTHANC_PASSWORD": "hush"}
    text, code = said("docker-compose", *options, "config", **own)
    assert code == 0, text
    assert yaml.safe_load(text)["services"].keys() == {"proxy", "acsnet", "orthanc"}
    text, code = said("docker-compose", *options, "config")
    assert code != 0
    assert "ACSNET_HOSTNAME" in text


def test_systemd_takes_the_unit_and_finds_little_exposed():
    unit = DEPLOY / "acsnet.service"
    text, _ = said("systemd-analyze", "verify", unit)
    faults = [one for one in text.splitlines() if "acsnet" in one]
    assert all("is not executable" in one for one in faults), faults
    text, code = said("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert code == 0, text[-200:]


@pytest.mark.parametrize("page", ["deploy/acsnet.service", "docs/operations.md", "docs/deploy.md"])
def test_commands_as_the_servers_account_are_given_as_the_unit_runs_it(page):
    unit = (DEPLOY / "acsnet.service").read_text()
    (program,) = re.findall(r"(?m)^ExecStart=(\S+)", unit)
    variables = re.findall(r"(?m)^Environment=.*\b(ACSNET_CONFIG=\S+) (ACSNET_STATE=\S+)", unit)
    given = re.findall(r"runuser -u acsnet -- env (\S+) (\S+) (\S+)", (ROOT / page).read_text())
    assert set(given) == {(*variables[0], program)}


def test_nginx_as_the_page_gives_it_waits_for_inferences_and_logs_no_names_of_scans():
    page = (ROOT / "docs" / "deploy.md").read_text()
    (block,) = re.findall(r"(?ms)^```nginx\n(.*?)^```$", page)
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", block)
    # The longest queue of the largest scans, 22 s each.
    assert int(seconds) >= read_settings().limits.waiting * 22
    assert "access_log off;" in block


@pytest.mark.parametrize("file", ["make-bundle.sh", "install.sh", "try-bundle.sh"])
def test_scripts_are_plain_shell(file):
    assert subprocess.run(["sh", "-n", DEPLOY / file], check=False).returncode == 0


def test_the_page_lists_every_setting():
    page = (ROOT / "docs" / "deploy.md").read_text()
    listed = set(re.findall(r"(?m)^\| `(ACSNET_\w+)` \|", page))
    assert listed == {variable(name) for name in names()}


def test_all_that_the_wheel_takes_in_is_copied_into_the_image(steps):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    taken = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    copied = [Path(source) for _, word, rest in steps if word == "COPY" for source in rest.split()]
    context = (ROOT / ".dockerignore").read_text().splitlines()
    for source in map(Path, taken):
        assert source in copied
        assert f"!{source}" in context
