#!/usr/bin/env python3
"""Which data members of the shared source does the model checker watch, and why not the others?

  fields.py           checks that each data member is watched, cannot change, or has a reason in a comment
  fields.py --list    prints each member with its kind and reason

A member is watched if it is atomic<> or plain<>, or a class of ours whose members are looked at here as well. It cannot
change if it is const or a reference. Any other member is raw: no race on it is seen. Such a member needs a
reason, in the comment beside it or right above it, or, for all members of a class, above the class. It is one of the
words of REASONS, or `raw: ` and a reason in words. Exit status: 0 all is kept, 1 not so, 2 wrong usage.
"""

import argparse
import collections
import pathlib
import re
import sys

from calls import closing

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = ["queues", "sched", "runtime"]
OTHER_WORLDS = {"world.hpp", "world_os.hpp"}  # these, and what is in a folder os/, the model checker has of its own

# The reasons that need no more words: what must stand in the comment, and what it says.
REASONS = {
    "own M": r"\b[Oo]wn M\b",  # only code that runs on that M, which is one thread, touches it
    "one thread": r"\b(?:[Oo]ne thread's|[Ss]ysmon only)\b",  # no other thread has a way to it
    "set once": r"\b[Ss]et once\b",  # before another thread knows of the object
}
GIVEN = re.compile(r"\braw: ")
WATCHED = re.compile(r"^(?:heddle::)?(?:detail::)?(atomic|plain|statistic)<?")
# Classes of the world; each world has its own, and watches what there is to watch.
OF_THE_WORLD = {"stackpool", "persistent", "place"}


class Member:
    def __init__(self, scope, name, kind, why, where):
        self.scope, self.name, self.kind, self.why, self.where = scope, name, kind, why, where


def blank(found):
    return re.sub(r"[^\n]", " ", found.group(0))


def split(text):
    """The code, with strings and comments blanked out, and the comments, by line. Places stay what they are."""
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", blank, text, flags=re.MULTILINE)
    text = re.sub(r"//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|(?<![0-9A-Za-z])'(?:[^'\\\n]|\\.)+'",
                  lambda found: found.group(0) if found.group(0).startswith("//") else '"' + blank(found)[2:] + '"', text)
    comments = {}
    for number, line in enumerate(text.split("\n"), 1):
        at = line.find("//")
        if at >= 0:
            comments[number] = (line[at + 2:].strip(), not line[:at].strip(), at)
    return re.sub(r"//[^\n]*", blank, text), comments


def above(comments, first, column):
    """What the comment says that stands above line `first`."""
    words = []
    at = first - 1
    while at in comments and comments[at][1] and comments[at][2] == column:
        words.insert(0, comments[at][0])
        at -= 1
    return words


def beside(comments, first, last):
    """What the comments say that stand beside the lines from `first` to `last`, and go on below each other."""
    words, column = [], -1
    for at in range(first, last + 1):
        if at in comments and not comments[at][1]:
            words.append(comments[at][0])
            column = comments[at][2]
    at = last + 1
    while at in comments and comments[at][1] and comments[at][2] == column:
        words.append(comments[at][0])
        at += 1
    return words


def reason(words):
    text = " ".join(words)
    if GIVEN.search(text):
        return "in words"
    return next((name for name, form in REASONS.items() if re.search(form, text)), "")


# A declaration that declares no data.
NO_DATA = re.compile(r"(?:static|constexpr|inline|using|typedef|friend|static_assert|enum|template|concept|namespace|extern|requires|public|private|protected)\b")


def without_arguments(text):
    """Without the parentheses and commas in what a template is given."""
    at = 0
    while found := re.compile(r"(?<=\w)<").search(text, at):
        depth, end = 0, found.start()
        while end < len(text):
            depth += text[end] == "<"
            depth -= text[end] == ">" and text[end - 1] != "-"
            if depth == 0:
                break
            end += 1
        inside = text[found.start() + 1:end]
        text = text[:found.start() + 1] + re.sub(r"[(),=]", "_", inside) + text[end:]
        at = end + 1
    return text


def declarators(text):
    """The type and the names that a declaration of members declares; none: it declares a function, or nothing."""
    text = re.sub(r"\[\[.*?\]\]|\balignas\s*\((?:[^()]|\([^()]*\))*\)|\b(?:mutable|struct|class|enum|volatile|__extension__)\b", " ", text)
    text = without_arguments(" ".join(text.split()))
    if re.search(r"\boperator\b", text):
        return "", []
    pointer = re.match(r"([^(]*?)\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(", text)  # a pointer to a function
    if pointer:
        const = re.search(r"\*\s*const\s+" + pointer.group(2), text)
        return ("const " if const else "") + "function *", [pointer.group(2)]
    head = re.split(r"[=({]", text)[0] if "(" not in re.sub(r"[={].*", "", text) else None
    if head is None:
        return "", []
    # The type ends at the last word before the first name; commas within <> separate no names.
    depth, parts, last = 0, [], 0
    flat = re.sub(r"\{[^{}]*\}", lambda found: " " * len(found.group(0)), text)
    for at, letter in enumerate(flat):
        depth += letter in "<([{"
        depth -= letter in ">)]}" and flat[at - 1] != "-"
        if letter == "," and depth == 0:
            parts.append(flat[last:at])
            last = at + 1
    parts.append(flat[last:])
    names = []
    for part in parts:
        found = re.match(r"(.*?)(\w+)\s*(?:\[[^\]]*\]\s*)*(?::\s*\d+\s*)?(?:=.*)?$", part.strip())
        if not found:
            return "", []
        names.append((found.group(1), found.group(2)))
    kind = names[0][0].strip()
    return kind, [name for _, name in names]


def walk(code, begin, end, scope, comments, found, path, classes, of_class):
    """Goes over the declarations between begin and end. of_class: null outside classes, else its comment's words."""
    at = begin
    while at < end:
        if code[at].isspace() or code[at] in ";}":
            at += 1
            continue
        access = re.compile(r"(?:public|private|protected)\s*:(?!:)").match(code, at)
        if access:
            at = access.end()
            continue
        started = stop = at
        while stop < end and code[stop] not in ";{":
            if code[stop] == "(":
                stop = closing(code, stop, "()")
            stop += 1
        head = code[at:stop]
        first = code.count("\n", 0, at) + 1
        plain_head = " ".join(re.sub(r"\[\[.*?\]\]|\balignas\s*\((?:[^()]|\([^()]*\))*\)|\bHEDDLE_(?:API|DETAIL_BEGIN|DETAIL_END|BEGIN|END)\b", " ", head).split())
        untemplated = plain_head
        while untemplated.startswith("template"):
            open_at = untemplated.index("<")
            untemplated = untemplated[closing(untemplated, open_at, "<>") + 1:].strip()
            untemplated = re.sub(r"^requires\s+[\w:]+(?:<(?:[^<>]|<[^<>]*>)*>)?(?:\s*&&\s*[\w:]+(?:<[^<>]*>)?)*\s+(?=class|struct)", "", untemplated)
        if stop < end and code[stop] == "{":
            close = closing(code, stop, "{}")
            space = re.match(r"(?:inline\s+)?namespace\b\s*(\w*)|extern \"\s*\"$", untemplated)
            named = re.match(r"(?:class|struct|union)\s+(\w+(?:<.*?>)?)?", untemplated)
            if space:
                walk(code, stop + 1, close, scope, comments, found, path, classes, None)
                at = close + 1
                continue
            if named and "(" not in re.sub(r"<.*?>", "", untemplated) and not re.match(r"(?:class|struct)\s+\w+\s+\w+\s*$", untemplated):
                inner = (scope + "::" if scope else "") + (named.group(1) or "(unnamed)")
                classes.add(re.sub(r"<.*", "", named.group(1) or ""))
                column = at - code.rfind("\n", 0, at) - 1
                opened = code.count("\n", 0, stop) + 1
                walk(code, stop + 1, close, inner, comments, found, path, classes,
                     above(comments, first, column) + beside(comments, first, opened))
                tail = re.compile(r"\s*([^;{}]*);").match(code, close + 1)
                if tail and tail.group(1).strip() and of_class is not None:  # struct { ... } name;
                    for name in re.findall(r"\w+", re.sub(r"\[[^\]]*\]|=.*", "", tail.group(1))):
                        found.append(Member(scope, name, "class " + (named.group(1) or inner), "", f"{path}:{first}"))
                at = tail.end() if tail else close + 1
                continue
            # The body of a function may have local classes. A member with an initialiser in braces is none.
            after = re.compile(r"\s*[;,]").match(code, close + 1)
            is_field = of_class is not None and after and "(" not in re.sub(r"\([^()]*\*\s*(?:const\s+)?\w+\)\s*\(.*", "", untemplated) and not re.match(NO_DATA, untemplated)
            if not is_field:
                for local in re.finditer(r"\b(?:struct|class)\s+\w+[^;(){}=]*\{", code[stop + 1:close]):
                    start = stop + 1 + local.start()
                    ends = closing(code, stop + 1 + local.end() - 1, "{}")
                    walk(code, start, ends + 1, scope, comments, found, path, classes, None)
                at = close + 1
                continue
            while code[close] != ";":  # x{1}, y{2};
                close += 1
            head, stop = code[at:close], close
        at = stop + 1
        if of_class is None or re.match(NO_DATA, plain_head) or re.match(r"(?:class|struct|union)\s+\w+\s*$", plain_head) and not plain_head.split()[-1].islower():
            continue
        if re.match(r"(?:class|struct|union)\s+\w+$", plain_head):  # a declaration of a class
            continue
        kind, names = declarators(re.sub(r"^inline ", "", head))
        last = code.count("\n", 0, stop) + 1
        why = reason(beside(comments, first, last)) or reason(above(comments, first, started - code.rfind("\n", 0, started) - 1)) or reason(of_class)
        found.extend(Member(scope, name, kind, why, f"{path}:{first}") for name in names)


def files():
    for room in SHARED:
        for path in sorted([*(ROOT / room).rglob("*.hpp"), *(ROOT / room).rglob("*.cpp")]):
            parts = path.relative_to(ROOT).parts
            if "os" not in parts and "test" not in parts and path.name not in OTHER_WORLDS:
                yield path


def read():
    found, classes = [], set(OF_THE_WORLD)
    for path in files():
        code, comments = split(path.read_text())
        code = re.sub(r"\bHEDDLE_(?:DETAIL_)?(?:BEGIN|END)\b", blank, code)
        walk(code, 0, len(code), "", comments, found, path.relative_to(ROOT), classes, None)
    return found, classes


def class_of(kind):
    """The name of the class that a type is, without what it is made of; empty: a pointer."""
    if "*" in re.sub(r"<.*>", "", kind):
        return ""
    return re.sub(r"<.*", "", kind).split("::")[-1].strip()


def sort(member, classes):
    """Which kind of field it is: watched, ours, fixed or raw."""
    kind = member.kind
    if kind.endswith(("&", "& ")) or re.match(r"const\b[^*]*$", kind) or re.search(r"\*\s*const$|\bconst function", kind):
        return "fixed"
    watched = WATCHED.match(kind)
    if watched:
        return watched.group(1)
    return "class" if class_of(kind.replace("class ", "")) in classes else "raw"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    found, classes = read()
    count, wrong = collections.Counter(), []
    for member in found:
        how = sort(member, classes)
        why = member.why if how == "raw" else ""
        count[how, why] += 1
        if arguments.list:
            print(f"{member.where}: {member.scope}::{member.name}: {member.kind.strip()}: {how}{', ' + (why or 'no reason') if how == 'raw' else ''}")
        elif how == "raw" and not why:
            wrong.append(f"{member.where}: {member.scope}::{member.name} is neither atomic<> nor plain<>, and no comment says why")
    for text in wrong:
        print(text)
    kinds = ", ".join(f"{sum(n for (how, _), n in count.items() if how == kind)} {kind}" for kind in ("atomic", "plain", "statistic", "class", "fixed", "raw"))
    whys = ", ".join(f"{n} {why or 'without a reason'}" for (how, why), n in sorted(count.items()) if how == "raw")
    print(f"{len(found)} fields: {kinds}; of the raw ones {whys}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
