"""What the checks share: which files belong to the project, and how a check reports."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = ["protocol", "filter", "storage", "config", "actors", "client", "testing", "apps", "bench", "tests", "examples"]


def project_files():
    """Paths relative to the root of every file of the project: what git tracks or would track, or without git, what is there."""
    git = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True, check=False)
    if git.returncode == 0 and git.stdout:
        names = git.stdout.decode().split("\0")
        return sorted(Path(name) for name in names if name and (ROOT / name).is_file())
    skipped = {"build", "data", ".git", ".cache"}
    return sorted(path.relative_to(ROOT) for path in ROOT.rglob("*")
                  if path.is_file() and path.relative_to(ROOT).parts[0] not in skipped)


def sources(*suffixes):
    """C++ files of the project with one of the suffixes, by default headers and sources."""
    wanted = suffixes or (".hpp", ".cpp")
    return [path for path in project_files() if path.suffix in wanted and path.parts[0] in SOURCE_FOLDERS]


def finish(name, findings, checked):
    """Prints findings, one a line, and ends the process with 1 if there are any."""
    for finding in findings:
        print(finding)
    print(f"{name}: {checked} checked, {len(findings)} findings")
    sys.exit(1 if findings else 0)
