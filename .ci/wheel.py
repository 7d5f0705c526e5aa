"""Hold the files of a wheel against the files of the checkout: nothing missing, nothing that does not belong."""

import subprocess
import sys
from zipfile import ZipFile


def tracked(folder: str) -> set[str]:
    """Return the files of a folder that are part of the project."""
    listed = subprocess.run(["git", "ls-files", folder], check=True, capture_output=True, text=True).stdout
    return set(listed.split())


def main(wheel: str) -> int:
    """Return 0 when the wheel holds exactly what it should."""
    expected = tracked("sandbox") | {name.replace("fixtures/", "sandbox/bundled/", 1) for name in tracked("fixtures")}
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        info = {name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}
    for name in sorted(expected ^ packed):
        print("missing" if name in expected else "does not belong", name)
    lacking = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"} - info
    for name in sorted(lacking):
        print("missing", name)
    print(f"{len(packed)} files")
    return 1 if expected != packed or lacking else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
