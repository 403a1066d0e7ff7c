#!/usr/bin/env python3
"""./dev matrix: builds heddle as its users build it, and runs a small program of theirs each time.

A row makes a folder of its own in build/matrix, configures, builds the library and cmake/consumers/main.cpp, and runs that.

  --list            the rows
  --filter GLOB     only rows whose name matches; may be repeated
  --corner          what ./dev test runs
  --no-page         leave docs/matrix.md as it is (it is written after a run of every row)

Exit status: 0 every row is as it should be, 1 not so, 2 wrong usage.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "matrix"
CONSUMERS = ROOT / "cmake" / "consumers"
PAGE = ROOT / "docs" / "matrix.md"
LIBRARY_ONLY = ["-DHEDDLE_TESTS=OFF", "-DHEDDLE_EXAMPLES=OFF"]
JOBS = str(os.cpu_count())


class Bad(Exception):
    pass


class Missing(Exception):
    """The row asks for what the machine's compilers do not have."""


class Row:
    def __init__(self, name, options=(), how="subdirectory", compiler="", env=None, needs=(), says="", after=None):
        self.name = name
        self.options = list(options)
        self.how = how
        self.compiler = compiler
        self.env = env or {}
        self.needs = needs  # flags that the compiler must know
        self.says = says or " ".join(options) or "nothing"
        self.after = after  # looks at the folder once it is built
        self.folder = WORK / re.sub(r"[^a-z0-9+]+", "_", name.lower()).strip("_")
        self.log = self.folder.with_suffix(".log")
        self.result = ""
        self.warnings = 0
        self.seconds = 0.0


def run(row, command, cwd=ROOT, quiet=False):
    with row.log.open("a", encoding="utf-8") as log:
        log.write("$ " + " ".join(map(str, command)) + "\n")
        log.flush()
        done = subprocess.run([str(part) for part in command], cwd=cwd, stdout=log, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **row.env), stdin=subprocess.DEVNULL)
    if done.returncode != 0 and not quiet:
        raise Bad(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}")
    return done.returncode


def configure(row, source, folder, options):
    compiler = [f"-DCMAKE_CXX_COMPILER={row.compiler}", f"-DCMAKE_ASM_COMPILER={row.compiler}"] if row.compiler else []
    run(row, ["cmake", "-S", source, "-B", folder, *compiler, *row.options, *options])


def build(row, folder, *targets):
    run(row, ["cmake", "--build", folder, "--parallel", JOBS, *(["--target", *targets] if targets else [])])


def as_subdirectory(row):
    configure(row, CONSUMERS / "subdirectory", row.folder, [f"-DHEDDLE_SOURCE={ROOT}"])
    build(row, row.folder)
    run(row, [row.folder / "consumer"])


def of_folder(name):
    """A consumer that takes heddle as a subdirectory, with sources of its own."""
    def work(row):
        configure(row, CONSUMERS / name, row.folder, [f"-DHEDDLE_SOURCE={ROOT}"])
        build(row, row.folder)
        run(row, [row.folder / "consumer"])
    return work


def by_newer_standard(row):
    """A standard that CMake does not know for this compiler yet: its commands for C++23, with another -std."""
    configure(row, CONSUMERS / "subdirectory", row.folder, [f"-DHEDDLE_SOURCE={ROOT}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                                                            "-DCMAKE_CXX_STANDARD=23"])
    flag = next(flag for flag in row.needs if knows(row.compiler, [flag]))
    objects = []
    for entry in json.loads((row.folder / "compile_commands.json").read_text()):
        words = [flag if re.fullmatch(r"-std=\S+", word) else word for word in shlex.split(entry["command"])]
        objects.append(pathlib.Path(entry["directory"]) / words[words.index("-o") + 1])
        objects[-1].parent.mkdir(parents=True, exist_ok=True)
        run(row, words, cwd=entry["directory"])
    run(row, [row.compiler, "-o", row.folder / "consumer", *objects, "-pthread"])
    run(row, [row.folder / "consumer"])


def as_fetched(row):
    configure(row, CONSUMERS / "fetched", row.folder, [f"-DHEDDLE_SOURCE={ROOT}"])
    build(row, row.folder)
    run(row, [row.folder / "consumer"])


def install(row):
    configure(row, ROOT, row.folder, LIBRARY_ONLY)
    build(row, row.folder)
    run(row, ["cmake", "--install", row.folder, "--prefix", row.folder / "prefix"])


def as_installed(row):
    install(row)
    user = row.folder / "user"
    configure(row, CONSUMERS / "installed", user, [f"-DCMAKE_PREFIX_PATH={row.folder / 'prefix'}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"])
    build(row, user)
    run(row, [user / "consumer"])


def as_preemptible(row):
    """A consumer of heddle::preemptible. With a static heddle it does not compile, and the compiler says what to do."""
    install(row)
    user = row.folder / "user"
    configure(row, CONSUMERS / "preemptible", user, [f"-DCMAKE_PREFIX_PATH={row.folder / 'prefix'}"])
    build(row, user)
    run(row, [user / "consumer"])
    include = row.folder / "prefix" / "include"
    done = subprocess.run([row.compiler or "c++", "-std=c++20", "-DHEDDLE_PREEMPTIBLE", f"-I{include}", "-fsyntax-only", CONSUMERS / "main.cpp"],
                          capture_output=True, text=True)
    if done.returncode == 0 or "needs heddle as a shared library" not in done.stderr:
        raise Bad("heddle::preemptible with a static heddle is not refused")


def refused(row, flags, library, name):
    """The consumer, compiled with these flags, must not link with the library, and the linker must say why."""
    done = subprocess.run([row.compiler or "c++", "-std=c++20", *flags, f"-I{row.folder / 'prefix' / 'include'}", "-o", row.folder / "mixed",
                           CONSUMERS / "main.cpp", library, "-pthread"], capture_output=True, text=True)
    if done.returncode == 0:
        raise Bad(f"a consumer with {' '.join(flags) or 'no sanitizer'} links with {library.name}")
    if not re.search(rf"undefined reference to `heddle::\w+::detail::heddle_is_compiled_{name}'", done.stderr):
        raise Bad(f"the linker does not say that heddle is not compiled {name}")


def looked_at(row):
    """What find_package gives: the flag for stacks; a consumer with a sanitizer is refused by a heddle without it."""
    commands = json.loads((row.folder / "user" / "compile_commands.json").read_text())
    if not all("-fstack-clash-protection" in entry["command"].split() for entry in commands):
        raise Bad("the consumer is not compiled with -fstack-clash-protection")
    library = next((row.folder / "prefix").rglob("libheddle.a"))
    for sanitizer, word in (("address", "asan"), ("thread", "tsan")):
        refused(row, [f"-fsanitize={sanitizer}"], library, f"with_{word}")


def with_sanitizer(row):
    """heddle with ThreadSanitizer: a consumer with it runs, one without it is refused."""
    install(row)
    library = next((row.folder / "prefix").rglob("libheddle.a"))
    run(row, [row.compiler or "c++", "-std=c++20", "-fsanitize=thread", f"-I{row.folder / 'prefix' / 'include'}", CONSUMERS / "main.cpp",
              library, "-o", row.folder / "consumer", "-pthread"])
    run(row, [row.folder / "consumer"])
    refused(row, [], library, "without_asan_and_tsan")
    refused(row, ["-fsanitize=address"], library, "with_asan")


def by_pkg_config(row):
    install(row)
    found = list((row.folder / "prefix").rglob("heddle.pc"))
    if not found:
        raise Bad("heddle.pc is not installed")
    env = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "heddle"], capture_output=True, text=True, env=env)
    if flags.returncode != 0:
        raise Bad(f"pkg-config: {flags.stderr.strip()}")
    program = row.folder / "consumer"
    run(row, [row.compiler or "c++", "-std=c++20", CONSUMERS / "main.cpp", "-o", program, *flags.stdout.split()])
    run(row, [program])


def alone(row):
    """What a user types who has only cloned: the library and every program and test that is on by default."""
    configure(row, ROOT, row.folder, [])
    build(row, row.folder)
    done = subprocess.run([row.folder / "examples" / "hello"], capture_output=True, text=True)
    if done.returncode != 0 or done.stdout != "0\n1\n2\n":
        raise Bad("examples/hello says something else")


HOWS = {"subdirectory": as_subdirectory, "newer": by_newer_standard, "plugin": of_folder("plugin"), "names": of_folder("names"), "preemptible": as_preemptible, "fetched": as_fetched, "installed": as_installed, "sanitizer": with_sanitizer, "pkg-config": by_pkg_config, "alone": alone}


def has_shared_library(row):
    if not list(row.folder.rglob("libheddle.so*")):
        raise Bad("there is no libheddle.so")


def is_static(row):
    said = subprocess.run(["readelf", "--program-headers", row.folder / "consumer"], capture_output=True, text=True, check=True).stdout
    if re.search(r"\bINTERP\b", said):  # names the dynamic linker
        raise Bad("the program is not static")


def newest(family):
    found = [pathlib.Path(folder) / name for folder in os.environ["PATH"].split(":") if pathlib.Path(folder).is_dir()
             for name in os.listdir(folder) if re.fullmatch(re.escape(family) + r"-\d+", name)]
    numbers = sorted({int(path.name.rpartition("-")[2]) for path in found})
    return f"{family}-{numbers[-1]}" if numbers else ""


def rows():
    release = ["-DCMAKE_BUILD_TYPE=Release"]
    clang = newest("clang++")
    all_rows = [
        Row("Release alone, with all that is on by default", release, "alone"),
        Row("Release", release),
        Row("RelWithDebInfo", ["-DCMAKE_BUILD_TYPE=RelWithDebInfo"]),
        Row("Debug", ["-DCMAKE_BUILD_TYPE=Debug"]),
        Row("MinSizeRel", ["-DCMAKE_BUILD_TYPE=MinSizeRel"]),
        Row("no build type"),
        Row("-O0", ["-DCMAKE_CXX_FLAGS=-O0"]),
        Row("-O3", ["-DCMAKE_CXX_FLAGS=-O3"]),
        Row("-flto", release + ["-DCMAKE_CXX_FLAGS=-flto"]),
        Row("g++-11", release, compiler="g++-11"),
        Row("g++-12", release, compiler="g++-12"),
        Row("clang++-14", release, compiler="clang++-14"),
        Row("newest clang", release, compiler=clang or "clang++"),
    ]
    for compiler in ["g++-12", "clang++-14", clang]:
        for standard, flags in (("20", ["-std=c++20"]), ("23", ["-std=c++23", "-std=c++2b"]), ("26", ["-std=c++26", "-std=c++2c"])):
            if compiler:
                how = "newer" if standard == "26" else "subdirectory"
                options = ["-DCMAKE_BUILD_TYPE=Debug"] + ([] if standard == "26" else [f"-DCMAKE_CXX_STANDARD={standard}"])
                all_rows.append(Row(f"C++{standard}, {compiler}", options, how, compiler=compiler, needs=flags))
    all_rows += [
        Row("shared", release + ["-DBUILD_SHARED_LIBS=ON"], after=has_shared_library),
        Row("position-independent", release + ["-DCMAKE_POSITION_INDEPENDENT_CODE=ON"]),
        Row("-static", release + ["-DCMAKE_EXE_LINKER_FLAGS=-static"], after=is_static),
        Row("-fno-rtti", release + ["-DCMAKE_CXX_FLAGS=-fno-rtti"]),
        Row("names of a user's own", how="names", says="using namespace heddle, std; struct g, p, stack ..."),
        Row("a plugin in a host, both with heddle", how="plugin", says="-rdynamic, dlopen"),
        Row("find_package after install", release, "installed", after=looked_at),
        Row("preemptible, g++", release + ["-DBUILD_SHARED_LIBS=ON"], "preemptible"),
        Row("preemptible, clang++-14", release + ["-DBUILD_SHARED_LIBS=ON"], "preemptible", compiler="clang++-14"),
        Row("ThreadSanitizer in heddle, and not in a program", ["-DCMAKE_BUILD_TYPE=Debug", "-DHEDDLE_SANITIZE=thread"], "sanitizer"),
        Row("FetchContent", release, "fetched"),
        Row("pkg-config after install", release, "pkg-config"),
    ]
    return all_rows


CORNER = ["find_package after install"]


def knows(compiler, flags):
    for flag in flags:
        done = subprocess.run([compiler, flag, "-x", "c++", "-fsyntax-only", os.devnull], capture_output=True)
        if done.returncode == 0:
            return True
    return False


def try_row(row):
    started = time.monotonic()
    shutil.rmtree(row.folder, ignore_errors=True)
    row.folder.parent.mkdir(parents=True, exist_ok=True)
    row.log.write_text("")
    try:
        if row.compiler and not shutil.which(row.compiler):
            raise Missing(f"{row.compiler} is not installed")
        if row.needs and not knows(row.compiler, row.needs):
            raise Missing(f"{row.compiler} has no {row.needs[0]}")
        HOWS[row.how](row)
        if row.after:
            row.after(row)
        row.result = "ok"
    except Missing as missing:
        row.result = str(missing)
    except Bad as bad:
        row.result = f"FAIL: {bad}"
    text = row.log.read_text(errors="replace")
    row.warnings = len(re.findall(r"warning: ", text))
    row.seconds = time.monotonic() - started
    shutil.rmtree(row.folder, ignore_errors=True)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "not there"


HEAD = """# Where heddle builds

`./dev matrix` makes this table: each row is a build of its own, and the program in [cmake/consumers](../cmake/consumers/main.cpp) runs
in it and ends with 0. `./dev test` runs one row, `./dev test --all` all of them.

| needed | at least | tested |
| --- | --- | --- |
| CMake | 3.22 | {cmake} |
| g++ | 11 | {gcc} |
| clang++ | 14, with the standard library of g++ 11 or later | {clang} |
| glibc | 2.25, for `getrandom` | {glibc} |
| Linux | 4.14, for `membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)` | {kernel} |
| processor | x86-64 | x86-64 |

"Tested" is what this table was made with. The numbers for glibc and Linux follow from the functions and system calls that the library
uses; older ones have not been run.

Warnings are errors only with `-DHEDDLE_WERROR=ON`, which heddle's own presets set. The column `warnings` counts what the compilers said
in the row all the same.

"""


def markdown(done):
    lines = [HEAD.format(cmake=re.sub("cmake version ", "", first_line(["cmake", "--version"])),
                         gcc=first_line(["g++-12", "-dumpfullversion"]),
                         clang=", ".join(sorted({re.sub(r".*version (\S+?)(-\S+)?( .*)?$", r"\1", first_line([r.compiler, "--version"]))
                                                 for r in done if "clang" in r.compiler and shutil.which(r.compiler)})),
                         glibc=os.confstr("CS_GNU_LIBC_VERSION").split()[1], kernel=".".join(os.uname().release.split(".")[:2])),
             "| row | options of CMake | compiler | how | result | warnings | seconds |\n",
             "| --- | --- | --- | --- | --- | --: | --: |\n"]
    for r in done:
        options = " ".join(f"`{o}`" for o in r.options) or "none"
        lines.append(f"| {r.name} | {options} | {r.compiler or 'default'} | {r.how} | {r.result} | {r.warnings} | {r.seconds:.0f} |\n")
    return "".join(lines)


def print_table(done):
    lines = [("row", "how", "result", "warnings", "time")]
    lines += [(r.name, r.how, r.result, str(r.warnings), f"{r.seconds:.0f}s") for r in done]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="./dev matrix", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--filter", metavar="GLOB", action="append", default=[])
    parser.add_argument("--corner", action="store_true")
    parser.add_argument("--no-page", action="store_true")
    arguments = parser.parse_args()
    chosen = rows()
    if arguments.corner:
        chosen = [r for r in chosen if r.name in CORNER]
    if arguments.filter:
        chosen = [r for r in chosen if any(fnmatch.fnmatchcase(r.name, glob) for glob in arguments.filter)]
    if not chosen:
        parser.error("no row matches; see --list")
    if arguments.list:
        for r in chosen:
            print(f"{r.name.ljust(48)} {r.how.ljust(14)} {r.compiler} {r.says}".rstrip())
        return 0
    print(f"{len(chosen)} rows, about {len(chosen) * 25 // 60 + 1} min on two idle cores", file=sys.stderr, flush=True)
    started = time.monotonic()
    for i, row in enumerate(chosen):
        if sys.stderr.isatty():
            left = (time.monotonic() - started) / i * (len(chosen) - i) if i else len(chosen) * 25
            sys.stderr.write(f"\r\033[K[{i}/{len(chosen)}] {row.name} - {left / 60:.0f} min left")
            sys.stderr.flush()
        try_row(row)
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        if row.result.startswith("FAIL") or not sys.stderr.isatty():
            print(f"{row.name}: {row.result} ({row.seconds:.0f} s)", file=sys.stderr, flush=True)
        if row.result.startswith("FAIL"):
            lines = row.log.read_text(errors="replace").splitlines()
            print("\n".join([line for line in lines if re.search("error|Error|FAIL", line)][:20] or lines[-20:]), file=sys.stderr)
    print_table(chosen)
    if not (arguments.corner or arguments.filter or arguments.no_page):
        PAGE.write_text(markdown(chosen))
    bad = sum(r.result.startswith("FAIL") for r in chosen)
    out = sum(r.result != "ok" for r in chosen) - bad
    more = f", {out} that these compilers do not have" if out else ""
    print(f"{len(chosen) - bad - out} rows ok{more}, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
