"""The script of the bundle, with a small package in place of ours, where there is no network."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

INSTALL = Path(__file__).parents[2] / "deploy" / "install.sh"


def works(*command):
    return shutil.which(command[0]) and not subprocess.run(command, check=False).returncode


OFFLINE = ("unshare", "--net")
needs_unshare = pytest.mark.skipif(
    not works(*OFFLINE, "true"), reason="no network namespace can be made here"
)


def wheel(folder, name, code, *, needs=""):
    """A package of one module, with a command of its name."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    for name in ("wheels", "viewer", "docs"):
        (folder / name).mkdir(parents=True)
    shutil.copy(INSTALL, folder)
    (folder / "viewer" / "index.html").write_text("viewer")
    wheel(folder / "wheels", "beside", "text = 'all verified'\n")
    code = "import beside, sys\ndef main():\n    print(sys.argv[1], beside.text)\n"
    wheel(folder / "wheels", "acsnet", code, needs="Requires-Dist: beside\n")
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  ./{file.relative_to(folder)}\n"
        for file in folder.glob("**/*")
        if file.is_file()
    ]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def install(bundle, target, python=sys.executable, **environment):
    return subprocess.run(
        [*OFFLINE, "sh", bundle / "install.sh", target, python],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(bundle), **environment},
        check=False,
    )


@needs_unshare
def test_it_installs_everything_without_a_network(bundle, tmp_path):
    target = tmp_path / "acsnet"
    for file in (bundle / "viewer" / "index.html", bundle / "viewer", bundle / "docs"):
        file.chmod(0o700 if file.is_dir() else 0o600)  # made or unpacked with umask 077
    done = install(bundle, target)
    assert done.returncode == 0, done.stderr
    assert "info all verified" in done.stdout
    assert (target / "viewer" / "index.html").read_text() == "viewer"
    modes = [(target / name).stat().st_mode & 0o777 for name in ("viewer", "viewer/index.html")]
    assert modes == [0o755, 0o644]  # the account of the server reads what root installs
    again = install(bundle, target)
    assert again.returncode == 2
    assert "is there already: to upgrade" in again.stderr
    assert "remove it" not in again.stderr


@needs_unshare
@pytest.mark.parametrize(
    ("file", "reason"),
    [("wheels/beside-1.0-py3-none-any.whl", "copy it again"), (None, "was not found")],
)
def test_what_is_altered_or_missing_is_refused(bundle, tmp_path, file, reason):
    python = sys.executable
    if file is None:
        python = "python-that-is-not-there"
    else:
        (bundle / file).write_bytes(b"altered")
    done = install(bundle, tmp_path / "acsnet", python)
    assert done.returncode == 2
    assert reason in done.stderr
    assert not (tmp_path / "acsnet").exists()


@needs_unshare
def test_what_failed_leaves_nothing_and_can_be_repeated(bundle, tmp_path):
    target = tmp_path / "acsnet"
    needed = bundle / "wheels" / "beside-1.0-py3-none-any.whl"
    sums = bundle / "SHA256SUMS"
    whole = sums.read_text()
    kept = needed.rename(tmp_path / needed.name)  # as for another Python
    sums.write_text("".join(line for line in whole.splitlines(True) if "beside" not in line))
    done = install(bundle, target)
    assert done.returncode == 2
    assert "a package does not fit" in done.stderr
    assert not target.exists()
    kept.rename(needed)
    sums.write_text(whole)
    assert install(bundle, target).returncode == 0
    assert (target / "bin" / "acsnet").is_file()


@needs_unshare
def test_what_the_environment_of_the_shell_has_is_installed_nevertheless(bundle, tmp_path):
    for file in (bundle / "wheels").glob("beside-*.whl"):
        zipfile.ZipFile(file).extractall(tmp_path / "tools")
    target = tmp_path / "acsnet"
    done = install(bundle, target, PYTHONPATH=str(tmp_path / "tools"))
    assert done.returncode == 0, done.stderr
    alone = subprocess.run([target / "bin" / "acsnet", "info"], env={}, check=False)
    assert alone.returncode == 0
