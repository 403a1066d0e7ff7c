#!/usr/bin/env python3
"""Which names does <heddle/heddle.hpp> give its users? All that namespace heddle declares, but for heddle::detail and macros of its own.

  names.py            compares them with docs/names.txt
  names.py --write    writes docs/names.txt

It also checks that <heddle/heddle.hpp> includes each public header, and that the headers declare nothing outside namespace heddle.
A name that appears or goes is a change of the interface: it belongs into docs/names.txt and CHANGELOG.md in the same commit.
Exit status: 0 they agree, 1 not so, 2 wrong usage.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "names.txt"
FOLDERS = [word for room in ("queues", "sched", "runtime") for word in ("-I", str(ROOT / room / "include"))]
# What a declaration may say of itself before its name.
WORDS = {"referenced", "used", "implicit", "invalid", "constexpr", "class", "struct", "union", "enum", "inline"}


def declared():
    """The names, each with the kind that clang gives it."""
    command = ["clang++-14", "-std=c++20", *FOLDERS, "-x", "c++", "-fsyntax-only", "-fno-color-diagnostics", "-Xclang", "-ast-dump",
               "-Xclang", "-ast-dump-filter=heddle", "-"]
    done = subprocess.run(command, input="#include <heddle/heddle.hpp>\n", capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    names = set()
    inside = False  # a dump of namespace heddle itself, not of something of std that mentions it
    spills = False  # in an enum whose enumerators are names of the namespace
    for line in done.stdout.splitlines():
        if line.startswith("Dumping "):
            inside = line == "Dumping heddle:"
        depth = re.match(r"^[ |`]*-", line)
        if not inside or not depth:
            continue
        level = len(depth.group(0)) // 2
        kind, _, rest = line[depth.end():].partition(" ")
        if level <= 2:
            spills = kind == "EnumDecl" and not re.search(r" (class|struct) ", rest)
        elif level == 3 and kind == "EnumConstantDecl" and spills:
            level = 2
        if level > 2 or not kind.endswith("Decl") or "Specialization" in kind or kind in ("FriendDecl", "CXXDeductionGuideDecl"):
            continue
        # The place where it stands is `line:4:7` or `col:7` or `FILE:4:7`, right before the words and the name.
        said = re.search(r"> (?:(?:\S+:)?\d+:\d+|col:\d+) (.*)", rest)
        name = next((word for word in (said.group(1) if said else "").split() if word not in WORDS), "")
        if level == 1:  # the inline namespace of the version, or what stands outside it
            if kind != "NamespaceDecl":
                names.add(f"(outside the versioned namespace) {name}")
            continue
        if kind == "NamespaceDecl" and name == "detail":
            continue
        # A friend of a class, or a guide to deduce its arguments, has a name of its own only where it is declared outside.
        if name and not name.startswith("<deduction"):
            names.add(name)
    return names


def macros():
    command = ["clang++-14", "-std=c++20", *FOLDERS, "-x", "c++", "-dM", "-E", "-"]
    def of(text):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        return {re.split(r"[ (]", line[len("#define "):])[0] for line in done.stdout.splitlines()}
    std = set(re.findall(r"#include (<[a-z_]+>)", "".join(path.read_text() for room in ("queues", "sched", "runtime")
                                                          for path in (ROOT / room / "include").rglob("*.hpp"))))
    return of("#include <heddle/heddle.hpp>\n") - of("".join(f"#include {name}\n" for name in sorted(std)))


def faults():
    """What makes the list less than all that users get."""
    found = []
    umbrella = (ROOT / "runtime/include/heddle/heddle.hpp").read_text()
    for room in ("queues", "sched", "runtime"):
        folder = ROOT / room / "include"
        for path in sorted(folder.rglob("*.hpp")):
            name = str(path.relative_to(folder))
            if name.count("/") == 1 and name != "heddle/heddle.hpp" and f'#include "{name}"' not in umbrella:
                found.append(f"heddle/heddle.hpp does not include {name}")
            code = re.sub(r"//.*", "", path.read_text())
            code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", code, flags=re.MULTILINE)
            code = re.sub(r"HEDDLE(?:_DETAIL)?_BEGIN.*?HEDDLE(?:_DETAIL)?_END", "", code, flags=re.DOTALL).strip()
            if code:
                found.append(f"{name} declares something outside namespace heddle: {code.splitlines()[0]}")
    return found


def page():
    return "".join(f"{name}\n" for name in sorted(declared())) + "".join(f"{name}  (macro)\n" for name in sorted(macros()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    found = page()
    major, minor = (re.search(rf"HEDDLE_VERSION_{part} (\d+)", (ROOT / "runtime/include/heddle/version.hpp").read_text()).group(1)
                    for part in ("MAJOR", "MINOR"))
    abi = set(re.findall(r"#define HEDDLE_ABI (\w+)", (ROOT / "queues/include/heddle/detail/world.hpp").read_text()))
    if abi != {f"v{major}_{minor}{suffix}" for suffix in ("", "_asan", "_tsan")}:
        print(f"HEDDLE_ABI in heddle/detail/world.hpp is not v{major}_{minor}, as heddle/version.hpp has it, with _asan or _tsan or alone")
        return 1
    wrong = faults()
    for text in wrong:
        print(text)
    if arguments.write and not wrong:
        PAGE.write_text(found)
        return 0
    listed = PAGE.read_text() if PAGE.exists() else ""
    new, gone = (sorted(set(a.splitlines()) - set(b.splitlines())) for a, b in ((found, listed), (listed, found)))
    for name in new:
        print(f"the headers declare {name}, and docs/names.txt does not list it")
    for name in gone:
        print(f"docs/names.txt lists {name}, and no header declares it")
    print(f"{len(found.splitlines())} public names: {'as listed' if not new and not gone else 'not as listed'}")
    return 1 if new or gone or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
