"""deploy/: the alert rules, the units and the compose file, as far as they can be proved without running them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from appealbus.core.cli.supervisor import MARGIN

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
UNIT = DEPLOY / "systemd" / "appealbus.service"
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yml").read_text())
GRACE = 20.0
"""As deploy/appealbus.toml says."""


def tool(name: str, *, always_on_ci: bool = True) -> str:
    """Return a program that these tests need; skip without it."""
    found = shutil.which(name)
    if found is None:
        assert not (always_on_ci and os.environ.get("CI")), f"{name} is not installed, and CI has to have it"
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, **given: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **given)


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml"), ("check", "config", "prometheus.yml")],
)
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    """The rules are well formed, and each fires when it should and not before."""
    done = run(tool("promtool"), *arguments, cwd=PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_has_a_test(rule: dict[str, Any]) -> None:
    """In the rule, in its unit tests, and on the page for operators."""
    assert {"summary", "description", "docs"} <= rule["annotations"].keys()
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert re.search(rf"^\| `{rule['alert']}` \| [^|]{{10,}} \|$", OPERATING, re.MULTILINE), "not in docs/operating.md"
    page, _, anchor = rule["annotations"]["docs"].partition("#")
    assert (ROOT / page).is_file()
    assert f"## {anchor}" in (ROOT / page).read_text(encoding="utf-8").lower()
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    (mine,) = (test["promql_expr_test"] for test in tests if test["name"] == rule["alert"])
    assert sorted(bool(each["exp_samples"]) for each in mine) == [False, True], "one quiet, one firing"


def test_the_page_knows_no_other_alerts() -> None:
    """A row that outlived its alert misleads."""
    assert set(re.findall(r"^\| `(Appealbus\w+)` \|", OPERATING, re.MULTILINE)) == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_use_metrics_that_exist(rule: dict[str, Any]) -> None:
    """A misspelt metric would never fire."""
    used = set(re.findall(r"\b(?:appealbus|process)_\w+", rule["expr"]))
    assert used or "up{" in rule["expr"]
    assert [name for name in used if f"| `{name}` |" not in METRICS] == []


def test_the_example_passes_check(tmp_path: Path, database: str) -> None:
    """With secrets and a database; nobody else is asked."""
    for name in ("journal_password", "broker_password"):
        (tmp_path / name).write_text("secret\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("APPEALBUS")}
    env |= {
        "APPEALBUS__BUS__JOURNAL": database,
        "APPEALBUS__BUS__JOURNAL_PASSWORD": f'{{ file = "{tmp_path}/journal_password" }}',
        "APPEALBUS__PLUGINS__AMQP__BROKERS__MAIN__PASSWORD": f'{{ file = "{tmp_path}/broker_password" }}',
        "COLUMNS": "200",
    }
    program = Path(sys.executable).with_name("appealbus")
    done = run(program, "--config", DEPLOY / "appealbus.toml", "check", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'grace = "{GRACE:g}s"' in (DEPLOY / "appealbus.toml").read_text()


def test_the_unit_is_well_formed(tmp_path: Path) -> None:
    """systemd says so; only the program's own place is another one here."""
    text = UNIT.read_text().replace("/opt/appealbus/bin/appealbus", shutil.which("true") or "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    done = run(tool("systemd-analyze", always_on_ci=False), "verify", tmp_path / UNIT.name)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_has_few_rights() -> None:
    """At most 1.5 of 10 by systemd's own measure: what is left is the network."""
    done = run(
        tool("systemd-analyze", always_on_ci=False), "security", "--offline=true", "--threshold=15", "--no-pager", UNIT
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_unit_gives_time_to_drain() -> None:
    """Longer than the supervisor waits for its workers, and no restart for what a person must mend."""
    text = UNIT.read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop
    assert int(stop[1]) > GRACE + MARGIN
    assert "\nRestartPreventExitStatus=2\n" in text
    assert "\nLoadCredential=journal_password:" in text


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_has_few_rights(name: str) -> None:
    """No root, no capabilities, no way to more; a limit to its memory; alive or not is asked."""
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert "test" in service["healthcheck"] or service["healthcheck"] == {"disable": True}
    assert "ports" not in service
    assert not service.get("privileged")
    if service["image"] == "appealbus:local":
        assert service["read_only"] is True


def test_no_secret_stands_in_the_compose_file() -> None:
    """They are files, and every one that is used is declared."""
    declared = COMPOSE["secrets"]
    assert all(set(secret) == {"file"} for secret in declared.values())
    for service in COMPOSE["services"].values():
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in declared
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or value.startswith("/run/secrets/")
    assert "deploy/compose/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_container_has_time_to_drain() -> None:
    """As the unit."""
    assert int(COMPOSE["services"]["bus"]["stop_grace_period"].removesuffix("s")) > GRACE + MARGIN
    assert COMPOSE["services"]["bus"]["command"] == ["run", "--workers", "2"]


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    """The folder is closed, the broker's file has the same password, and a second run changes nothing."""
    script = tmp_path / "make-secrets.sh"
    shutil.copy(DEPLOY / "compose" / "make-secrets.sh", script)
    assert run("sh", script).returncode == 0
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() == {"journal_password", "broker_password", "rabbitmq.conf"}
    assert len(made["journal_password"]) == 32
    assert f"default_pass = {made['broker_password']}\n" in made["rabbitmq.conf"]
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert run("sh", script).returncode == 0
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_the_image_is_made_of_what_is_there() -> None:
    """Every path that the Dockerfile copies exists, and its lock has what production needs."""
    text = (DEPLOY / "compose" / "Dockerfile").read_text()
    copied = [path for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for path in line.split()[:-1]]
    ignored = (DEPLOY / "compose" / "Dockerfile.dockerignore").read_text().splitlines()
    assert "requirements/production.lock" in copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignored, path
    assert re.search(r"^USER \d{5}", text, re.MULTILINE)
    lock = (ROOT / "requirements" / "production.lock").read_text()
    assert all(f"\n{name}==" in lock for name in ("psycopg-binary", "xmlsec", "pika", "prometheus-client", "hatchling"))
