#!/usr/bin/env python3
"""Which two public calls of an object does a suite make at the same time? docs/pairs.md says it, and this script keeps it true.

  pairs.py            checks that each pair of calls of an object, a call beside itself too, is in a table of verify/suites/pairs_*.cpp
                      that a suite uses, or has its reason here; and that docs/pairs.md says so
  pairs.py --write    writes docs/pairs.md

The calls are those that the public headers declare (calls.py reads them). Exit status: 0 all is so, 1 not so, 2 wrong usage.
"""

import argparse
import fnmatch
import itertools
import pathlib
import re
import sys

from calls import read

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITES = ROOT / "verify" / "suites"
PAGE = ROOT / "docs" / "pairs.md"

# The classes and functions that belong to an object: their calls are made beside each other.
OBJECTS = {
    "channel": ["chan", "select", "try_select", "on_recv", "on_send", "otherwise", "select_case"],
    "mutex": ["mutex"],
    "shared_mutex": ["shared_mutex"],
    "condition_variable": ["condition_variable"],
    "once": ["once"],
    "semaphore": ["semaphore"],
    "wait_group": ["wait_group"],
    "latch": ["latch"],
    "barrier": ["barrier"],
    "task": ["task", "on_done"],
    "scope": ["scope"],
    "context": ["context", "cancel_context", "with_cancel", "with_deadline", "with_timeout", "with_value", "without_cancel"],
    "stop_signal": ["stop_signal"],
    "timer": ["timer", "receiver::recv_for", "receiver::try_recv"],
    "ticker": ["ticker", "receiver::recv_for", "receiver::try_recv"],
    "func_timer": ["func_timer"],
    "runtime": ["runtime", "go", "yield", "gosched", "num_goroutine", "goid", "procs", "set_procs", "stop_the_world", "stats",
                "blocking", "blocking_long", "lock_os_thread", "unlock_os_thread", "safepoint", "no_preempt", "sleep_for",
                "sleep_until", "set_name", "name", "task_local"],
}

# Calls that are made beside no other, with the reason. A pattern.
ALONE = {
    "*::max": "a constant",
    "source_location*": "a value, of one party",
    "received*": "a value, of one party",
    "context_canceled*": "a value, of one party", "context_deadline_exceeded*": "a value, of one party",
    "chan::iterator*": "belongs to one party; what it calls is recv",
    "chan::nil": "reads nothing of the channel", "chan::is_nil": "reads nothing of the channel", "chan::operator==": "reads nothing of the channel",
    "chan::operator=": "a copy and a drop, as chan::chan and chan::~chan", "chan::end": "a constant",
    "sender*": "each is the call of chan with that name", "receiver*": "each is the call of chan with that name",
    "select_case*": "makes a value; select uses it", "on_send": "makes a value; select uses it", "on_recv": "makes a value; select uses it",
    "otherwise": "makes a value; select uses it",
    "semaphore::semaphore": "made by one party, before the others know of it",
    "wait_group::wait_group": "made by one party, before the others know of it",
    "latch::latch": "made by one party, before the others know of it",
    "barrier::barrier": "made by one party, before the others know of it",
    "scope::scope": "made by one party, before the others know of it",
    "scope::~scope": "the owner's last call, after those of all others; it waits as scope::wait does",
    "stop_signal::stop_signal": "made by one party, before the others know of it",
    "timer::timer": "made by one party, before the others know of it", "ticker::ticker": "made by one party, before the others know of it",
    "after": "makes a timer", "tick": "makes a ticker", "after_func": "makes a func_timer",
    "task::operator=": "the owner's: others have ended their calls", "task::~task": "the owner's: others have ended their calls",
    "task::get": "the owner's: others have ended their calls",
    "spawn": "makes a task", "when_all": "owns its tasks: joins each of them", "when_any": "owns its tasks: a select of on_done",
    "cancel_context::operator=": "cancels as cancel_context::cancel, then as context::operator=",
    "context::background": "reads nothing",
    "runtime::runtime": "made by one party, before the others know of it",
    "runtime::~runtime": "after all other calls; it shuts down as runtime::shutdown does",
    "runtime::run": "the suites' main goroutine is its call: the others are made while it lasts; what ends beside it is in stop.main_ends*",
    "run": "makes a runtime and calls runtime::run", "dump": "in the os world: it stops the world, and reads",
    "runtime::dump": "in the os world: it stops the world, and reads",
    "with_scope": "a scope, and scope::wait",
    "task_local::task_local": "made by one party, before the others know of it",
}

# Pairs that no program may make, or that are made elsewhere, with the reason. Patterns; in either order.
NEVER = [
    ("chan::close", "chan::send*", "a send on a closed channel is misuse"),
    ("chan::close", "chan::try_send", "a send on a closed channel is misuse"),
    ("chan::begin", "chan::send*", "ends at a close, which no send may meet"),
    ("chan::begin", "chan::try_send", "ends at a close, which no send may meet"),
    ("runtime::shutdown", "no_preempt*", "such a goroutine cannot be abandoned: it neither waits nor gives way"),
    ("runtime::shutdown", "stats", "reads what runtime::stats reads"), ("runtime::shutdown", "name", "reads what set_name has written"),
    ("runtime::shutdown", "task_local*", "neither waits nor gives way, and belongs to one goroutine"),
]


class Table:
    def __init__(self, name, rows, suites):
        self.name, self.rows, self.suites = name, rows, suites


def array_of(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[at:i]
    raise ValueError("no end of a table")


def tables(known):
    found = []
    for path in sorted(SUITES.glob("pairs_*.cpp")):
        text = path.read_text()
        users = {}
        for alias, table in re.findall(r"using (\w+) = by_\w+<\w+, (\w+)[^;]*>;", text):
            suite = re.search(rf'world<{alias}>\(\s*\{{\.name = "([^"]+)"', text)
            if suite:
                users.setdefault(table, []).append(suite.group(1))
        for start in re.finditer(r"constexpr call<\w+> (\w+)\[\] = ", text):
            rows = []
            for row in re.findall(r'\{\s*"((?:[^"]|"\s*")+)"\s*,', array_of(text, start.end())):
                words = re.findall(r"[\w:~]+(?:(?<=::operator)(?:\*|->|==?))?", re.sub(r'"\s*"', "", row))
                rows.append({word for word in words if word in known})
                if not rows[-1]:
                    sys.exit(f"{path.name}: a row names no public call: {row}")
            found.append(Table(start.group(1), rows, users.get(start.group(1), [])))
    return found


def reason_alone(name):
    return next((why for pattern, why in ALONE.items() if fnmatch.fnmatchcase(name, pattern)), None)


def reason_never(a, b):
    for one, other, why in NEVER:
        if any(fnmatch.fnmatchcase(x, one) and fnmatch.fnmatchcase(y, other) for x, y in ((a, b), (b, a))):
            return why
    return None


def look():
    """The rows of the page, and what is wrong."""
    names = {call.full for call in read()[0]}
    known = names | {"chan::~chan", "context::~context", "func_timer::~func_timer", "no_preempt::~no_preempt"}
    all_tables = tables(known)
    rows, wrong, placed, needed = [], [], set(), set()
    for what, parts in OBJECTS.items():
        mine = sorted(n for n in names if any(n == p or n.startswith(p + "::") and p == n.rpartition("::")[0] for p in parts))
        placed |= set(mine)
        alone = [n for n in mine if reason_alone(n) and n not in parts]
        calls = [n for n in mine if n not in alone]
        if what in ("channel", "runtime"):
            calls = [n for n in calls if not reason_alone(n)]
        used = [t for t in all_tables if any(row & set(calls) - {"receiver::recv_for", "receiver::try_recv"} for row in t.rows)]
        made = set()
        suites = []
        for table in used:
            if not table.suites:
                wrong.append(f"{table.name}: no suite uses it")
            suites += table.suites
            for one, other in itertools.combinations_with_replacement(table.rows, 2):
                made |= {frozenset((a, b)) for a in one for b in other}
        never = 0
        for a, b in itertools.combinations_with_replacement(calls, 2):
            if frozenset((a, b)) in made:
                continue
            if reason_never(a, b):
                never += 1
                needed.add(reason_never(a, b))
            else:
                wrong.append(f"no suite makes {a} beside {b}" if a != b else f"no suite makes {a} beside itself")
        n = len(calls) * (len(calls) + 1) // 2
        rows.append((what, calls, n, n - never, suites))
    for name in sorted(names - placed):
        if not reason_alone(name):
            wrong.append(f"{name} belongs to no object of {pathlib.Path(__file__).name}")
    for one, other, why in NEVER:
        if why not in needed:
            wrong.append(f"a reason for a pair that is made, or is none: {one} beside {other}")
    for pattern in ALONE:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            wrong.append(f"a reason for a call that no header has: {pattern}")
    return rows, wrong, names


def page(rows, names):
    text = ["# Pairs of calls", "",
            "For each object: its public calls, in how many pairs they can be made beside each other (a call beside itself is one), how many of",
            "them a suite makes, and which suites these are. Which two calls an execution makes is dealt, so each pair is made, in each state that",
            "the suite prepares. `python3 cmake/dev/pairs.py --write` writes this page; without `--write` it compares the page, the headers and the",
            "suites, and `./dev test` runs it.", "",
            "| object | calls | pairs | made | suites |", "| --- | --- | --- | --- | --- |"]
    for what, calls, n, made, suites in rows:
        text.append(f"| {what} | {', '.join(f'`{c}`' for c in calls)} | {n} | {made} | {', '.join(f'`{s}`' for s in suites)} |")
    text += [f"| all | {sum(len(r[1]) for r in rows)} | {sum(r[2] for r in rows)} | {sum(r[3] for r in rows)} | {sum(len(r[4]) for r in rows)} |",
             "", "## Pairs that are not made", "", "| call | beside | why |", "| --- | --- | --- |"]
    text += [f"| `{a}` | `{b}` | {why} |" for a, b, why in NEVER]
    text += ["", "## Calls that are made alone", "", "| call | why |", "| --- | --- |"]
    listed = {}
    for name in sorted(names):
        why = reason_alone(name)
        if why and not any(name in r[1] for r in rows):
            listed.setdefault(why, []).append(name)
    text += [f"| {', '.join(f'`{n}`' for n in group)} | {why} |" for why, group in sorted(listed.items(), key=lambda item: item[1][0])]
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows, wrong, names = look()
    for fault in wrong:
        print(fault)
    found = page(rows, names)
    if arguments.write and not wrong:
        PAGE.write_text(found)
    elif not wrong and (not PAGE.exists() or PAGE.read_text() != found):
        wrong.append("page")
        print("docs/pairs.md is out of date: pairs.py --write")
    print(f"{len(rows)} objects, {sum(len(r[1]) for r in rows)} calls, {sum(r[3] for r in rows)} of {sum(r[2] for r in rows)} pairs are made: "
          f"{'each other has its reason' if not wrong else f'{len(wrong)} faults'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
