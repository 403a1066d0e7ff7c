#!/usr/bin/env python3
"""Tests the pages (*.md that git knows) of this repository, and the words of comments. Prints one line for each fault; exit status 1 if there is one.

- Each block of C++ in docs/tutorial.md is, to the byte, a part of a program in docs/tutorial/, and each of its programs is
  shown; each block of text there is a part of what such a program prints (its .expected).
- The program of README.md is examples/hello.cpp.
- Each relative link leads to a file or folder that is in the repository, and each anchor to a heading. Links are written
  [text](target), with a title or without; other forms are faults, because nothing here would follow them.
- Each command `./dev NAME` that a page names is one of dev's.
- Each file that a page names as `folder/file.ext` is there, by that path or by the end of its path.
- Threads, goroutines, timers and all other things are "it": no page says he, him, his or whoever of them, nor does a
  comment of the C++ sources.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
# Pages that ./dev evidence writes from the comments of the source; the words there are the source's.
GENERATED = {"docs/memory_orders.md", "docs/invariants.md"}
# "who" is for people.
PEOPLE = r"(?:reader|readers|user|users|people|person|engineers?|programmers?|authors?|maintainers?|contributors?|you|those|anyone)"
PERSONS = re.compile(r"\b(he|him|his|himself|she|her|hers|whoever|whomever|whom|somebody|someone|nobody|everybody|everyone|anybody)\b",
                     re.IGNORECASE)
WHO = re.compile(r"\b(who)\b", re.IGNORECASE)
faults = []


def fault(page, line, what):
    faults.append(f"{page.relative_to(ROOT)}:{line}: {what}")


def files(*patterns):
    """The files of these names that git tracks, or all of them where there is no git."""
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout.split("\n")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for pattern in patterns for p in ROOT.rglob(pattern) if "build" not in p.relative_to(ROOT).parts]
    return sorted(p for p in set(found) if p.is_file())


def blocks(text):
    """The fenced blocks of a page: (line of the first line, language, contents)."""
    found, inside, start, language, lines = [], None, 0, "", []
    for number, line in enumerate(text.split("\n"), 1):
        fence = re.match(r"\s*(```+|~~~+)\s*(\w*)", line)
        if inside is None and fence:
            inside, start, language, lines = fence.group(1), number + 1, fence.group(2), []
        elif inside is not None and line.strip().startswith(inside):
            found.append((start, language, "\n".join(lines) + "\n"))
            inside = None
        elif inside is not None:
            lines.append(line)
    return found


def prose(text):
    """The page with its fenced blocks and its code spans blanked, so that line numbers stay."""
    out, inside = [], None
    for line in text.split("\n"):
        fence = re.match(r"\s*(```+|~~~+)", line)
        if inside is None and fence:
            inside = fence.group(1)
            out.append("")
        elif inside is not None:
            if line.strip().startswith(inside):
                inside = None
            out.append("")
        elif line.startswith("    ") and (not out or out[-1] == "" or out[-1].startswith("\0")):
            out.append("\0")  # an indented block
        else:
            out.append(re.sub(r"`[^`]*`", lambda m: " " * len(m.group(0)), line))
    return [line.replace("\0", "") for line in out]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    seen, found, inside = {}, set(), None
    for line in page.read_text(encoding="utf-8").split("\n"):
        fence = re.match(r"\s*(```+|~~~+)", line)
        if inside is None and fence:
            inside = fence.group(1)
        elif inside is not None:
            if line.strip().startswith(inside):
                inside = None
        elif heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
            slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.add(slug if count == 0 else f"{slug}-{count}")
    return found


def check_links(page, lines, there):
    for number, line in enumerate(lines, 1):
        if re.search(r"<(a|img)\s|^\s*\[[^\]]+\]:\s|\]\[[^\]]+\]", line):
            fault(page, number, "write the link as [text](target)")
        for target in re.findall(r"\]\(([^)\s]+)(?:\s+[^)]*)?\)", line):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            to = (page.parent / name).resolve() if name else page
            if to not in there:
                fault(page, number, f"the link {target} leads nowhere")
            elif anchor and (to.suffix != ".md" or anchor not in anchors(to)):
                fault(page, number, f"the link {target} leads to no heading")


def check_names(page, text, known):
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:cpp|hpp|S|py|md|txt|sh|json))`", line):
            if name.startswith(("build/", ".github/")):
                continue
            if not (page.parent / name).exists() and not any(("/" + path).endswith("/" + name) for path in known):
                fault(page, number, f"there is no file {name}")


def check_commands(page, text):
    known = re.search(r"^  ([a-z |]+)\) \"cmd_", (ROOT / "dev").read_text(encoding="utf-8"), re.MULTILINE).group(1).split(" | ")
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r"(?:`|^\s*|run: )\./dev ([\w-]+)", line):
            if name not in known and not name.isupper():
                fault(page, number, f"there is no command ./dev {name}")


def check_words(page, lines):
    for number, line in enumerate(lines, 1):
        for word in PERSONS.findall(line) + WHO.findall(re.sub(PEOPLE + r",? who\b", "", line, flags=re.IGNORECASE)):
            fault(page, number, f'"{word}": say which thread, goroutine or party it is')


def comments(text):
    """The comments of a C++ source, without the `names` in them, and with the code between them blanked."""
    code = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text).replace("/*", "//")
    return [re.sub(r"`[^`]*`", "", line.partition("//")[2]) for line in code.split("\n")]


def check_comments():
    for source in files("*.cpp", "*.hpp"):
        check_words(source, comments(source.read_text(encoding="utf-8")))


def check_tutorial():
    folder = TUTORIAL.parent / "tutorial"
    programs = {p: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.cpp"))}
    outputs = {p: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.expected"))}
    for p in programs:
        if p.with_suffix(".expected") not in outputs:
            fault(p, 1, "the program has no .expected")
    shown = set()
    for number, language, text in blocks(TUTORIAL.read_text(encoding="utf-8")):
        if language == "cpp":
            found = [p for p, source in programs.items() if ("\n" + text) in ("\n" + source)]
            shown.update(found)
            if not found:
                fault(TUTORIAL, number, "this block is no part of a program in docs/tutorial/")
        elif language == "text" and not any(("\n" + text) in ("\n" + out) for out in outputs.values()):
            fault(TUTORIAL, number, "this block is no part of what a program in docs/tutorial/ prints")
    for p in programs:
        if p not in shown:
            fault(p, 1, "the tutorial does not show this program")


def check_readme():
    shown = [text for _, language, text in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if language == "cpp"]
    if shown != [(ROOT / "examples" / "hello.cpp").read_text(encoding="utf-8")]:
        fault(ROOT / "README.md", 1, "its program is not examples/hello.cpp")


def main():
    found = files("*.md")
    known = [str(p.relative_to(ROOT)) for p in files("*.cpp", "*.hpp", "*.S", "*.py", "*.md", "*.txt", "*.sh", "*.json")]
    there = {ROOT, *files("*")}
    there |= {folder for path in there for folder in path.parents if ROOT in folder.parents}
    for page in found:
        text = page.read_text(encoding="utf-8")
        lines = prose(text)
        check_links(page, lines, there)
        check_names(page, text, known)
        check_commands(page, text)
        if str(page.relative_to(ROOT)) not in GENERATED:
            check_words(page, lines)
    check_readme()
    check_tutorial()
    check_comments()
    for line in faults:
        print(line)
    print(f"{len(found)} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
