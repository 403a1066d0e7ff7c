"""Runs a plan of checks one after the other: says how long it takes, shows how far it is, counts, and tells where the time went."""

import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"


class Failed(Exception):
    """Ends a step; the text says why."""


def in_words(seconds):
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min"


class Step:
    """One row of the plan. `work` is called with the run, and says what it does through it.

    `seconds` is what it takes on two idle cores; it serves the estimates only.
    """

    def __init__(self, name, seconds, work, deep=False):
        self.name = name
        self.seconds = seconds
        self.work = work
        self.deep = deep  # part of --all only
        self.build = 0.0
        self.run = 0.0
        self.processor = 0.0  # seconds of processors, which a busy machine changes little
        self.passed = 0
        self.failed = 0
        self.result = ""


class Run:
    def __init__(self, steps, within=None):
        self.steps = steps
        self.within = within
        self.start = time.monotonic()
        self.step = None
        self.told = []
        self.terminal = sys.stderr.isatty()
        self.left_out = []

    # --- what a step calls ---

    def count(self, passed, failed=0):
        self.step.passed += passed
        self.step.failed += failed

    def tell(self, text):
        """What the line of the step says beside its name."""
        self.told.append(text)

    def command(self, command, log, kind="run", done=None, env=None, cwd=ROOT, stdin=None):
        """Runs a command, its output in build/LOG. `done` finds in the output how far it is: (so many, of so many).

        Returns its exit status.
        """
        path = BUILD / log
        path.parent.mkdir(parents=True, exist_ok=True)
        started, before = time.monotonic(), processor_time()
        with path.open("w", encoding="utf-8") as out:
            process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=out, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
            try:
                while True:
                    try:
                        process.wait(timeout=0.5)
                        break
                    except subprocess.TimeoutExpired:
                        self.show(kind, done(path.read_text(errors="replace")) if done and self.terminal else None)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        took = time.monotonic() - started
        self.step.processor += processor_time() - before
        if kind == "build":
            self.step.build += took
        else:
            self.step.run += took
        return process.returncode

    def build(self, preset, targets=(), options=()):
        """Configures once, then builds."""
        folder = BUILD / preset
        if not (folder / "build.ninja").exists():
            if self.command(["cmake", "--preset", preset, *options], f"{preset}.log", "build") != 0:
                raise Failed(f"cmake --preset {preset} failed\n" + tail(BUILD / f"{preset}.log", 40))
        command = ["cmake", "--build", "--preset", preset]
        if targets:
            command += ["--target", *targets]
        if self.command(command, f"{preset}.log", "build", ninja_done) != 0:
            lines = (BUILD / f"{preset}.log").read_text(errors="replace").splitlines()
            shown = [i for i, line in enumerate(lines) if re.search("error|warning|FAILED", line)]
            near = sorted({j for i in shown for j in range(i, min(i + 5, len(lines)))})[:60]
            raise Failed("\n".join([f"the build of {preset} failed; the whole log: build/{preset}.log"] + [lines[j] for j in near]))

    def ctest(self, preset, arguments=(), log=None):
        """Counts the tests of a preset one by one."""
        log = log or f"{preset}.ctest.log"
        command = ["ctest", "--test-dir", BUILD / preset, "-j", str(os.cpu_count()), "--output-on-failure", *arguments]
        status = self.command(command, log, "run", ctest_done)
        text = (BUILD / log).read_text(errors="replace")
        good = len(re.findall(r"^ *\d+/\d+ Test .* Passed ", text, re.MULTILINE))
        bad = len(re.findall(r"^ *\d+/\d+ Test .*(?:\*\*\*|Failed|Timeout|Exception)", text, re.MULTILINE))
        if good == 0 or status != 0:  # ctest may also end before its last test
            bad = max(bad, 1)
        self.count(good, bad)
        self.tell(f"{good} of {good + bad} tests" if bad else f"{good} tests")
        if bad:
            rest = [line for line in text.splitlines() if not re.match(r" *(Start|\d+/\d+ Test .* Passed )", line)]
            self.say("\n".join(rest[-80:]) + f"\nthe whole log: build/{log}")

    def junit(self, command, log, report, name, done=None):
        """A tool that writes a JUnit report; each test case counts."""
        path = BUILD / report
        path.unlink(missing_ok=True)
        status = self.command([*command, "--junit", path], log, "run", done)
        text = path.read_text(errors="replace") if path.exists() else ""
        runs = text.count("<testcase ")
        bad = len(re.findall(r"<(?:failure|error)[ >]", text))
        if (status != 0 or runs == 0) and bad == 0:
            bad, runs = 1, max(runs, 1)
        self.count(runs - bad, bad)
        out = (BUILD / log).read_text(errors="replace").strip().splitlines()
        self.tell(f"{name}: {bad} of {runs} failed" if bad else f"{name}: {out[-1] if out else runs}")
        if bad:
            rest = [line for line in out if not re.search(r": (pass|failed as it must|killed)", line)]
            self.say("\n".join(rest[-80:]) + f"\nthe whole log: build/{log}")

    def check(self, command, log, name, **more):
        """A command that counts as one check."""
        good = self.command(command, log, **more) == 0
        self.count(int(good), int(not good))
        if not good:
            self.tell(f"{name} failed")
            self.say(tail(BUILD / log, 60) + f"\nthe whole log: build/{log}")
        return good

    # --- showing ---

    def say(self, text):
        if self.terminal:
            sys.stderr.write("\r\033[K")
        print(text, file=sys.stderr, flush=True)

    def elapsed(self):
        return time.monotonic() - self.start

    def pace(self):
        """How much slower than expected this machine is."""
        over = [s for s in self.steps if s.result in ("ok", "FAIL")]
        expected = sum(s.seconds for s in over)
        if expected < 30:
            return 1.0
        return min(max(sum(s.build + s.run for s in over) / expected, 0.3), 10)

    def left(self):
        rest = [s for s in self.steps if not s.result and s is not self.step]
        current = 0
        if self.step:
            current = max(self.step.seconds * self.pace() - (time.monotonic() - self.step_start), 2)
        return sum(s.seconds for s in rest) * self.pace() + current

    def show(self, kind, done):
        if not self.terminal:
            return
        expected = sum(s.seconds for s in self.steps)
        share = 1 - min(self.left() / (self.left() + self.elapsed()), 1) if expected else 1
        bar = ("#" * int(share * 20)).ljust(20, ".")
        far = f" {done[0]}/{done[1]}" if done else ""
        sys.stderr.write(f"\r\033[K[{bar}] {self.step.name}: {kind}{far} - {in_words(self.left())} left")
        sys.stderr.flush()

    # --- the whole ---

    def go(self):
        expected = sum(s.seconds for s in self.steps)
        limit = f", at most {in_words(self.within)}" if self.within else ""
        self.say(f"{len(self.steps)} steps, about {in_words(expected)} on two idle cores{limit}; this machine has {os.cpu_count()}")
        for step in self.steps:
            if self.within and step.deep and self.elapsed() + step.seconds * self.pace() > self.within:
                step.result = "left out"
                self.left_out.append(step.name)
                self.say(f"      {step.name}: left out, it does not fit in what is left of {in_words(self.within)}")
                continue
            self.step, self.told, self.step_start = step, [], time.monotonic()
            try:
                step.work(self)
            except Failed as failed:
                step.failed += 1
                self.say(str(failed))
            if step.passed + step.failed == 0:
                step.failed = 1  # a step that checks nothing is a fault of the plan
            step.result = "ok" if step.failed == 0 else "FAIL"
            self.step = None
            self.tell_finished(step)
        self.tell_times()
        passed = sum(s.passed for s in self.steps)
        failed = sum(s.failed for s in self.steps)
        print(f"{passed} passed, {failed} failed", flush=True)
        return 0 if failed == 0 else 1

    def tell_finished(self, step):
        told = "; ".join(self.told)
        took = in_words(step.build + step.run)
        more = f"; {in_words(self.left())} left" if any(not s.result for s in self.steps) else ""
        self.say(f"{step.result.ljust(4)}  {step.name}{': ' + told if told else ''} ({took}{more})")

    def tell_times(self):
        rows = [("step", "build", "run", "processors", "result")]
        for s in self.steps:
            rows.append((s.name, f"{s.build:.0f} s", f"{s.run:.0f} s", f"{s.processor:.0f} s", s.result))
        rows.append(("all", f"{sum(s.build for s in self.steps):.0f} s", f"{sum(s.run for s in self.steps):.0f} s",
                     f"{sum(s.processor for s in self.steps):.0f} s", f"{self.elapsed():.0f} s"))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        text = "where the time went\n"
        for row in rows:
            text += f"{row[0].ljust(widths[0])}  {row[1].rjust(widths[1])}  {row[2].rjust(widths[2])}  {row[3].rjust(widths[3])}  {row[4]}\n"
        BUILD.mkdir(exist_ok=True)
        (BUILD / "times.txt").write_text(text)
        self.say("\n" + text.rstrip())


def processor_time():
    times = os.times()
    return times.children_user + times.children_system


def tail(path, lines):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def ninja_done(text):
    found = re.findall(r"^\[(\d+)/(\d+)\]", text, re.MULTILINE)
    return found[-1] if found else None


def ctest_done(text):
    found = re.findall(r"^ *(\d+)/(\d+) Test ", text, re.MULTILINE)
    return found[-1] if found else None
