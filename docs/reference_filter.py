#!/usr/bin/env python3
"""reference_filter.py FILE: what doxygen reads instead of FILE (docs/Doxyfile, INPUT_FILTER).

The headers are written for readers, in plain // comments. This makes of them what doxygen understands:

- the // block directly above a declaration, or behind one on its line, documents it; declarations that follow it without a
  blank line and without a comment share it;
- "Caller: ... Blocks: ... Errors: ..." become paragraphs with a title, and indented lines become code;
- copy and move, and the members that the C++ library gives a meaning, need no comment;
- namespace detail, and what is not public, are left out.

Of pages (*.md) the links become doxygen's, those that lead out of the reference plain text.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- headers

TITLES = "Caller|Blocks|Ordering|Errors|Cost|Owns|Returns|Source"
TITLE = re.compile(rf"(?:^|(?<=[.;:)] ))((?:{TITLES})(?:, (?:{TITLES.lower()}))*|stack_size|where): ")
# What members of these names are, in the C++ library or in another class of heddle.
KNOWN = {
    "value_type": "The type of the values.",
    "difference_type": "As of every iterator.",
    "iterator_category": "As of every iterator.",
    "operator*": "The value.",
    "operator->": "The value.",
    "operator++": "Goes on to the next value.",
    "operator==": "Whether both are the same, or both at the end.",
    "begin": "For range-for.",
    "end": "For range-for.",
    "current": "The place of the call.",
    "is_nil": "As chan::is_nil.",
    "size": "As chan::size.",
    "capacity": "As chan::capacity.",
    "receives": "True if a case of a select can receive from it.",
    "sends": "True if a case of a select can send on it.",
}


def escape(text):
    return re.sub(r"[<>@\\#%]", lambda m: "\\" + m.group(0), text)


def sentence(text):
    """Begins with a capital letter, but for names."""
    return text if re.match(r"\w+(::|_)", text) else text[:1].upper() + text[1:]


def render(lines, indent):
    """The text lines of one comment as a doxygen comment."""
    out, paragraph, code = [], [], []

    def end_paragraph():
        text = " ".join(paragraph)
        paragraph.clear()
        if not text:
            return
        parts = TITLE.split(text)
        if parts[0].strip():
            out.extend([escape(sentence(parts[0].strip())), ""])
        for title, body in zip(parts[1::2], parts[2::2]):
            out.extend([f"@par {title}", escape(sentence(body.strip())), ""])

    def end_code():
        if code:
            out.extend(["@code{.cpp}", *code, "@endcode", ""])
            code.clear()

    for line in lines:
        text = line[1:] if line.startswith(" ") else line
        if text.startswith("  "):
            end_paragraph()
            code.append(text[2:])
        else:
            end_code()
            if text.strip():
                paragraph.append(text.strip())
            else:
                end_paragraph()
    end_paragraph()
    end_code()
    while out and not out[-1]:
        out.pop()
    return [f"{indent}/// {line}".rstrip() for line in out]


class Header:
    def __init__(self, path):
        self.path = path
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.out = []
        self.scopes = []  # of each open brace: (kind, name, is public)

    def kind(self):
        return self.scopes[-1][0] if self.scopes else "namespace"

    def run(self):
        lines, out = self.lines, self.out
        self.skip_detail()
        i = self.file_comment()
        comment, shared, each_of = [], None, None
        while i < len(lines):
            line = lines[i]
            stripped = line.strip()
            indent = line[:len(line) - len(line.lstrip())]
            if stripped.startswith("//"):
                comment.append(stripped[2:])
                i += 1
                continue
            if not stripped:
                comment, shared = [], None
                out.append(line)
                i += 1
                continue
            if stripped.startswith("#") or re.match(r"(public|private|protected):", stripped):
                if stripped.startswith("#define") and comment:
                    out.extend(render(comment, indent))
                comment, shared = [], None
                if stripped.startswith("pr") or stripped.startswith("pu"):
                    self.access(stripped.split(":")[0])
                out.append(line)
                i += 1
                continue
            if stripped in ("HEDDLE_BEGIN", "HEDDLE_END"):
                out.append("namespace heddle {" if stripped == "HEDDLE_BEGIN" else "}")
                comment, shared = [], None
                i += 1
                continue
            if stripped.startswith("}"):
                if all(public for _, _, public in self.scopes[:-1]):
                    out.append(line)
                if self.kind() != "body":
                    shared = None
                self.count_braces([line], None)
                comment = []
                i += 1
                continue
            if self.kind() == "body" or not self.is_public():
                end = self.declaration_end(i)
                if self.is_public():
                    out.extend(lines[i:end])
                self.count_braces(lines[i:end], "\n".join(lines[i:end]))
                comment = []
                i = end
                continue
            if flags := re.match(r"( *static constexpr bool )(\w+ = \w+), (\w+ = \w+;)", line):
                lines[i:i + 1] = [f"{flags.group(1)}{flags.group(2)};", flags.group(1) + flags.group(3)]
                continue
            # A declaration, up to its ; or {
            end = self.declaration_end(i)
            text = "\n".join(lines[i:end])
            name = self.name_of(text)
            trailing = re.match(r"(.*[;,{}])\s+//(.*)$", lines[end - 1])
            opens_class = re.match(r"\s*(template\s*<.*>\s*)?(requires\s.*\n\s*)?(class|struct|enum class|enum|union)\s+\w+", text)
            if re.match(r"friend (class|struct) |namespace ", stripped):
                out.extend(lines[i:end])
            elif comment:
                rendered = render(comment, indent)
                if opens_class:
                    each = re.search(r"Each call is that of (\w+)", " ".join(comment))
                    each_of = each.group(1) if each else None
                out.extend(rendered)
                out.extend(lines[i:end])
                shared = comment if not opens_class else None
            elif trailing and not opens_class:
                documented, more = [trailing.group(2)], end
                while more < len(lines) and re.match(rf"\s{{{max(len(indent) + 4, 6)},}}//", lines[more]):
                    documented.append(lines[more].strip()[2:])
                    more += 1
                out.extend(render(documented, indent))
                out.extend([*lines[i:end - 1], trailing.group(1)])
                self.count_braces(lines[i:end], text)
                i, comment = more, []
                continue
            else:
                made = self.by_itself(text, name)
                if made is None and shared is not None:
                    out.extend(render(shared, indent))
                elif made is None and each_of is not None and self.kind() == "class":
                    made = f"As {each_of}::{name}."
                if made is not None:
                    out.append(f"{indent}/// {made}")
                out.extend(lines[i:end])
            self.count_braces(lines[i:end], text)
            comment = []
            i = end

    def skip_detail(self):
        """Blanks namespace detail."""
        inside = False
        for i, line in enumerate(self.lines):
            if re.match(r"namespace detail \{", line):
                inside = True
            ends = line.startswith("}") and (line.rstrip().endswith("// namespace detail"))
            if inside:
                self.lines[i] = ""
            if ends:
                inside = False

    def file_comment(self):
        """The comment below #pragma once; returns the line after it."""
        i = 0
        while i < len(self.lines) and (self.lines[i].startswith("#pragma once") or not self.lines[i].strip()):
            self.out.append(self.lines[i])
            i += 1
        comment = []
        while i < len(self.lines) and self.lines[i].startswith("//"):
            comment.append(self.lines[i][2:])
            i += 1
        if not comment:
            comment = [f" What #include <heddle/{self.path.name}> declares."]
        self.out.extend(["/// @file", *render(comment, "")])
        return i

    def access(self, word):
        if self.scopes:
            kind, name, _ = self.scopes[-1]
            self.scopes[-1] = (kind, name, word == "public")

    def is_public(self):
        return all(public for _, _, public in self.scopes)

    def declaration_end(self, i):
        """The line after the one that ends the declaration that begins on line i: by ; or by an open or closed {."""
        depth = 0
        for n in range(i, len(self.lines)):
            code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', '""', self.lines[n])
            code = re.sub(r"//.*", "", code).rstrip()
            depth += code.count("(") - code.count(")")
            if depth <= 0 and (code.endswith(";") or code.endswith("{") or code.endswith("}") or code.endswith("},")):
                return n + 1
        return len(self.lines)

    def count_braces(self, lines, text):
        """Follows the braces of these lines; text: the declaration that opens the first, if it is one."""
        for line in lines:
            code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', '""', line)
            code = re.sub(r"//.*", "", code)
            for c in code:
                if c == "{":
                    kind, name, public = "body", "", True
                    declared = text and re.match(r"\s*(?:template\s*<.*>\s*)?(?:requires[^\n]*\n\s*)?(class|struct|namespace)\s+(\w+)", text)
                    if declared and self.kind() != "body":
                        kind = "namespace" if declared.group(1) == "namespace" else "class"
                        name, public = declared.group(2), declared.group(1) != "class"
                        text = None
                    self.scopes.append((kind, name, public))
                elif c == "}" and self.scopes:
                    self.scopes.pop()

    @staticmethod
    def name_of(text):
        operator = re.search(r"\boperator\s*([^\s(]+|\(\))\s*\(", text)
        if operator:
            return "operator" + operator.group(1)
        flat = re.sub(r"\s+", " ", text)
        using = re.match(r"\s*(?:template ?<.*?> ?)?using (\w+)", flat)
        if using:
            return using.group(1)
        call = re.search(r"([~\w]+)\s*\(", re.sub(r"(requires|decltype|noexcept|explicit)\s*\(", " ", flat))
        if call:
            return call.group(1)
        data = re.findall(r"(\w+)\s*(?:=[^=]|;)", flat)
        return data[0] if data else ""

    def by_itself(self, text, name):
        """What need not be said in the header."""
        owner = self.scopes[-1][1] if self.kind() == "class" else None
        if name.endswith("_arg"):
            return f"What {name[:-4]} gets as its first argument."
        flat = re.sub(r"\s+", " ", text.strip())
        if owner is not None:
            if "= delete" in flat:
                return "There is none: it cannot be copied."
            if re.match(rf"{owner}\(const {owner} &", flat):
                return "Copies it."
            if re.match(rf"{owner}\({owner} &&", flat):
                return "Moves it."
            if re.match(rf"(explicit )?{owner}\(", flat):
                return "Makes one, as the class says."
            if name == "operator=":
                return "Assigns it."
            if name == f"~{owner}":
                return "Destroys it."
        return KNOWN.get(name)


# ---------------------------------------------------------------- pages


def page_id(path):
    if path == ROOT / "README.md":
        return "index"
    name = str(path.relative_to(ROOT).with_suffix(""))
    return "page_" + re.sub(r"\W", "_", name)


def slug(title):
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def page(path, pages):
    out, fence = [], False

    def link(m):
        text, target = m.group(1), m.group(2)
        if re.match(r"[a-z]+:", target):
            return m.group(0)
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        if to not in pages:
            return text
        ref = page_id(to) if not anchor else f"{page_id(to)}_{anchor}".replace("-", "_")
        return f"[{text}](@ref {ref})"

    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("```"):
            fence = not fence
            line = re.sub(r"^```(cpp|cmake|text|yaml)?$", lambda m: "```" if not m.group(1) else f"```{{.{m.group(1)}}}", line)
            line = line.replace("{.text}", "{.unparsed}").replace("{.cmake}", "{.unparsed}").replace("{.yaml}", "{.unparsed}")
        elif not fence:
            heading = re.match(r"(#+)\s+(.*)$", line)
            if heading and heading.group(1) == "#":
                line = f"# {heading.group(2)} {{#{'mainpage' if page_id(path) == 'index' else page_id(path)}}}"
            elif heading:
                line = f"{heading.group(1)} {heading.group(2)} {{#{page_id(path)}_{slug(heading.group(2)).replace('-', '_')}}}"
            else:
                line = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, line)
                # doxygen takes `...' for a quotation
                line = re.sub(r"(?<!`)`([^`]*'[^`]*)`(?!`)", r"``\1``", line)
        out.append(line)
    return "\n".join(out)


def inputs():
    """The pages that the Doxyfile names."""
    text = (ROOT / "docs" / "Doxyfile").read_text(encoding="utf-8")
    return {(ROOT / name).resolve() for name in re.findall(r"[\w./]+\.md", text)}


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    if path.suffix == ".md":
        sys.stdout.write(page(path, inputs()))
        return
    if path.suffix != ".hpp":
        sys.stdout.write(path.read_text(encoding="utf-8"))
        return
    header = Header(path)
    header.run()
    sys.stdout.write("\n".join(header.out))


if __name__ == "__main__":
    main()
