#!/usr/bin/env python3
"""What a failure looks like to people. Usage: explain_test.py VERIFY [unittest arguments]"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

VERIFY = ""
SVG = "{http://www.w3.org/2000/svg}"


def verify(*arguments, columns=120):
    environment = dict(os.environ, COLUMNS=str(columns))
    return subprocess.run([VERIFY, *arguments], capture_output=True, text=True, env=environment, timeout=120)


def red_tokens():
    """The first failing execution of every suite that must fail."""
    listed = [line.split()[0] for line in verify("--list").stdout.splitlines() if re.search(r"  red  ", line)]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "out.json"
        verify("--json", str(file), *[part for name in listed for part in ("--filter", name)])
        rows = json.loads(file.read_text())["rows"]
    return {row["suite"] + " " + row["mode"]: row["token"] for row in rows}


def told_token(text):
    return re.search(r"^replay: \./dev verify --replay (\S+)$", text, re.M).group(1)


def broken(text):
    """The verdict and the condition, without the token."""
    first = text.splitlines()[0].split(": ", 1)[1]
    return first, re.findall(r"^(?:broken|condition): .*", text, re.M)


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tokens = red_tokens()
        cls.texts = {name: verify("--replay", token).stdout for name, token in cls.tokens.items()}

    def each(self):
        for name, token in self.tokens.items():
            with self.subTest(name):
                yield token, self.texts[name]

    def test_there_are_red_suites(self):
        self.assertIn("canary.relaxed_flag random", self.tokens)

    def test_twice_the_same_text(self):
        for token, text in self.each():
            self.assertEqual(verify("--replay", token).stdout, text)

    def test_the_shortened_execution_fails_alike(self):
        for _, text in self.each():
            again = verify("--replay", told_token(text))
            self.assertEqual(again.returncode, 1)
            self.assertEqual(broken(again.stdout), broken(text))
            self.assertEqual(told_token(again.stdout), told_token(text))

    def test_shorter_is_not_more_switches(self):
        found = 0
        for _, text in self.each():
            for before, after in re.findall(r"^shortened from .* (\d+) switch\w* to .* (\d+) switch\w*$", text, re.M):
                found += 1
                self.assertLessEqual(int(after), int(before))
        self.assertGreater(found, 0)

    def test_as_found(self):
        for token, _ in self.each():
            text = verify("--no-shrink", "--replay", token).stdout
            self.assertEqual(told_token(text), token)
            self.assertNotIn("shortened", text)

    def test_no_address_and_no_absolute_path(self):
        for token, text in self.each():
            whole = verify("--full-history", "--no-shrink", "--replay", token).stdout
            for told in (text, whole):
                self.assertNotRegex(told, r"0x[0-9a-f]{4,}|\d{13,}")
                self.assertNotRegex(told, r"(^|[\s(])/\w")

    def test_objects_have_names(self):
        for _, text in self.each():
            self.assertNotRegex(text, r"@\d+\.(load|store|exchange|CAS|get|set)")

    def test_width(self):
        for token, _ in self.each():
            for columns in (80, 140):
                told = verify("--replay", token, columns=columns).stdout.split("\n\n")
                for line in told[1].splitlines():
                    self.assertLessEqual(len(line), columns)

    def test_the_canary_races(self):
        text = self.texts["canary.relaxed_flag random"]
        self.assertRegex(text, r"payload\.get\(\) +RACE: no order with step 1")
        self.assertRegex(text, r"flag\.load\(acquire\) = 1 +<- 2")

    def test_stale_loads_are_marked(self):
        text = self.texts["litmus.asym_light_both random"]
        self.assertRegex(text, r"place\[[01]\]\.load\(relaxed\) = 0 +STALE: the newest is 1, step \d+")

    def test_invariant_in_words(self):
        text = self.texts["runq.kick_window random"]
        self.assertIn("broken: I21: runqempty is never true of a queue", text)

    def test_unknown_tokens(self):
        for path in ("path-x", "path-0.1", "path-0.1to1_", "path-64.0to1", "path-0.1old", "nothing-1"):
            self.assertEqual(verify("--replay", "canary.relaxed_flag:" + path).returncode, 2, path)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {}
        for name, token in red_tokens().items():
            with tempfile.TemporaryDirectory() as folder:
                text = verify("--replay", token, "--html", folder).stdout
                (file,) = pathlib.Path(folder).iterdir()
                cls.pages[name] = file.read_text(), text.replace(folder, "")

    def drawing(self, name):
        page, _ = self.pages[name]
        return xml.etree.ElementTree.fromstring(page[page.rindex("<svg xmlns") : page.rindex("</svg>") + 6])

    def of_class(self, name, tag, kind):
        return [e for e in self.drawing(name).iter(SVG + tag) if kind in e.get("class", "").split()]

    def test_a_lane_for_each_thread(self):
        for name, (_, text) in self.pages.items():
            with self.subTest(name):
                titles = [e.find(SVG + "text").text for e in self.of_class(name, "g", "lane")]
                self.assertGreater(len(titles), 1)
                for title in titles:
                    self.assertIn(title.split(" (")[0], text)

    def test_steps_are_those_of_the_timeline(self):
        for name, (_, text) in self.pages.items():
            with self.subTest(name):
                rows = re.findall(r"^ *\d+ +(?:\S+:\d+)? .*", text, re.M)
                self.assertEqual(len(self.of_class(name, "g", "step")), len(rows))

    def test_arrows(self):
        self.assertTrue(self.of_class("runq.kick_window random", "path", "arrow"))
        self.assertTrue(self.of_class("canary.relaxed_flag random", "path", "races"))
        self.assertTrue(self.of_class("litmus.asym_light_both random", "path", "missed"))

    def test_self_contained(self):
        for name, (page, _) in self.pages.items():
            with self.subTest(name):
                self.assertNotRegex(page.replace("http://www.w3.org/2000/svg", ""), r"https?:|<script|<link|src=|@import|url\(")
                self.assertNotRegex(page, r"0x[0-9a-f]{4,}|\d{13,}")
                self.assertIn("prefers-color-scheme: dark", page)
                self.assertIn("--replay " + name.split()[0] + ":", page)


if __name__ == "__main__":
    VERIFY = sys.argv.pop(1)
    unittest.main()
