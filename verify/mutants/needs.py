#!/usr/bin/env python3
"""How many executions a suite needs, so that every seeded mistake of its own still fails it.

Two sources say what a mistake needs: `Measured:` in the header of each patch beside this file, and docs/mutation.json. The numbers
are those of the first random executions (seed 1, window 0) or of the search, which are the same on every machine. A run gets twice
the largest number, because a change of the source moves them.

  needs.py --write FILE    lines of a suite, a mode and a number, for `verify --at-least FILE`
  needs.py --check FILE    FILE is what `verify --json` wrote: did each suite make as many, or come to its end?

Exit status: 0 all is as it should be, 1 a suite made too few, 2 wrong usage.
"""

import argparse
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MARGIN = 2
LEAST = 200  # also where no mistake is known


def suite_modes():
    """Suite -> the names of its modes, as the source says them; of those that must pass."""
    modes = {}
    for path in sorted((ROOT / "verify" / "suites").glob("*.cpp")):
        text = path.read_text()
        for found in re.finditer(r'\.name = "([^"]+)"(.*?)(?=\.name = "|\Z)', text, re.DOTALL):
            rest = found.group(2)
            listed = re.search(r"\.modes = \{(.*?)\}", rest, re.DOTALL)
            names = []
            for kind, first in re.findall(r"(random_mix|bounded|full_search)\(([^,()]*)", listed.group(1) if listed else "random_mix()"):
                names.append({"random_mix": "random", "full_search": "full"}.get(kind) or f"bound {first.strip()}")
            if ".expected" not in rest.split("HEDDLE_SUITE")[0]:
                modes[found.group(1)] = names
    return modes


def measured():
    """(suite, mode or None for each, executions, whose mistake it is)."""
    for path in sorted(HERE.glob("*.patch")):
        header = path.read_text().partition("\n--- a/")[0]
        suite = re.search(r"^Suite: (\S+)$", header, re.MULTILINE)
        number = re.search(r"^Measured: ([\d,]+) executions, (.+)$", header, re.MULTILINE)
        if suite and number:
            yield suite.group(1), number.group(2).strip(), int(number.group(1).replace(",", "")), path.stem
    for row in json.loads((ROOT / "docs" / "mutation.json").read_text())["mutants"]:
        if row["verdict"] == "killed":
            yield row["suite"], None, row["executions"], f"{row['site']} -> {row['mutant']}"


def needs():
    """(suite, mode) -> (executions, whose mistake needs them)."""
    modes = suite_modes()
    most = {(suite, mode): (LEAST, "") for suite, names in modes.items() for mode in names}
    for suite, mode, executions, mistake in measured():
        for name in [mode] if mode else modes.get(suite, []):
            most[suite, name] = max(most.get((suite, name), (0, "")), (executions * MARGIN, mistake))
    return most


def check(report):
    rows = {(row["suite"], row["mode"]): row for row in json.loads(report.read_text())["rows"]}
    bad = 0
    for (suite, mode), (executions, mistake) in sorted(needs().items()):
        row = rows.get((suite, mode))
        if row is None:
            bad += 1
            print(f"{suite} [{mode}] did not run")
        elif row["executions"] < executions and not row["exhausted"] and not row["saturated"]:
            bad += 1
            print(f"{suite} [{mode}] made {row['executions']} executions and needs {executions}: {mistake or 'the least of any suite'}")
    print(f"{len(needs()) - bad} of {len(needs())} runs made what their mistakes need")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", metavar="FILE", type=pathlib.Path)
    what.add_argument("--check", metavar="FILE", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.check)
    lines = [f"{suite}\t{mode}\t{executions}\n" for (suite, mode), (executions, _) in sorted(needs().items())]
    arguments.write.parent.mkdir(parents=True, exist_ok=True)
    arguments.write.write_text("".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
