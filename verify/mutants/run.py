#!/usr/bin/env python3
"""Tests the suites: applies each seeded mistake to a copy of the tree, builds it, runs the suite that the mistake names.

Exit status: 0 every mistake was noticed, 1 not so, 2 wrong usage. See README.md beside this file.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
from xml.sax.saxutils import escape, quoteattr

import needs

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "mutants"
TREE = WORK / "tree"
SAMPLE_OBJECTS = 8  # that one patch of a sample may touch
FIELDS = ("Bug", "Origin", "Suite", "Invariant", "Measured")


class Fault(Exception):
    """Ends the run: what was asked for cannot be answered."""


@dataclasses.dataclass
class Patch:
    path: pathlib.Path
    header: dict
    files: list  # that it changes
    complaint: str  # why it cannot be used; else empty

    @property
    def name(self):
        return self.path.stem

    @property
    def suite(self):
        return self.header.get("Suite", "")


@dataclasses.dataclass
class Result:
    patch: Patch
    verdict: str
    detail: str = ""
    mode: str = ""
    executions: int = 0
    seconds: float = 0.0

    @property
    def killed(self):
        return self.verdict == "killed"


def read_patch(path):
    text = path.read_text()
    head, mark, diff = text.partition("\n--- a/")
    header = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Z][a-z]+", key):
            header[key] = value.strip()
        elif line.strip() and not line.startswith(("diff ", "index ")):
            return Patch(path, header, [], f"the header has a line that is no field: {line!r}")
    complaint = ""
    missing = [f for f in FIELDS if not header.get(f)]
    if missing:
        complaint = "the header lacks " + ", ".join(missing)
    elif not mark:
        complaint = "there is no diff"
    elif header["Suite"] not in suite_files():
        complaint = f"there is no suite {header['Suite']}"
    files = re.findall(r"^--- a/(\S+)", mark + diff, re.MULTILINE)
    return Patch(path, header, files, complaint)


_suite_files = {}


def suite_files():
    """Suite -> the file that holds it, relative to verify/."""
    if not _suite_files:
        for path in sorted((ROOT / "verify" / "suites").glob("*.cpp")):
            for name in re.findall(r'\.name = "([^"]+)"', path.read_text()):
                _suite_files[name] = f"suites/{path.name}"
    return _suite_files


def group_of(patch):
    return pathlib.Path(suite_files()[patch.suite]).stem


def git_apply(patch, where, check):
    # The copy lies below a repository that it does not belong to: git must not look further up.
    env = dict(os.environ, GIT_CEILING_DIRECTORIES=str(where.parent))
    command = ["git", "apply", "-p1"] + (["--check"] if check else []) + [str(patch.path)]
    done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["git apply failed"])[0]


# --- the copy ---


def sync_tree():
    """Makes the copy equal to the working tree. What is equal keeps its time, so that nothing is built twice."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in list(TREE.rglob("*")) if TREE.exists() else []:
        if path.is_file() and str(path.relative_to(TREE)) not in wanted:
            path.unlink()
    for name in wanted:
        source, target = ROOT / name, TREE / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)  # a new time: whatever was built from the old text is built again


@contextlib.contextmanager
def patched(patch):
    """The copy has the mistake in it meanwhile, and is afterwards exactly as before, times included."""
    saved = {name: ((TREE / name).read_bytes(), (TREE / name).stat().st_mtime_ns) for name in patch.files}
    try:
        complaint = git_apply(patch, TREE, check=False)
        if complaint:
            raise Fault(complaint)
        yield
    finally:
        for name, (content, mtime) in saved.items():
            (TREE / name).write_bytes(content)
            os.utime(TREE / name, ns=(mtime, mtime))


# --- building and running ---


class Group:
    """The suites of one file, with a build folder of their own.

    The folder built from the clean copy is kept beside it and put back after each mistake. Objects of a patched source
    never outlive it, so the clean sources can have their old times back and nothing has to be built a second time.
    """

    def __init__(self, name, jobs):
        self.name = name
        self.jobs = jobs
        self.folder = WORK / name
        self.kept = WORK / (name + ".clean")
        self.log = WORK / (name + ".log")
        self.modes = {}  # suite -> the names of its own

    def run(self, command, **more):
        # The folders share their objects, so the compiler cache must not distinguish them.
        env = dict(os.environ, CCACHE_NOHASHDIR="1")
        with self.log.open("a") as log:
            return subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, **more).returncode == 0

    def build(self):
        self.log.write_text("")
        return self.run(["cmake", "--build", str(self.folder), "--target", "verify", "-j", str(self.jobs)])

    def prepare(self):
        self.log.write_text("")
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.kept.exists():
            shutil.copytree(self.kept, self.folder, symlinks=True)
        options = [f"-DHEDDLE_VERIFY_SUITES=suites/{self.name}.cpp"]
        # A precompiled header would hide from the cache what a patch did not touch.
        cached = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]
        cache = cached if shutil.which("ccache") else []
        if not self.run(["cmake", "--preset", "relacy", "-B", str(self.folder)] + options + cache, cwd=TREE):
            raise Fault(f"cannot configure: {self.log.relative_to(ROOT)}")
        if not self.build():
            raise Fault(f"the clean tree does not build: {self.log.relative_to(ROOT)}")
        new = WORK / (self.name + ".new")  # so that there is never half a copy under the final name
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(self.folder, new, symlinks=True)
        shutil.rmtree(self.kept, ignore_errors=True)
        new.rename(self.kept)

    def restore(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept, self.folder, symlinks=True)

    def verify(self, arguments, report):
        command = [str(self.folder / "verify" / "verify"), "--json", str(report)] + arguments
        report.unlink(missing_ok=True)
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def check_clean(self, suites):
        """Runs the suites without a mistake: one that fails then would tell nothing about a mistake."""
        report = WORK / f"{self.name}.json"
        self.verify([a for s in sorted(suites) for a in ("--filter", s)], report).wait()
        for row in rows_of(report):
            self.modes.setdefault(row["suite"], []).append(row["mode"])
            if row["end"] != "passed":
                raise Fault(f"{row['suite']} does not pass on the clean tree: {row['verdict']} {row['broken']}")
        if set(self.modes) != set(suites):
            raise Fault(f"verify ended without a report of {', '.join(sorted(set(suites) - set(self.modes)))}")

    def hunt(self, suite):
        """Runs every mode of the suite at the same time; the first that fails ends the others."""
        running = {}
        for i, mode in enumerate(self.modes[suite]):
            report = WORK / f"{self.name}.{i}.json"
            running[self.verify(["--filter", suite, "--jobs", "1", "--mode", mode], report)] = report
        executions = 0
        while running:
            time.sleep(0.02)
            for process in [p for p in running if p.poll() is not None]:
                for row in rows_of(running.pop(process)):
                    executions += row["executions"]
                    if row["end"] != "passed":
                        for other in running:
                            other.kill()
                            other.wait()
                        return row, row["executions"]
        return None, executions


def rows_of(report):
    return json.loads(report.read_text())["rows"] if report.exists() else []


def first_line(row):
    return " - ".join(part.splitlines()[0] for part in (row["verdict"], row["broken"]) if part.strip())


def try_one(patch, group):
    start = time.monotonic()
    result = Result(patch, "survived")
    try:
        with patched(patch):
            if not group.build():
                result.verdict, result.detail = "does not build", f"see build/mutants/{patch.name}.log"
                shutil.copy(group.log, WORK / (patch.name + ".log"))
            else:
                row, result.executions = group.hunt(patch.suite)
                if row:
                    result.verdict, result.detail, result.mode = "killed", first_line(row), row["mode"]
    except Fault as fault:
        result.verdict, result.detail = "does not apply", str(fault)
    finally:
        group.restore()
    result.seconds = time.monotonic() - start
    return result


# --- a sample, from what ./dev test has built ---


class Sample:
    """Patches tried without a build of their own: what a patch touches is compiled from a patched copy, with the commands of
    build/relacy, and linked with the objects that are there.
    """

    def __init__(self):
        self.built = ROOT / "build" / "relacy"
        self.folder = WORK / "sample"
        commands = json.loads((self.built / "compile_commands.json").read_text())
        self.commands = {}  # object -> the words that compile it
        for entry in commands:
            words = shlex.split(entry["command"])
            self.commands[words[words.index("-o") + 1]] = words
        self.needs = {}  # object -> the files of ours that it was made from
        said = subprocess.run(["ninja", "-C", str(self.built), "-t", "deps"], capture_output=True, text=True, check=True).stdout
        for block in said.split("\n\n"):
            name, _, files = block.partition(":")
            lines = [pathlib.Path(line.strip()) for line in files.splitlines()[1:]]
            own = [self.built / line for line in lines]  # an absolute path stays what it is
            self.needs[name.strip()] = {str(path.relative_to(ROOT)) for path in own if path.is_relative_to(ROOT)}
        if not any("/verify.dir/" in name for name in self.needs):
            raise Fault("build/relacy does not say what its objects were made from: remove it and build it again")
        said = subprocess.run(["ninja", "-C", str(self.built), "-t", "commands", "verify"], capture_output=True, text=True, check=True)
        link = [line for line in said.stdout.splitlines() if line.endswith(" && :") and " -o verify/verify " in line]
        if len(link) != 1:
            raise Fault("cannot find how verify is linked")
        words = shlex.split(link[0].removeprefix(": && ").removesuffix(" && :"))
        archive = [word for word in words if word.endswith("libheddle_relacy.a")]
        library = [name for name in self.commands if "/heddle_relacy.dir/" in name and name.endswith(".o") and name in self.needs]
        # The archive's objects by themselves, so that one can be another.
        self.link = [word for word in words if word not in archive] + sorted(library)

    def objects(self, suite):
        """What a program with this suite alone is linked from."""
        file = suite_files()[suite]
        for word in self.link:
            other = re.search(r"/verify\.dir/(suites|litmus)/", word)
            if word.endswith(".o") and (not other or word.endswith("/verify.dir/" + file + ".o")):
                yield word

    def touched(self, patch):
        return [name for name in self.objects(patch.suite) if self.needs.get(name, set()) & set(patch.files)]

    def build(self, patch, jobs):
        shutil.rmtree(self.folder, ignore_errors=True)
        tree, made = self.folder / "tree", {}
        listed = subprocess.run(["git", "ls-files", "-z", "queues", "sched", "runtime", "verify", "*.hpp"], cwd=ROOT, capture_output=True, check=True)
        for name in {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
        complaint = git_apply(patch, tree, check=False)
        if complaint:
            raise Fault(complaint)
        waiting = []
        for name in self.touched(patch):
            made[name] = str(self.folder / f"{len(made)}.o")
            words = []
            rest = iter(self.commands[name])
            for word in rest:
                if word == "-include":  # the compiled header is of the unpatched source
                    next(rest)
                elif word == "-o":
                    words += ["-o", made[next(rest)]]
                elif word != "-Winvalid-pch":
                    words.append(str(tree).join(word.split(str(ROOT))) if str(self.built) not in word else word)
            waiting.append(words)
        log = WORK / (patch.name + ".log")
        with log.open("w") as out:
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                done = list(pool.map(lambda words: subprocess.run(words, cwd=self.built, stdout=out, stderr=out).returncode, waiting))
            if any(done):
                raise Broken(log)
            program = self.folder / "verify"
            keep = set(self.objects(patch.suite))
            words = [made.get(word, word) for word in self.link if not word.endswith(".o") or word in keep]
            words[words.index("-o") + 1] = str(program)
            if subprocess.run(words, cwd=self.built, stdout=out, stderr=out).returncode != 0:
                raise Broken(log)
        return program, len(made)


class Broken(Exception):
    pass


def cost_of(sample, patch):
    """In objects to compile; those that many suites share are dear."""
    return len(sample.touched(patch))


def pick(sample, patches, count, seed):
    """So many patches, of as many suites: each commit other ones. What everything includes is left to a run of all."""
    order = sorted(patches, key=lambda patch: hashlib.sha256(f"{seed} {patch.name}".encode()).digest())
    chosen = []
    for patch in order:
        if len(chosen) < count and not patch.complaint and 0 < cost_of(sample, patch) <= SAMPLE_OBJECTS:
            if patch.suite not in {p.suite for p in chosen}:
                chosen.append(patch)
    return chosen


def try_sampled(sample, patch, jobs):
    """Built, and put to its suite for as many executions as ./dev test gives it: no more."""
    start = time.monotonic()
    result = Result(patch, "survived")
    wanted = needs.needs()
    try:
        program, objects = sample.build(patch, jobs)
        for (suite, mode), (executions, _) in wanted.items():
            if suite != patch.suite or result.killed:
                continue
            report = WORK / "sample.json"
            report.unlink(missing_ok=True)
            subprocess.run([str(program), "--filter", suite, "--mode", mode, "--jobs", "1", "--executions", str(executions), "--no-shrink",
                            "--json", str(report)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for row in rows_of(report):
                result.executions += row["executions"]
                if row["end"] != "passed":
                    result.verdict, result.mode, result.executions = "killed", row["mode"], row["executions"]
                    result.detail = f"{first_line(row)} ({objects} objects)"
    except Broken as broken:
        result.verdict, result.detail = "does not build", f"see {broken.args[0].relative_to(ROOT)}"
    except Fault as fault:
        result.verdict, result.detail = "does not apply", str(fault)
    result.seconds = time.monotonic() - start
    return result


def run_sample(patches, count, seed, jobs):
    if not (ROOT / "build" / "relacy" / "verify" / "verify").exists():
        raise Fault("--sample uses what is in build/relacy: first ./dev verify --list")
    if not seed:
        seed = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()[:12]
    sample = Sample()
    chosen = pick(sample, patches, count, seed)
    if not chosen:
        raise Fault("no patch can be sampled")
    print(f"sample {seed}: {', '.join(patch.name for patch in chosen)}", file=sys.stderr, flush=True)
    results = []
    for patch in chosen:
        progress(len(results), len(chosen), f"{patch.name} against {patch.suite}")
        results.append(try_sampled(sample, patch, jobs))
    progress(0, 0, "", end=True)
    return results


# --- reports ---


def grouped(n):
    return f"{n:,}"


def print_table(results):
    lines = [("mistake", "origin", "suite", "verdict", "executions", "mode", "time", "how")]
    for r in results:
        h = r.patch.header
        lines.append((r.patch.name, h.get("Origin", "-").split(",")[0], r.patch.suite or "-", r.verdict,
                      grouped(r.executions) if r.executions else "-", r.mode or "-", f"{r.seconds:.0f}s", r.detail[:90]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = (c.rjust(w) if i in (4, 6) else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths)))
        print("  ".join(cells).rstrip())


def write_json(path, results):
    rows = [{"patch": r.patch.name, **{k.lower(): v for k, v in r.patch.header.items()}, "verdict": r.verdict,
             "mode": r.mode, "executions": r.executions, "seconds": round(r.seconds, 2), "detail": r.detail}
            for r in results]
    killed = sum(r.killed for r in results)
    path.write_text(json.dumps({"killed": killed, "all": len(results), "rows": rows}, indent=2) + "\n")


def write_junit(path, results):
    bad = sum(not r.killed for r in results)
    out = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>",
           f'<testsuite name="mutants" tests="{len(results)}" failures="{bad}">']
    for r in results:
        case = f'<testcase classname={quoteattr(r.patch.suite)} name={quoteattr(r.patch.name)} time="{r.seconds:.3f}">'
        if not r.killed:
            case += f"<failure message={quoteattr(r.verdict)}>{escape(r.detail)}</failure>"
        out.append(case + "</testcase>")
    path.write_text("\n".join(out + ["</testsuite>", "</testsuites>"]) + "\n")


def progress(done, count, text, end=False):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + ("" if end else f"[{done}/{count}] {text}"))
    sys.stderr.flush()


def record(patch, result):
    """Writes what was measured into the patch's header."""
    text = f"Measured: {grouped(result.executions)} executions, {result.mode}"
    patch.path.write_text(re.sub(r"^Measured:.*$", text, patch.path.read_text(), count=1, flags=re.MULTILINE))


# --- the command line ---


def shard_from(text):
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"not a shard: '{text}' (write 1/4 for the first of four)")
    return int(match[1]), int(match[2])


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"not a number of jobs: '{text}'")
    return int(text)


def parse_arguments():
    p = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    p.add_argument("--filter", metavar="GLOB", action="append", help="only patches whose name matches; may be repeated")
    p.add_argument("--list", action="store_true", help="print the patches and end")
    p.add_argument("--apply-only", action="store_true", help="only check that each patch applies and has a complete header")
    p.add_argument("--jobs", type=positive, default=len(os.sched_getaffinity(0)), help="how many compilers run at the same time")
    p.add_argument("--shard", metavar="I/N", type=shard_from, default=(1, 1), help="the i-th of n parts, as 1/4")
    p.add_argument("--sample", metavar="N", type=positive, help="try N of them with what is in build/relacy, other ones for each commit")
    p.add_argument("--seed", metavar="WORD", help="with --sample: which ones (default: the commit)")
    p.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write a JSON report")
    p.add_argument("--junit", metavar="FILE", type=pathlib.Path, help="write a JUnit report")
    p.add_argument("--record", action="store_true", help="write what was measured into the headers")
    return p, p.parse_args()


@contextlib.contextmanager
def alone():
    """Holds the lock of the folder: two runs in it would build each other's mistakes."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault(f"another run is at work in {WORK}") from None
        yield


def run(patches, jobs, record_them):
    groups, results = {}, {}
    usable = []
    for patch in patches:
        complaint = patch.complaint or git_apply(patch, ROOT, check=True)
        if complaint:
            results[patch.name] = Result(patch, "does not apply", complaint)
        else:
            usable.append(patch)
    sync_tree()
    usable.sort(key=lambda patch: (group_of(patch), patch.name))
    for patch in usable:
        name = group_of(patch)
        if name not in groups:
            progress(len(results), len(patches), f"building and checking the clean tree: {name}")
            groups[name] = Group(name, jobs)
            groups[name].prepare()
            groups[name].check_clean({p.suite for p in usable if group_of(p) == name})
        progress(len(results), len(patches), f"{patch.name} against {patch.suite}")
        result = results[patch.name] = try_one(patch, groups[name])
        if not result.killed or not sys.stderr.isatty():
            progress(0, 0, "", end=True)
            told = f"{grouped(result.executions)} executions, " if result.executions else ""
            print(f"{patch.name}: {result.verdict}, {told}{result.seconds:.0f} s - {result.detail}", file=sys.stderr)
        if record_them and result.killed:
            record(patch, result)
    progress(0, 0, "", end=True)
    return [results[patch.name] for patch in patches]


def main():
    parser, a = parse_arguments()
    patches = [read_patch(path) for path in sorted(HERE.glob("*.patch"))]
    if a.filter:
        patches = [p for p in patches if any(fnmatch.fnmatchcase(p.name, glob) for glob in a.filter)]
    index, count = a.shard
    patches = patches[index - 1::count]
    if not patches:
        parser.error("no patch matches; see --list")
    if a.list:
        width = max(len(p.name) for p in patches)
        for p in patches:
            print(f"{p.name.ljust(width)}  {p.suite.ljust(24)}  {p.header.get('Bug', '')}")
        return 0
    if a.apply_only:
        bad = 0
        for p in patches:
            complaint = p.complaint or git_apply(p, ROOT, check=True)
            if complaint:
                bad += 1
                print(f"{p.name}: {complaint}")
        print(f"{len(patches) - bad} of {len(patches)} apply")
        return 1 if bad else 0
    try:
        with alone():
            results = run_sample(patches, a.sample, a.seed, a.jobs) if a.sample else run(patches, a.jobs, a.record)
    except Fault as fault:
        progress(0, 0, "", end=True)
        print(f"run.py: {fault}", file=sys.stderr)
        return 1
    print_table(results)
    if a.json:
        write_json(a.json, results)
    if a.junit:
        write_junit(a.junit, results)
    killed = sum(r.killed for r in results)
    print(f"killed {killed} of {len(results)}")
    return 0 if killed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
