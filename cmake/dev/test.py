#!/usr/bin/env python3
"""./dev test and ./dev check: the plan. steps.py runs it."""

import argparse
import re
import sys

from steps import BUILD, ROOT, Run, Step, in_words

VERIFY = BUILD / "relacy" / "verify" / "verify"
NEEDS = BUILD / "needs.txt"
NEEDS_TOOL = ROOT / "verify" / "mutants" / "needs.py"
RELACY = ["verify", "parts_test", "source_test"]
PATCHES_TOOL = ROOT / "verify" / "mutants" / "run.py"
CONDITIONS_TOOL = ROOT / "verify" / "mutants" / "conditions.py"

# What `./dev test` builds and runs with sanitizers, by clang, and only so: each component's cases, the stress runs and the
# fuzzers' regressions. Models, properties, Go's own tests, what ends a process, and the programs are built without: a sanitizer would
# say little more. --all does for each what is left.
SANITIZED = ["queues_test", "queues_stress", "sched_test", "sysmon_test", "procresize_test", "grants_test", "runtime_test", "runtime_stress",
             "replay_runq", "replay_lfstack"]
SANITIZED_TESTS = "^(" + "|".join(SANITIZED) + ")(_[0-9]+)?$"


PLAIN = ["runtime_deep_test", "preemptible_test", "preemptible_loops_test", "runtime_refusals", "queues_properties", "runtime_leak", "heddle_programs"]


def plain(run):
    run.build("dev", PLAIN)
    run.ctest("dev", ["-E", SANITIZED_TESTS, "-LE", "again"])


def plain_rest(run):
    run.build("dev")
    run.ctest("dev", ["-R", SANITIZED_TESTS], "dev.rest.log")
    run.ctest("dev", ["-L", "again"], "dev.again.log")  # each test's runtimes twice, over the same static objects


def memcheck(run):
    # Memcheck has its own idea of what a lost block is. Its big lock must be handed on: without fair-sched a thread that spins keeps it.
    run.build("dev", ["runtime_leak"])
    run.check(["valgrind", "-q", "--fair-sched=yes", "--leak-check=full", "--error-exitcode=9",
               BUILD / "dev" / "runtime" / "runtime_leak"], "memcheck.log", "valgrind", env={"HEDDLE_CYCLES": "50"})


def headers(*compilers):
    def work(run):
        options = [word for compiler in compilers for word in ("--compiler", compiler)]
        run.check([sys.executable, ROOT / "cmake" / "dev" / "headers.py", *options], "headers.log", "a header")
    return work


def house(run):
    for tool, what in (("rooms.py", "an arrow between rooms"), ("names.py", "the public names"), ("calls.py", "the public calls"),
                       ("pairs.py", "the pairs of calls"), ("fields.py", "a field of the shared source"),
                       ("refused.py", "what must not compile")):
        run.check([sys.executable, ROOT / "cmake" / "dev" / tool], tool.replace(".py", ".log"), what)


def consumer(run):
    run.check([sys.executable, ROOT / "cmake" / "dev" / "matrix.py", "--corner"], "matrix.log", "the matrix")


def verify(budget):
    def work(run):
        run.build("relacy", RELACY)
        arguments = ["--budget", budget] if budget else []
        run.check([sys.executable, NEEDS_TOOL, "--write", NEEDS], "needs.log", "needs")
        of = len(NEEDS.read_text().splitlines())
        run.junit([VERIFY, *arguments, "--at-least", NEEDS, "--json", BUILD / "verify.json"], "verify.log", "verify.xml", "verify",
                  lambda text: (len(re.findall(r"^\S+ \[.*\]: ", text, re.MULTILINE)), of))
        run.check([sys.executable, NEEDS_TOOL, "--check", BUILD / "verify.json"], "needs.log", "what the seeded mistakes need")
    return work


def tool(run):
    run.build("relacy", RELACY)
    run.ctest("relacy", ["-L", "tool"])


def evidence(run):
    run.build("relacy", RELACY)
    run.check([VERIFY, "evidence", "--check"], "evidence.log", "the documents")
    run.check([sys.executable, PATCHES_TOOL, "--apply-only"], "patches.log", "a seeded mistake")
    run.check([sys.executable, CONDITIONS_TOOL, "--check"], "conditions.log", "a row of conditions.md")


def mistakes(run):
    run.build("relacy", RELACY)
    run.junit([VERIFY, "mutate", "--known", ROOT / "docs" / "mutation.json", "--first-suite-only", "--budget", "30s"],
              "mutate.log", "mutate.xml", "memory orders", lambda text: (text.count(": killed"), 249))
    run.junit([sys.executable, PATCHES_TOOL, "--sample", "4"], "sample.log", "sample.xml", "patches")


def all_orders(run):
    run.junit([VERIFY, "mutate", "--known", ROOT / "docs" / "mutation.json", "--budget", "30s"], "mutate.log", "mutate.xml", "memory orders")


def sanitized(preset):
    def work(run):
        run.build(preset, SANITIZED)
        run.ctest(preset, ["-R", SANITIZED_TESTS])
    return work


def sanitized_rest(preset, *arguments):
    def work(run):
        run.build(preset)
        run.ctest(preset, ["-E", SANITIZED_TESTS, *arguments], f"{preset}.rest.log")
    return work


def clang(run):
    run.build("clang")
    run.ctest("clang", ["-LE", "again"])


def matrix(run):
    run.check([sys.executable, ROOT / "cmake" / "dev" / "matrix.py"], "matrix.log", "the matrix", done=lambda text: None)


def format_check(run):
    run.check(["bash", "-c", 'git ls-files "*.cpp" "*.hpp" ":!:verify/world_relacy.hpp" | xargs clang-format-14 --dry-run -Werror'],
              "format.log", "clang-format")


QUICK = [
    Step("dev: models, properties, programs", 120, plain),
    Step("valgrind: fifty runtimes", 2, memcheck),
    Step("headers: each alone, g++", 10, headers("g++")),
    Step("the house: rooms, public names and calls, fields", 12, house),
    Step("matrix: a corner", 37, consumer),
    Step("verify: every suite", 190, verify("30s")),
    Step("verify: the tool itself", 20, tool),
    Step("documents and seeded mistakes agree", 2, evidence),
    Step("seeded mistakes: a sample", 35, mistakes),
    Step("asan and ubsan: components", 80, sanitized("asan")),
    Step("tsan: components", 80, sanitized("tsan")),
]

DEEP = [
    Step("dev: the components", 105, plain_rest, deep=True),
    Step("headers: each alone, clang", 10, headers("clang++-14"), deep=True),
    Step("asan and ubsan: the rest", 230, sanitized_rest("asan"), deep=True),
    Step("tsan: the rest", 170, sanitized_rest("tsan", "-LE", "again"), deep=True),
    Step("clang: every test", 240, clang, deep=True),
    Step("verify: every suite, ten minutes", 600, verify(None), deep=True),
    Step("seeded mistakes: every memory order", 120, all_orders, deep=True),
    Step("matrix: every row", 600, matrix, deep=True),
]

CHECK = [
    Step("format", 5, format_check),
    Step("dev: unit tests", 120, lambda run: (run.build("dev"), run.ctest("dev", ["-L", "unit"]))),
    Step("verify: ten seconds", 100, verify("10s")),
]


def seconds_from(text):
    found = re.fullmatch(r"(\d+)(s|m|h)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"not a time: {text!r} (write 90s, 20m or 1h)")
    return int(found.group(1)) * {None: 1, "s": 1, "m": 60, "h": 3600}[found.group(2)]


def main():
    quick = sum(s.seconds for s in QUICK)
    parser = argparse.ArgumentParser(prog="./dev", description="Exit status: 0 all passed, 1 something failed, 2 wrong usage.")
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help=f"every kind of check, {in_words(quick)}")
    test.add_argument("--all", action="store_true", help="then every check to its full depth")
    test.add_argument("--within", metavar="TIME", type=seconds_from, help="with --all: leave out what does not fit in this time")
    test.add_argument("--only", metavar="WORD", help="only steps with this in their name")
    commands.add_parser("check")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return Run(CHECK).go()
    if arguments.within and not arguments.all:
        parser.error("--within goes with --all")
    steps = QUICK + (DEEP if arguments.all else [])
    if arguments.only:
        steps = [s for s in steps if arguments.only in s.name]
        if not steps:
            parser.error(f"no step has {arguments.only!r} in its name: " + ", ".join(s.name for s in QUICK + DEEP))
    return Run(steps, arguments.within).go()


if __name__ == "__main__":
    sys.exit(main())
