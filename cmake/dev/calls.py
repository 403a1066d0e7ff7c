#!/usr/bin/env python3
"""What the public headers promise of each call, and whether the promises are kept: by a test, and by the compiler.

  calls.py            checks
                        - that runtime/test/blocks_nothing_test.cpp calls everything that does not say that it blocks, and nothing else;
                        - that each call whose result matters is [[nodiscard]] (which do not matter is listed here, each with its reason).
  calls.py --list     prints each call with what it blocks

A call that says nothing of blocking blocks nothing. Exit status: 0 all is kept, 1 not so, 2 wrong usage.
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = [ROOT / room / "include" / "heddle" for room in ("queues", "sched", "runtime")]
TEST = ROOT / "runtime" / "test" / "blocks_nothing_test.cpp"


class Call:
    def __init__(self, scope, name, text, doc, header, line):
        self.scope, self.name, self.text, self.doc, self.header, self.line = scope, name, text, doc, header, line
        self.full = f"{scope}::{name}" if scope else name
        self.nodiscard = "[[nodiscard" in text


def without_details(text):
    """Without namespace detail; lines stay where they are."""
    while True:
        at = re.search(r"^namespace detail \{", text, re.MULTILINE)
        if not at:
            return text
        end = text.index("}  // namespace detail", at.end()) + len("}  // namespace detail")
        text = text[:at.start()] + "\n" * text.count("\n", at.start(), end) + text[end:]


def closing(text, at, pair):
    depth = 0
    while at < len(text):
        if text.startswith("//", at):
            at = text.index("\n", at)
        elif text[at] in "\"'" and not (text[at] == "'" and text[at - 1].isdigit()):  # 65'536 is a number
            quote = text[at]
            at += 1
            while text[at] != quote:
                at += 2 if text[at] == "\\" else 1
        elif text[at] == pair[0]:
            depth += 1
        elif text[at] == pair[1]:
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError(f"no {pair[1]}")


def name_of(declaration):
    """The name of the function that the declaration declares; empty: it is none."""
    text = re.sub(r"decltype\(auto\)|\[\[.*?\]\]|__attribute__\(\(.*?\)\)|\bHEDDLE_API\b|\b(?:inline|static|constexpr|friend|explicit|virtual)\b", " ", declaration)
    text = re.sub(r"^\s*(?:template\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>\s*(?:requires\s+[\w:]+(?:<[^>]*>)?\s)?)*", "", text).strip()
    if re.match(r"(?:using|typedef|class|struct|enum|static_assert|concept|namespace|public|private|protected)\b", text):
        return ""
    found = re.search(r"(operator\s*(?:\(\)|[^\s(]+)|~?\w+)\s*\(", text)
    if not found or found.group(1) == "void" or "=" in re.sub(r"operator\s*\S+", "", text[:found.start()]):
        return ""
    return re.sub(r"\s", "", found.group(1))


def stem(name):
    return re.sub(r"_(?:for|until)$", "", name)


def walk(text, scope, public, header, line, calls, classes):
    """Goes over the declarations of a namespace or class. line: of text's first character."""
    at, doc, doc_ends = 0, [], False
    last = None
    while at < len(text):
        if text[at].isspace():
            gap = re.match(r"\s+", text[at:]).group(0)
            if gap.count("\n") > 1:
                doc = []
                last = None
            at += len(gap)
            continue
        if text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            if "\n" in text[text.rfind(";", 0, at) + 1:at] or not doc_ends:  # else it belongs to what stands before it in the line
                doc.append(text[at + 2:end].strip())
            at = end
            doc_ends = False
            continue
        access = re.match(r"(public|private|protected):", text[at:])
        if access:
            public = access.group(1) == "public"
            at += access.end()
            doc, last = [], None
            continue
        end, initialised = at, False
        while text[end] not in ";{":
            if text.startswith("//", end):
                end = text.index("\n", end)
            elif text[end] == "(":
                end = closing(text, end, "()")
            elif text[end] == ":" and text[end - 1] != ":" and text[end + 1] != ":" and "(" in text[at:end] and not re.match(r"\s*(?:class|struct)\b", text[at:end]):
                initialised = True  # the members' initialisers
            elif text[end] == "{" and initialised:
                break
            end += 1
            if initialised and text[end] == "{" and re.search(r"[\w>]$", text[at:end]):  # x{1}, not the body
                end = closing(text, end, "{}") + 1
        declaration = re.sub(r"//[^\n]*", "", text[at:end])
        where = line + text.count("\n", 0, at)
        started = at
        if text[end] == "{":
            stop = closing(text, end, "{}")
            named = re.match(r"\s*(?:template\s*<.*?>\s*)?(?:requires\b.*?)?(?:class|struct)\s+(?:HEDDLE_API\s+)?(\w+)", declaration, re.DOTALL)
            if named and "(" not in declaration.split(named.group(1))[0]:
                inner = f"{scope}::{named.group(1)}" if scope else named.group(1)
                if public:
                    classes[inner] = (" ".join(doc), declaration)
                    walk(text[end + 1:stop], inner, re.search(r"\bstruct\b", declaration) is not None, header,
                         line + text.count("\n", 0, end), calls, classes)
            at = stop + 1
            body = text[end:stop]
            while at < len(text) and text[at] in ";":
                at += 1
        else:
            body = ""
            at = end + 1
        name = name_of(declaration)
        spoken = " ".join(doc)
        if not spoken and last is not None and stem(last.name) == stem(name):
            spoken = last.doc
        doc, doc_ends = [], True
        if not name or not public or re.search(r"=\s*(?:delete|default)\s*$", declaration):
            continue
        if "friend" in declaration and not body:
            continue
        call = Call(scope, name, declaration, spoken, header, where)
        calls.append(call)
        last = call
        del started


def read():
    calls, classes = [], {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.hpp")):
            text = path.read_text()
            text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
            text = re.sub(r"^HEDDLE_(?:BEGIN|END)$", "", text, flags=re.MULTILINE)
            walk(without_details(text), "", True, path.name, 1, calls, classes)
    return calls, classes


def blocks(call, calls, classes, seen=()):
    """What the call blocks, in the words of its header; empty: it says nothing."""
    if call.full in seen:
        return ""
    doc = call.doc
    said = re.search(r"\bBlocks(?:, \w+)*: (.*?)(?:\. [A-Z]|\.?$)", doc) or re.search(r"\b\w+(?:, \w+)*, blocks(?:, \w+)*: (.*?)(?:\. [A-Z]|\.?$)", doc)
    rule = said.group(1) if said else ""
    if not rule:
        like = re.match(r"As (above|[\w:]+)\b", doc) or re.search(r"\bsee (runtime::\w+)", doc)
        rule = f"as {like.group(1)}" if like else ""
    if not rule and call.scope in ("sender", "receiver") and call.name[0] in "abcdefghijklmnopqrstuvwxyz" and call.name != call.scope:
        rule = f"as chan::{call.name}"
    if not rule:
        words = classes.get(call.scope, ("", ""))[0]
        of_all = re.search(r"(?:Unless said otherwise|Caller of all): .*?Blocks: (.*?)(?:\. [A-Z]|\.?$)", words)
        return of_all.group(1) if of_all else ""
    other = re.match(r"as (?!long)(?:heddle::)?([\w:]+)", rule)
    if not other:
        return rule
    if other.group(1) == "above":
        before = [c for c in calls if c.header == call.header and c.line < call.line and c.name == call.name]
        return blocks(before[-1], calls, classes, seen) if before else "?"
    wanted = other.group(1)
    for name in ([f"{call.scope}::{wanted}"] if call.scope else []) + [wanted, f"{wanted}::{wanted}"]:
        found = [c for c in calls if c.full == name and c is not call]
        if found:
            return blocks(found[0], calls, classes, (*seen, call.full)) or "nothing"
    return "?"


def not_blocking(calls, classes):
    """The names of the calls that block nothing, each with the place of its declaration."""
    found = {}
    for call in calls:
        rule = blocks(call, calls, classes)
        if rule == "?" and "operator" not in call.name:
            sys.exit(f"{call.header}:{call.line}: {call.full}: whose `blocks` it means is not clear")
        made = call.name == call.scope.rpartition("::")[2]
        if rule and not rule.startswith("nothing") or re.match(r"(?:~|operator(?!\*|->))", call.name) or made and not call.doc:
            continue
        if call.header != "source_location.hpp" and not call.scope.endswith("iterator"):
            found.setdefault(call.full, f"{call.header}:{call.line}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    calls, classes = read()
    if arguments.list:
        for call in calls:
            print(f"{call.header}:{call.line}: {call.full}: {blocks(call, calls, classes)}")
        return 0
    wrong = 0
    wanted = not_blocking(calls, classes)
    tested = set(re.findall(r'^ *\{"([^"]+)",', TEST.read_text(), re.MULTILINE))
    for name, where in sorted(wanted.items()):
        if name not in tested:
            wrong += 1
            print(f"{where}: {name} blocks nothing, and {TEST.name} does not call it")
    for name in sorted(tested - wanted.keys()):
        wrong += 1
        print(f"{TEST.name} calls {name}, which the headers do not have, or of which they do not say that it blocks nothing")
    print(f"{len(wanted)} calls that block nothing: {'each is tested' if not wrong else f'{wrong} faults'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
