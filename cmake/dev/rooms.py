#!/usr/bin/env python3
"""Do the arrows between the rooms run one way? A room is a folder, or two that belong together; an arrow is an #include of ours.

  rooms.py            checks every #include against the table below, and docs/rooms.dot against the includes
  rooms.py --draw     writes docs/rooms.dot, and docs/rooms.svg by graphviz

Exit status: 0 all is as the table says, 1 not so, 2 wrong usage.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDES = [ROOT / room / "include" for room in ("queues", "sched", "runtime")]

# Room: which folders it is, what it is for, and which rooms it may include. Each stands below those that it may include.
ROOMS = {
    "queues/include": (["queues/include"], "atomics, spinlock: what public headers need of the world", []),
    "queues": (["queues"], "lock-free queues, the timing wheel", ["queues/include"]),
    "sched/include": (["sched/include"], "what public headers ask of the scheduler", ["queues/include"]),
    "sched/os": (["sched/os", "sched/world.hpp"], "threads, stacks, futex: the os world", ["queues", "queues/include"]),
    "sched": (["sched"], "g, m, p and the life of proc.go; the switch", ["sched/os", "sched/include", "queues", "queues/include"]),
    "runtime/include": (["runtime/include"], "the public headers", ["sched/include", "queues/include"]),
    "runtime": (["runtime"], "channels, locks, tasks, timers", ["runtime/include", "sched", "sched/os", "sched/include", "queues", "queues/include"]),
    "runtime/os": (["runtime/os"], "options, reports, class runtime", ["runtime", "runtime/include", "sched", "sched/os", "sched/include", "queues", "queues/include"]),
    "test_item": (["queues/test/test_item.hpp"], "what tests and suites put on queues", ["queues", "queues/include"]),
    "verify": (["verify"], "the model checker and its suites", ["test_item", "runtime", "runtime/include", "sched", "sched/os", "sched/include", "queues", "queues/include"]),
    "tests": (["queues/test", "sched/test", "runtime/test", "fuzz", "bench"], "tests, fuzzers, benchmarks",
              ["test_item", "verify", "runtime/os", "runtime", "runtime/include", "sched", "sched/os", "sched/include", "queues", "queues/include"]),
    "programs": (["examples", "docs", "cmake/consumers"], "examples, tutorial, consumers", ["runtime/include"]),
}
# A test sees its own room and those below it.
TESTS = {
    "queues/test": ["queues", "queues/include", "test_item"],
    "sched/test": ["sched", "sched/os", "sched/include", "queues", "queues/include", "runtime/include", "test_item"],
}


def room_of(path):
    """The room with the longest folder that holds the path."""
    best, found = "", None
    for room, (folders, _, _) in ROOMS.items():
        for folder in folders:
            if (path == folder or path.startswith(folder + "/")) and len(folder) > len(best):
                best, found = folder, room
    return found


def resolve(path, name):
    for folder in [*INCLUDES, ROOT, (ROOT / path).parent]:
        if (folder / name).is_file():
            return str((folder / name).resolve().relative_to(ROOT))
    return None


def sources():
    """Also those that are new and that git does not know yet; where there is no git, all but those in build/."""
    patterns = ["*.hpp", "*.cpp", "*.h", "*.c", "*.cc", "*.inc", "*.S"]
    try:
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True,
                                text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        every = (path.relative_to(ROOT) for pattern in patterns for path in ROOT.rglob(pattern))
        listed = [str(path) for path in every if path.parts[0] != "build"]
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def arrows():
    """(from, to) -> the includes that make it, and what is wrong."""
    found, wrong = collections.Counter(), []
    for path in sources():
        room = room_of(path)
        if room is None:
            wrong.append(f"{path}: lies in no room")
            continue
        allowed = {room, *ROOMS[room][2]}
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            said = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            target = resolve(path, said.group(1)) if said else None
            if target is None:
                if said and re.match(r"(heddle|queues|sched|runtime|verify)/", said.group(1)):
                    wrong.append(f"{path}:{number}: {said.group(1)} is not there")
                continue
            to = room_of(target)
            found[(room, to)] += room != to
            public = room in ("queues/include", "sched/include", "runtime/include")
            if to not in allowed:
                wrong.append(f"{path}:{number}: {room} may not include {to} ({target})")
            elif public and not said.group(1).startswith("heddle/"):
                wrong.append(f"{path}:{number}: a public header includes heddle/... only, not {said.group(1)}")
            elif room == "programs" and "/detail/" in target:
                wrong.append(f"{path}:{number}: {target} is not for users")
            for tests, of in TESTS.items():
                beside = target.startswith(tests + "/")
                if path.startswith(tests + "/") and not beside and to not in of:
                    wrong.append(f"{path}:{number}: {tests} may not include {to} ({target})")
    return found, wrong


def dot(found):
    lines = ["// Drawn by cmake/dev/rooms.py --draw from the includes of the source.", "digraph rooms {",
             '  rankdir=TB; ranksep=0.45; nodesep=0.35; bgcolor="white";',
             '  node [shape=box, style="rounded,filled", fillcolor="#f4f6fa", color="#8090b0", fontname="Helvetica", fontsize=12, margin="0.16,0.09"];',
             '  edge [color="#8090b0", arrowsize=0.7];']
    for room, (_, what, _) in ROOMS.items():
        public = ', fillcolor="#e3f1e3"' if room.endswith("/include") else ""
        lines.append(f'  "{room}" [label=<<b>{room}</b><br/><font point-size="10">{what}</font>>{public}];')
    # An arrow that follows from others is left out of the drawing, not out of the check.
    direct = {pair for pair, count in found.items() if count}
    order = list(ROOMS)
    direct = {(a, b) for a, b in direct if order.index(b) < order.index(a)}
    def reaches(a, b, without):
        return any(x == a and (x, y) != without and (y == b or reaches(y, b, without)) for x, y in direct)
    lines += [f'  "{a}" -> "{b}";' for a, b in sorted(direct) if not reaches(a, b, (a, b))]
    return "\n".join([*lines, "}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true")
    arguments = parser.parse_args()
    found, wrong = arrows()
    order = list(ROOMS)
    wrong += [f"the table lets {room} include {to}, which stands above it" for room in order for to in ROOMS[room][2]
              if order.index(to) >= order.index(room)]
    page = ROOT / "docs" / "rooms.dot"
    if arguments.draw:
        page.write_text(dot(found))
        subprocess.run(["dot", "-Tsvg", str(page), "-o", str(page.with_suffix(".svg"))], check=True)
    elif not page.exists() or page.read_text() != dot(found):
        wrong.append("docs/rooms.dot is not what the includes say: cmake/dev/rooms.py --draw")
    for text in wrong:
        print(text)
    print(f"{len(sources())} files in {len(ROOMS)} rooms, {sum(found.values())} includes between rooms: "
          f"{'all one way' if not wrong else f'{len(wrong)} are wrong'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
