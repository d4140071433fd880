"""deploy/: the alert rules, the units and the compose file, as far as they can be proved without running them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from appealbus.core import __version__
from appealbus.core.cli.supervisor import MARGIN
from appealbus.core.config.models import Configuration
from appealbus.demo.setting import COMPLETENESS
from appealbus.plugins.api.security import context
from appealbus.plugins.api.settings import ApiSettings
from tests.services import commands
from tests.services.certificates import make

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
CHART = DEPLOY / "helm" / "appealbus"
UNIT = DEPLOY / "systemd" / "appealbus.service"
API_UNIT = DEPLOY / "systemd" / "appealbus-api.service"
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
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml", "alerts_days_test.yml"),
        ("check", "config", "prometheus.yml"),
    ],
)
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    """The rules are well formed, and each fires when it should and not before."""
    done = run(tool("promtool"), *arguments, cwd=PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_has_a_test(rule: dict[str, Any]) -> None:
    """In the rule, in its unit tests, and on the page for operators."""
    assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    anchor = rule["alert"].lower()
    row = rf'^\| <a id="{anchor}"></a>`{rule["alert"]}` \| [^|]{{10,}} \|$'
    assert re.search(row, OPERATING, re.MULTILINE), "not in docs/operating.md"
    assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/operating.md#{anchor}"
    files = map(yaml.safe_load, (path.read_text() for path in PROMETHEUS.glob("alerts*_test.yml")))
    tests = [test for file in files for test in file["tests"]]
    (mine,) = (test["promql_expr_test"] for test in tests if test["name"] == rule["alert"])
    assert sorted(bool(each["exp_samples"]) for each in mine) == [False, True], "one quiet, one firing"


def test_the_page_knows_no_other_alerts() -> None:
    """A row that outlived its alert misleads."""
    assert set(re.findall(r"`(Appealbus\w+)` \|", OPERATING, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_the_dashboard_is_made_from_the_page(tmp_path: Path) -> None:
    """Every metric has a panel or is part of a question, and Prometheus can read each query."""
    made = run(sys.executable, DEPLOY / "grafana" / "dashboard.py")
    assert made.stdout == (DEPLOY / "grafana" / "appealbus.json").read_text(encoding="utf-8"), "make it anew"
    panels = [panel for panel in json.loads(made.stdout)["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    metrics = set(re.findall(r"^\| `(appealbus_\w+)` \|", METRICS, re.MULTILINE))
    missing = {name for name in metrics if not any(re.search(rf"\b{name}(_bucket)?\b", query) for query in queries)}
    assert missing == {"appealbus_build_info", "appealbus_worker_info"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    rules = [{"record": f"q:{i}", "expr": query.replace("$__rate_interval", "5m")} for i, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "q", "rules": rules}]}))
    done = run(tool("promtool"), "check", "rules", tmp_path / "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_use_metrics_that_exist(rule: dict[str, Any]) -> None:
    """A misspelt metric would never fire."""
    used = set(re.findall(r"\b(?:appealbus|process)_\w+", rule["expr"]))
    assert used or "up{" in rule["expr"]
    assert [name for name in used if f"| `{name.removesuffix('_bucket')}` |" not in METRICS] == []


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
    done = commands.run(tmp_path, "--config", str(DEPLOY / "appealbus.toml"), "check", environment=env)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (DEPLOY / "appealbus.toml").read_text()
    assert f'grace = "{GRACE:g}s"' in text
    assert tomllib.loads(text)["completeness"] == COMPLETENESS  # the demonstration shows what it comes to


def test_the_image_file_is_well_written() -> None:
    """hadolint has nothing to say."""
    done = run(Path(sys.executable).with_name("hadolint"), DEPLOY / "compose" / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_chart_can_be_read(tmp_path: Path) -> None:
    """Its version and configuration are right; templates use the values that there are, and all of them."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__
    assert values["gracePeriod"] >= GRACE + MARGIN
    told = tomllib.loads(values["config"])
    assert Configuration.model_validate(told, context={"folder": tmp_path}).bus.journal.startswith("postgresql://")
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
    used = {
        name
        for path in (CHART / "templates").iterdir()
        for name in re.findall(r"[$]?\.Values((?:\.\w+)+)", path.read_text())
    }
    assert [name for name in used if not _has(values, name.split(".")[1:])] == []
    assert {name.split(".")[1] for name in used} == values.keys()


def _has(values: Any, path: list[str]) -> bool:
    return not path or (path[0] in values and _has(values[path[0]], path[1:]))


def test_helm_is_content() -> None:
    """It lints the chart and renders it."""
    helm = tool("helm", always_on_ci=False)
    for arguments in (("lint", "--strict"), ("template", "bus")):
        done = run(helm, *arguments, CHART)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", [UNIT, API_UNIT], ids=lambda unit: unit.stem)
def test_the_units_are_well_formed(tmp_path: Path, unit: Path) -> None:
    """systemd says so; only the program's own place is another one here."""
    text = unit.read_text().replace("/opt/appealbus/bin/appealbus", shutil.which("true") or "/bin/true")
    (tmp_path / unit.name).write_text(text)
    done = run(tool("systemd-analyze", always_on_ci=False), "verify", tmp_path / unit.name)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [UNIT, API_UNIT], ids=lambda unit: unit.stem)
def test_the_units_have_few_rights(unit: Path) -> None:
    """At most 1.5 of 10 by systemd's own measure: what is left is the network."""
    done = run(
        tool("systemd-analyze", always_on_ci=False), "security", "--offline=true", "--threshold=15", "--no-pager", unit
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_unit_keeps_what_its_alerts_need_and_nothing_of_people() -> None:
    """Metrics of the process need /proc/stat; one worker out of memory is not all; no core is dumped."""
    lines = UNIT.read_text().splitlines()
    assert not [line for line in lines if line.startswith("ProcSubset=")]
    assert {"OOMPolicy=continue", "LimitCORE=0"} <= set(lines)


def test_commands_beside_the_unit_have_its_secrets_and_its_user(tmp_path: Path, database: str) -> None:
    """What the service is given, the wrapper gives; with it a command reads the journal, and without it none does."""
    script = (UNIT.parent / "appealbus-command").read_text()
    unit = UNIT.read_text()
    for credential in re.findall(r"^LoadCredential=(.*)$", unit, re.MULTILINE):
        assert f"--property=LoadCredential={credential} " in script
    for variable, name in re.findall(r'^Environment="(\w+)=.*%d/(\w+)', unit, re.MULTILINE):
        assert f"{variable}=$(password {name})\n" in script
    assert '"APPEALBUS__BUS__KEY=%S/appealbus/key"' in unit
    assert "APPEALBUS__BUS__KEY=$STATE_DIRECTORY/key\n" in script
    assert "--property=StateDirectory=appealbus " in script
    assert "--property=User=appealbus " in script  # DynamicUser= of the unit takes its name
    assert UNIT.stem == "appealbus"
    etc, program = tmp_path / "etc", Path(sys.executable).with_name("appealbus")
    (etc / "secrets").mkdir(parents=True)
    for name in ("journal_password", "broker_password"):
        (etc / "secrets" / name).write_text("secret\n")
        (etc / "secrets" / name).chmod(0o600)
    shutil.copy(DEPLOY / "appealbus.toml", etc)
    (tmp_path / "ctl").write_text(
        script.replace("/etc/appealbus", str(etc)).replace("/opt/appealbus/bin/appealbus", str(program))
    )
    (tmp_path / "systemd-run").write_text(SYSTEMD_RUN.format(python=sys.executable))
    (tmp_path / "systemd-run").chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("APPEALBUS")}
    env |= {
        "APPEALBUS__BUS__JOURNAL": database,
        "PATH": f"{tmp_path}:{env['PATH']}",
        "CREDENTIALS": str(tmp_path / "run"),
    }
    assert commands.run(tmp_path, "--config", str(etc / "appealbus.toml"), "check", environment=env).returncode == 2
    done = run("sh", tmp_path / "ctl", "check", "--json", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "one.jsonl").write_text('{"kind": "complaint", "applicant": {"type": "person"}}\n')
    assert run("sh", tmp_path / "ctl", "intake", "one.jsonl", cwd=tmp_path, env=env).returncode == 0
    (listed,) = json.loads(run("sh", tmp_path / "ctl", "appeals", "--json", cwd=tmp_path, env=env).stdout)
    assert listed["state"] == "ready"
    assert (tmp_path / "run" / "appealbus" / "key").exists()


API = "APPEALBUS__PLUGINS__API__"


def test_the_api_is_served_over_tls_with_the_key_of_the_bus(tmp_path: Path) -> None:
    """By the unit, the container and the pod: each has what the others have, and what they set is right."""
    unit = dict(re.findall(r'^Environment="(\w+)=(.*)"$', API_UNIT.read_text(), re.MULTILINE))
    container = COMPOSE["services"]["api"]["environment"]
    pod = dict(
        re.findall(r"name: (APPEALBUS\w+), value: (.*?) }$", (CHART / "templates/api.yaml").read_text(), re.MULTILINE)
    )
    made = make(tmp_path)
    for given in (unit, container, pod):
        assert {"APPEALBUS__BUS__KEY"} < given.keys()
        told = {name.removeprefix(API).lower(): value.strip('"') for name, value in given.items() if API in name}
        assert told.keys() == {"listen", "tls_certificate", "tls_key", "metrics_listen"}
        assert not told["listen"].startswith("127.")
        filled = {**told, "tls_certificate": made.server, "tls_key": made.server_key}
        for name in ("listen", "metrics_listen"):
            filled[name] = re.sub(r"\$\(POD_IP\)", "10.0.0.7", re.sub(r"{{.*}}", "8470", told[name]))
        assert context(ApiSettings.model_validate(filled)) is not None
    assert unit["APPEALBUS__BUS__KEY"] == "%S/appealbus/key"
    lines = API_UNIT.read_text().splitlines()
    rights = {line for line in UNIT.read_text().partition("DynamicUser=yes\n")[2].splitlines() if "=" in line}
    assert rights <= set(lines)
    assert {"User=appealbus", "DynamicUser=yes", "LimitCORE=0", "RestartPreventExitStatus=2 4 6"} <= set(lines)
    assert {"api_certificate", "api_key", "journal_password"} <= set(COMPOSE["services"]["api"]["secrets"])


SYSTEMD_RUN = """#!{python}
# As systemd-run, as far as it concerns the command: credentials and state lie in a folder that the environment names.
import itertools, os, shutil, sys

folder = os.environ["CREDENTIALS"]
os.makedirs(folder, mode=0o700, exist_ok=True)
options = list(itertools.takewhile(lambda word: word.startswith("--"), sys.argv[1:]))
command = sys.argv[1 + len(options):]
for option in options:
    kind, _, value = option.removeprefix("--property=").partition("=")
    if kind == "LoadCredential":
        name, _, path = value.partition(":")
        shutil.copy(path, os.path.join(folder, name))
        os.chmod(os.path.join(folder, name), 0o400)
    elif kind == "StateDirectory":
        os.environ["STATE_DIRECTORY"] = os.path.join(folder, value)
        os.makedirs(os.environ["STATE_DIRECTORY"], mode=0o700, exist_ok=True)
os.environ["CREDENTIALS_DIRECTORY"] = folder
os.execv(command[0], command)
"""


def test_the_unit_gives_time_to_drain() -> None:
    """Longer than the supervisor waits for its workers, and no restart for what a person must mend."""
    text = UNIT.read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop
    assert int(stop[1]) > GRACE + MARGIN
    assert "\nRestartPreventExitStatus=2 4 6\n" in text
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
    assert service.get("ulimits") == {"core": 0}
    assert not service.get("privileged")
    if service["image"] == "appealbus:local":
        assert service["read_only"] is True


def test_outside_reaches_the_broker_and_the_api_and_nothing_else() -> None:
    """Channels and receivers come by AMQP, or HTTP, from this machine alone unless told; Prometheus to the monitor."""
    services, networks = COMPOSE["services"], COMPOSE["networks"]
    assert {name: each["ports"] for name, each in services.items() if "ports" in each} == {
        "api": ["${API_ADDRESS:-127.0.0.1}:${API_PORT:-8470}:8470"],
        "rabbitmq": ["${BROKER_ADDRESS:-127.0.0.1}:${BROKER_PORT:-5672}:5672"],
    }
    open_networks = {name for name, network in networks.items() if not network.get("internal")}
    # A port that is published on closed networks alone leads nowhere.
    assert open_networks & set(services["rabbitmq"]["networks"])
    assert open_networks & set(services["api"]["networks"])
    assert not open_networks & set(services["postgres"]["networks"])
    listen, _, port = services["bus"]["environment"]["APPEALBUS__PLUGINS__MONITOR__LISTEN"].rpartition(":")
    on = {name for name, network in services["bus"]["networks"].items() if listen in network.get("aliases", ())}
    assert on == {"watch"}
    assert networks["watch"]["internal"] is True
    assert f"http://{listen}:{{port}}" in services["bus"]["healthcheck"]["test"][-1]
    assert port in services["bus"]["healthcheck"]["test"][-1]


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


def test_the_demonstration_can_sign() -> None:
    """What `make` installs has the extra for signatures, or the demonstration would be unsigned everywhere."""
    lock = (ROOT / "requirements" / "run.lock").read_text()
    assert all(f"\n{name}==" in lock for name in ("cryptography", "asn1crypto"))


def test_the_image_is_made_of_what_is_there() -> None:
    """Every path that the Dockerfile copies exists, and its lock has what production needs."""
    text = (DEPLOY / "compose" / "Dockerfile").read_text()
    copied = [path for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for path in line.split()[:-1]]
    ignored = (DEPLOY / "compose" / "Dockerfile.dockerignore").read_text().splitlines()
    assert "requirements/production.lock" in copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignored, path
    assert text.endswith("\nFROM base\nCOPY --from=build /opt/appealbus /opt/appealbus\n"), "or the simulator is in it"
    assert re.search(r"^USER \d{5}", text, re.MULTILINE)
    assert "libgcrypt20" in text
    lock = (ROOT / "requirements" / "production.lock").read_text()
    assert all(
        f"\n{name}==" in lock
        for name in ("psycopg-binary", "cryptography", "pika", "prometheus-client", "asn1crypto", "hatchling")
    )
