"""The files of docs/clusters.md are what a shell, a cluster and lumina can read."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import Context

from lumina_cli.cli.lazy import load_command

PAGE = Path(__file__).parents[2] / "docs" / "clusters.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SCRIPTS = [text for kind, text in BLOCKS if kind == "bash"]
RENTED, SLURM = SCRIPTS
OBJECTS: list[dict[str, Any]] = list(
    yaml.safe_load_all(next(text for kind, text in BLOCKS if kind == "yaml"))
)


def in_pod() -> str:
    """Return the script that a pod of the job runs."""
    spec = OBJECTS[1]["spec"]["template"]["spec"]
    script: str = spec["containers"][0]["args"][0]
    return script


def trains(script: str) -> list[list[str]]:
    """Return the arguments of each `train` in a script."""
    joined = script.replace("\\\n", " ")
    found = re.findall(r"(?:lumina|\$launch|\$\{launch\[@\]\}\") train (.*)", joined)
    return [shlex.split(re.sub(r"\$\{?\w+\}?", "x", each)) for each in found]


@pytest.mark.parametrize("script", [*SCRIPTS, in_pod()], ids=["rented", "slurm", "pod"])
def test_a_shell_reads_the_script(script: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("script", "count"), [(RENTED, 1), (SLURM, 2), (in_pod(), 2)], ids=["rented", "slurm", "pod"]
)
def test_lumina_knows_every_option_of_the_training(script: str, count: int) -> None:
    found = trains(script)
    assert len(found) == count
    command = load_command("train")
    for arguments in found:
        command.make_parser(Context(command)).parse_args(args=arguments)


def test_slurm_asks_for_one_launcher_a_node_and_warns_before_the_end() -> None:
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", SLURM, re.MULTILINE))
    assert asked["ntasks-per-node"] == "1"
    assert asked["gpus-per-node"] in re.findall(r"--nproc-per-node (\d+)", SLURM)
    assert asked["signal"].startswith("TERM@")


def test_the_pods_find_the_first_by_the_service() -> None:
    service, job = OBJECTS
    pod, name = job["spec"]["template"]["spec"], job["metadata"]["name"]
    assert job["spec"]["completionMode"] == "Indexed"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert f"--rdzv-endpoint {name}-0.{pod['subdomain']}:" in in_pod()
    assert f"--nnodes {job['spec']['completions']}" in in_pod()
    gpus = pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert f"--nproc-per-node {gpus}" in in_pod()


def test_a_pod_has_longer_to_end_than_a_launcher_gives_its_processes() -> None:
    assert OBJECTS[1]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 30
