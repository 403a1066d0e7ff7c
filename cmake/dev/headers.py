#!/usr/bin/env python3
"""Does each public header compile alone, with every warning an error? With g++ and clang, as C++20.

  headers.py [--compiler NAME]...    default: g++ and clang++-14
  headers.py --cost                  seconds that <heddle/heddle.hpp> costs, beside the std headers that it includes

The include folders are what heddle::heddle gives its users in its own tree, and they are no system folders here: a warning shows.
Exit status: 0 all compile, 1 not so, 2 wrong usage.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PUBLIC = [ROOT / room / "include" for room in ("queues", "sched", "runtime")]
FOLDERS = [word for folder in PUBLIC for word in ("-I", str(folder))]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
ONLY = {"g++": ["-Wuseless-cast"]}


def compile_alone(compiler, header):
    family = "clang" if "clang" in compiler else "g++"
    # Twice: a header must guard itself.
    text = f"#include <{header}>\n#include <{header}>\nint main() {{}}\n"
    command = [compiler, "-std=c++20", "-x", "c++", "-fsyntax-only", *WARNINGS, *ONLY.get(family, []), *FOLDERS, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return compiler, header, done.returncode, done.stderr


def check(compilers):
    # world_os.hpp is what world.hpp includes, and nobody else may.
    headers = sorted(str(path.relative_to(folder)) for folder in PUBLIC for path in folder.rglob("*.hpp") if path.name != "world_os.hpp")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for compiler, header, status, said in pool.map(lambda pair: compile_alone(*pair), [(c, h) for c in compilers for h in headers]):
            if status != 0:
                bad += 1
                print(f"{header} does not compile alone with {compiler}:\n{said}")
    count = len(compilers) * len(headers)
    print(f"{len(headers)} headers, {' and '.join(compilers)}: {count - bad} of {count} compile alone")
    return 1 if bad else 0


def std_headers_of(compiler, header):
    """The std headers that the header and what it includes of ours name."""
    done = subprocess.run([compiler, "-std=c++20", *FOLDERS, "-x", "c++", "-M", "-"], input=f"#include <{header}>\n",
                          capture_output=True, text=True, check=True)
    ours = [pathlib.Path(word) for word in done.stdout.replace("\\\n", " ").split() if word.startswith(str(ROOT))]
    names = {name for path in ours for name in re.findall(r"^ *# *include <([a-z_/.]+)>", path.read_text(), re.MULTILINE)}
    return sorted(name for name in names if not name.startswith("heddle/"))


def cost(compiler, rounds):
    header = "heddle/heddle.hpp"
    std = std_headers_of(compiler, header)
    seconds = {"heddle": [], "std": []}
    with tempfile.TemporaryDirectory() as folder:
        sources = {"heddle": f"#include <{header}>\n", "std": "".join(f"#include <{name}>\n" for name in std)}
        for name, text in sources.items():
            (pathlib.Path(folder) / f"{name}.cpp").write_text(text)
        for _ in range(rounds):
            for name, took in seconds.items():
                command = [compiler, "-std=c++20", "-O2", *FOLDERS, "-c", f"{folder}/{name}.cpp", "-o", os.devnull]
                before = os.times()
                subprocess.run(command, check=True)
                after = os.times()
                took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    ours, theirs = statistics.median(seconds["heddle"]), statistics.median(seconds["std"])
    print(f"#include <{header}>, {compiler} -O2: {ours:.2f} s of a processor; the {len(std)} std and system headers that it includes: "
          f"{theirs:.2f} s; the difference: {ours - theirs:.2f} s (medians of {rounds})")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", action="append", default=[])
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    compilers = arguments.compiler or ["g++", "clang++-14"]
    if arguments.cost:
        return max(cost(compiler, arguments.rounds) for compiler in compilers)
    return check(compilers)


if __name__ == "__main__":
    sys.exit(main())
