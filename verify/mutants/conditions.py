#!/usr/bin/env python3
"""Leaves each condition of the scheduler out once, and runs the suites: does one of them notice?

A copy of the tree is built once, with a switch at each place; a run then turns one switch. Left out is each operand of && and ||
(true and false are put in its place), and each if as a whole (as if its condition were false).

Where a run tells of no failure, the condition may be a matter of speed, or be covered by another one; or a suite is missing.
conditions.md beside this file says which. Without a row there, the condition counts as open.

Exit status: 0 each condition was noticed or has its row, 1 not so, 2 wrong usage.
"""

import argparse
import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "conditions"
TREE = WORK / "tree"
VERIFY = WORK / "build" / "verify" / "verify"
REASONS = ROOT / "verify" / "mutants" / "conditions.md"
NEEDS = WORK / "needs.txt"
SWITCH = "heddle_left_out"
DEFINITION = f"""
extern "C" bool {SWITCH}(int n) noexcept {{
  static const int which = [] {{
    const char *const said = std::getenv("HEDDLE_LEFT_OUT");
    return said != nullptr ? std::atoi(said) : -1;
  }}();
  return n == which;
}}
"""


@dataclasses.dataclass
class Place:
    file: str
    line: int
    start: int
    end: int
    value: str  # what is put in its place
    text: str
    reason: str
    number: int = 0
    verdict: str = "open"
    suite: str = ""
    said: str = ""

    @property
    def name(self):
        return f"{self.file}:{self.line} {self.text}"


def without_comments(text):
    """Comments, strings and characters as blanks: everything keeps its place."""
    return re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', lambda found: " " * len(found.group()), text)


def closing(code, at):
    depth = 0
    for i in range(at, len(code)):
        depth += code[i] in "([{"
        depth -= code[i] in ")]}"
        if depth == 0:
            return i
    raise ValueError("brackets")


def parts(code, start, end, mark):
    """The stretches between top-level occurrences of one of the marks."""
    found, depth, begin, i = [], 0, start, start
    while i < end:
        depth += code[i] in "([{"
        depth -= code[i] in ")]}"
        if depth == 0 and code.startswith(mark, i):
            found.append((begin, i))
            i += len(mark)
            begin = i
            continue
        i += 1
    return found + [(begin, end)]


def trimmed(code, start, end):
    while start < end and code[start].isspace():
        start += 1
    while end > start and code[end - 1].isspace():
        end -= 1
    return start, end


def operands(code, start, end, neutral=None):
    """Yields (start, end, value) for each operand below this expression that && or || joins to others."""
    start, end = trimmed(code, *parts(code, start, end, "?")[0])
    for mark, value in (("||", "false"), ("&&", "true")):
        pieces = parts(code, start, end, mark)
        if len(pieces) > 1:
            for piece in pieces:
                yield from operands(code, *piece, value)
            return
    if code[start] == "(" and closing(code, start) == end - 1:
        yield from operands(code, start + 1, end - 1, neutral)
    elif neutral is not None:
        yield start, end, neutral


def reasons():
    """What conditions.md says: (file, condition, value) -> reason."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in REASONS.read_text().splitlines() if line.startswith("| `")]
    return {(row[0].strip("`"), row[1].replace("\\|", "|").strip("`"), row[2]): row[3] for row in rows}


def places_of(name, why):
    text = (ROOT / name).read_text()
    code = without_comments(text)
    for found in re.finditer(r"\b(if|while|return|bool \w+ =)(?! constexpr)\s*(\()?(?<=[\s(=])", code):
        word, bracket = found.group(1), found.group(2)
        if word not in ("if", "while"):
            start, end = found.end() - len(bracket or ""), code.index(";", found.end())
        elif bracket:
            start, end = found.end(), closing(code, found.end() - 1)
            start = parts(code, start, end, ";")[-1][0]  # an if may begin with a declaration
        else:
            continue
        if re.match(r"\s*(const )?(struct )?[\w:<>]+ (const )?\*?(const )?\w+ = ", code[start:end]) or "[" in code[start:end] and "]{" in code[start:end]:
            continue  # it names what it tests
        where = [(a, b, value) for a, b, value in operands(code, start, end)]
        if word == "if":
            where.append((*trimmed(code, start, end), "false"))
        for a, b, value in where:
            words = " ".join(text[a:b].split())
            yield Place(name, text.count("\n", 0, a) + 1, a, b, value, words, why.get((name, words, value), ""))


def switched(name, places):
    """The source with a switch at each place. Places may lie in each other."""
    text = (ROOT / name).read_text()
    marks = [(p.start, 0, p.start - p.end, f"({SWITCH}({p.number}) ? {p.value} : static_cast<bool>(") for p in places]
    marks += [(p.end, -1, p.start - p.end, "))") for p in places]
    # At one position the inner ends come first, and of the beginnings the outer ones.
    for at, _, _, words in sorted(marks, key=lambda m: (m[0], m[1], m[2] if m[1] == 0 else -m[2]), reverse=True):
        text = text[:at] + words + text[at:]
    first = text.index("HEDDLE_DETAIL_BEGIN")
    return text[:first] + f'extern "C" bool {SWITCH}(int) noexcept;\n' + text[first:]


def copy(files, places):
    WORK.mkdir(parents=True, exist_ok=True)
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split():
        target = TREE / name
        text = (ROOT / name).read_bytes()
        if name in files:
            text = switched(name, [p for p in places if p.file == name]).encode()
        elif name == "verify/world_relacy.cpp":
            text = b"#include <cstdlib>\n" + text + DEFINITION.encode()
        if not target.exists() or target.read_bytes() != text:  # so that only what has changed is compiled
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)


def build(jobs):
    (WORK / "build.log").unlink(missing_ok=True)
    configure = ["cmake", "-S", TREE, "--preset", "relacy", "-B", WORK / "build", "-DHEDDLE_WERROR=OFF"]
    for command in (configure, ["cmake", "--build", WORK / "build", "--target", "verify", "-j", str(jobs)]):
        with (WORK / "build.log").open("a") as log:
            if subprocess.run(list(map(str, command)), cwd=TREE, stdout=log, stderr=log).returncode != 0:
                sys.exit(f"the copy does not build; see {WORK / 'build.log'}")


def notice(place, budget):
    """Runs the suites with this place left out, until one of them fails. Each makes the executions that its seeded mistakes need."""
    command = [str(VERIFY), "--budget", budget, "--at-least", str(NEEDS), "--no-shrink"]
    run = subprocess.Popen(command, env=dict(os.environ, HEDDLE_LEFT_OUT=str(place.number)), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=WORK)
    for line in run.stdout:
        told = re.match(r"(\S+) \[.*?\]: (.*)", line)
        if told and told.group(2).startswith("FAILED"):
            place.verdict, place.suite, place.said = "noticed", told.group(1), told.group(2)
            os.killpg(run.pid, signal.SIGKILL)
            break
    run.stdout.close()
    if run.wait() not in (0, -signal.SIGKILL) and place.verdict != "noticed":
        place.verdict, place.said = "noticed", f"the tool ended with {run.returncode}"
    if place.verdict != "noticed" and place.reason:
        place.verdict = "says why"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", action="append", metavar="GLOB", help="only these files of sched/; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the conditions and end")
    parser.add_argument("--check", action="store_true", help="only check that the source has what conditions.md names")
    parser.add_argument("--budget", default="20s", metavar="TIME", help="for the suites, for each condition (default 20s); some take longer, because they make the executions that their seeded mistakes need")
    parser.add_argument("--again", type=pathlib.Path, metavar="FILE", help="only what is open in this report of --json")
    parser.add_argument("--only", type=int, action="append", metavar="N", help="only the conditions of these numbers")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write what was found")
    parser.add_argument("--built", action="store_true", help="the copy has been built from this tree")
    arguments = parser.parse_args()
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "sched").glob("*.cpp"))
    why = reasons()
    places = [place for name in files for place in places_of(name, why)]
    for number, place in enumerate(places):
        place.number = number
    wanted = [p for p in places if (not arguments.file or any(fnmatch.fnmatch(p.file, glob) for glob in arguments.file)) and
              (not arguments.only or p.number in arguments.only)]
    if arguments.again:
        was_open = {p["number"] for p in json.loads(arguments.again.read_text()) if p["verdict"] == "open"}
        wanted = [p for p in wanted if p.number in was_open]
    if arguments.list:
        for p in wanted:
            print(f"{p.number:4} {p.name} -> {p.value}{'  (' + p.reason + ')' if p.reason else ''}")
        return 0
    if arguments.check:
        gone = set(why) - {(p.file, p.text, p.value) for p in places}
        for file, words, value in sorted(gone):
            print(f"{REASONS.name}: there is no condition {words} in {file} any more")
        return 1 if gone else 0
    if not wanted:
        parser.error("no condition is meant")
    if not arguments.built:
        copy(files, places)
        build(os.cpu_count())
    subprocess.run([sys.executable, ROOT / "verify" / "mutants" / "needs.py", "--write", NEEDS], check=True)
    began = time.monotonic()
    for done, p in enumerate(wanted, 1):
        notice(p, arguments.budget)
        left = (time.monotonic() - began) / done * (len(wanted) - done)
        print(f"{p.number:4} {p.name} -> {p.value}: {p.verdict} {p.suite} {p.said}".rstrip() + f"  ({left / 60:.0f} min left)", flush=True)
    open_ones = [p for p in wanted if p.verdict == "open"]
    print(f"{sum(p.verdict == 'noticed' for p in wanted)} of {len(wanted)} noticed, "
          f"{sum(p.verdict == 'says why' for p in wanted)} say why not, {len(open_ones)} open")
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(p) for p in wanted], indent=1) + "\n")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main())
