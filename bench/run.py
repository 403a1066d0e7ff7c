#!/usr/bin/env python3
"""heddle beside its peers, in one run on one machine: interleaved rounds, medians, ratios, targets.

Every contestant is a program `workload NAME PROCS [--quick]` that prints one line of JSON; what it does not have
(`workload --list`) it is not asked for. Standard library only;
the plot is drawn where matplotlib can be imported.
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

# (workload, Ps, field of the JSON line, unit, what heddle is to reach on a quiet machine, how often better than Go).
# The ratio decides; the absolute figure is an order of magnitude. A ratio of None: the absolute figure decides.
ROWS = [
    ("spawn_exit", 1, "value", "ns", 40, 5.0),
    ("spawn_exit", 2, "value", "ns", 45, 7.0),
    ("yield_2", 1, "value", "ns", 10, 5.0),
    ("yield_1000", 1, "value", "ns", 13, 5.0),
    ("pingpong", 1, "value", "ns", 60, 4.5),
    ("pingpong", 2, "value", "ns", 75, 4.5),
    ("chan_1p1c", 1, "value", "ns", 12, 3.0),
    ("chan_1p1c", 2, "value", "ns", 25, 1.7),
    ("chan_4p4c", 1, "value", "ns", 14, 2.5),
    ("chan_4p4c", 2, "value", "ns", 40, 2.0),
    ("skynet", 1, "value", "ms", 180, 6.0),
    ("skynet", 2, "value", "ms", 110, 8.0),
    ("mutex", 1, "value", "ns", 9, 1.6),
    ("mutex", 2, "value", "ns", 25, 6.0),
    ("mutex_1", 1, "value", "ns", None, 1.0),
    ("mutex_2", 2, "value", "ns", None, 1.0),
    ("mutex_16", 2, "value", "ns", None, 1.0),
    ("mutex_work_2", 2, "value", "ns", None, 1.0),
    ("mutex_work_16", 2, "value", "ns", None, 1.0),
    ("select", 1, "value", "ns", None, 1.0),
    ("select", 2, "value", "ns", None, 1.0),
    ("timers", 1, "value", "ms", 250, 2.4),
    ("timers", 1, "p99_us", "us", 1000, 50.0),
    ("timers", 2, "value", "ms", 350, 2.4),
    ("timers", 2, "p99_us", "us", 1000, 50.0),
    ("timer_ops", 1, "make_stop_ns", "ns", None, 1.0),
    ("timer_ops", 1, "reset_ns", "ns", None, 1.0),
    ("timer_ops", 1, "arm_ns", "ns", None, 1.0),
    ("timer_ops", 1, "stop_ns", "ns", None, 1.0),
    ("sleep_late", 1, "p50_us", "us", None, 1.0),
    ("sleep_late", 1, "p99_us", "us", None, 1.0),
    ("sleep_late", 2, "p50_us", "us", None, 1.0),
    ("sleep_late", 2, "p99_us", "us", None, 1.0),
    ("primes", 1, "value", "ms", 100, 4.0),
    ("primes", 2, "value", "ms", 80, 2.7),
    ("wake", 2, "p50_us", "us", 5, 13.0),
    ("wake", 2, "p99_us", "us", 45, 7.0),
    ("mem_100k", 1, "bytes", "bytes", 4600, None),
    ("mem_100k", 1, "create_ns", "ns", 1800, 1.6),
    ("mem_100k", 1, "release_ns", "ns", 300, 1.8),
    ("mem_1m", 1, "bytes", "bytes", 4600, None),
    ("mem_1m", 1, "create_ns", "ns", 1800, 1.6),
    ("mem_1m", 1, "release_ns", "ns", 300, 1.8),
]
HEAVY = {"mem_1m"}  # gigabytes of memory
TWO_WORKERS_SLOWER_MAX = 1.15  # spawn_exit: what a second P may cost
TIMEOUT_S = 300


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: error: {message}")


def program(contestant, path):
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        fail(f"{contestant}: no program at {path}")
    return os.path.abspath(path)


def real_time_prefix():
    """The lowest real-time priority; run_once adds a session. The kernel then leaves both cores to the two workers."""
    prefix = ["chrt", "-r", "1"]
    if os.geteuid() != 0 or not shutil.which("chrt"):
        return []
    granted = subprocess.run(prefix + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return prefix if granted.returncode == 0 else []


class Load:
    """How much CPU others took: the machine's busy time less that of our children."""

    def __init__(self):
        self.wall, self.busy, self.own = time.monotonic(), self.machine(), self.ours()

    @staticmethod
    def machine():
        with open("/proc/stat", encoding="ascii") as f:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, f.readline().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def ours():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        return sum(u.ru_utime + u.ru_stime for u in used)

    def others(self):
        """CPUs that others kept busy since this object was made, on average."""
        wall = time.monotonic() - self.wall
        return max(0.0, (self.machine() - self.busy - self.ours() + self.own) / wall) if wall > 0 else 0.0


def workload_names(contestant, path):
    listed = subprocess.run([path, "--list"], stdout=subprocess.PIPE, text=True, check=False)
    if listed.returncode != 0:
        fail(f"{contestant}: {path} --list ended with status {listed.returncode}")
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


def run_once(contestant, path, workload, procs, options, prefix):
    command = prefix + [path, workload, str(procs)] + (["--quick"] if options.quick else [])
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = child.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        kill_group(child)
        fail(f"{contestant}: {workload} with {procs} Ps has not ended after {TIMEOUT_S} s")
    except BaseException:
        kill_group(child)
        raise
    if child.returncode != 0:
        said = err.strip() or out.strip()
        fail(f"{contestant}: {workload} with {procs} Ps ended with status {child.returncode}: {said}")
    try:
        return json.loads(out)
    except json.JSONDecodeError:
        fail(f"{contestant}: {workload} with {procs} Ps printed no JSON: {out.strip()!r}")


def kill_group(child):
    os.killpg(child.pid, signal.SIGKILL)  # the leader has not been waited for: its group exists
    child.wait()


def measure(options, contestants, runs):
    """figures[(workload, procs)][contestant] = one JSON object per round."""
    figures = {run: {name: [] for name in contestants} for run in runs}
    known = {name: workload_names(name, path) for name, path in contestants.items()}
    prefix = real_time_prefix() if options.real_time != "none" else []
    loads = []
    for number in range(options.rounds):
        load = Load()
        order = list(contestants.items())
        if number % 2 == 1:
            order.reverse()
        started = time.monotonic()
        for workload, procs in runs:
            for name, path in order:
                if workload not in known[name]:
                    continue
                raised = prefix if procs > 1 or options.real_time == "all" else []
                result = run_once(name, path, workload, procs, options, raised)
                figures[(workload, procs)][name].append(result)
        loads.append(load.others())
        print(f"round {number + 1} of {options.rounds}: {time.monotonic() - started:.0f} s, "
              f"others took {loads[-1]:.2f} CPUs", file=sys.stderr, flush=True)
    return figures, loads, bool(prefix)


def number_text(x):
    return f"{x:,.0f}" if x >= 1000 else f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def summary(figures):
    rows = []
    for workload, procs, field, unit, target, target_ratio in ROWS:
        if (workload, procs) not in figures:
            continue
        samples = {name: [float(r[field]) for r in rs if field in r]
                   for name, rs in figures[(workload, procs)].items()}
        samples = {name: s for name, s in samples.items() if s}
        row = {"workload": workload, "field": field, "procs": procs, "unit": unit, "target": target,
               "target_ratio": target_ratio, "samples": samples,
               "median": {name: statistics.median(s) for name, s in samples.items()}}
        if samples.get("boost_fiber"):
            row["boost_ratio"] = row["median"]["boost_fiber"] / row["median"]["heddle"]
        if "go" in samples:
            row["ratio"] = row["median"]["go"] / row["median"]["heddle"]
            pairs = [g / h for g, h in zip(samples["go"], samples["heddle"])]
            row["ratio_min"], row["ratio_max"] = min(pairs), max(pairs)
        if target_ratio is None:
            row["met"] = row["median"]["heddle"] <= target
        elif "ratio" in row:
            row["met"] = row["ratio"] >= target_ratio
        rows.append(row)
    return rows


def label(row):
    return row["workload"] if row["field"] == "value" else f"{row['workload']} {re.sub('_(ns|us)$', '', row['field'])}"


def cells(row):
    def contestant(name):
        s = row["samples"].get(name)
        if not s:
            return "-"
        return f"{number_text(row['median'][name])} ({number_text(min(s))}-{number_text(max(s))})"

    ratio = f"{row['ratio']:.2f} ({row['ratio_min']:.2f}-{row['ratio_max']:.2f})" if "ratio" in row else "-"
    wanted = f"{row['target_ratio']:.1f}" if row["target_ratio"] else f"<= {number_text(row['target'])} {row['unit']}"
    met = {True: "met", False: "not yet", None: "-"}[row.get("met")]
    boost = f"{row['boost_ratio']:.2f}" if "boost_ratio" in row else "-"
    return [label(row), str(row["procs"]), row["unit"], contestant("heddle"), contestant("go"), ratio, wanted, met,
            contestant("boost_fiber"), boost]


def print_table(head, lines):
    table = [head] + lines
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in table]
    lines.insert(1, "| " + " | ".join("-" * w for w in widths) + " |")
    print("\n".join(lines))


def second_worker(rows):
    by_procs = {r["procs"]: r["median"] for r in rows if r["workload"] == "spawn_exit"}
    if {1, 2} <= by_procs.keys():
        for name in by_procs[1]:
            cost = by_procs[2][name] / by_procs[1][name]
            verdict = "met" if cost <= TWO_WORKERS_SLOWER_MAX else "not yet"
            yield f"spawn_exit, 2 Ps against 1, {name}: {cost:.2f}" + (
                f" (target: at most {TWO_WORKERS_SLOWER_MAX}; {verdict})" if name == "heddle" else "")


def conditions(options, loads, real_time):
    """Two lines: priority, and what else the machine did."""
    rows_raised = "all rows: " if real_time and options.real_time == "all" else "two-worker rows: "
    return (rows_raised + ("real-time priority 1 (chrt -r 1) in a session of their own" if real_time else
                           "ordinary priority (not asked, no root or no chrt): both workers may have shared a core") +
            f"\nload: others kept {statistics.median(loads):.2f} CPUs busy (median of rounds; {min(loads):.2f}-"
            f"{max(loads):.2f})" + ("; NOISY, take again" if max(loads) > 0.2 else ""))


def plot(rows, path):
    try:
        import matplotlib
    except ImportError:
        return "no plot: matplotlib cannot be imported (Debian: python3-matplotlib)"
    matplotlib.use("Agg")
    from matplotlib import pyplot
    drawn = [r for r in rows if "ratio" in r][::-1]
    if not drawn:
        return "no plot: no peer"
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.28 * len(drawn)), layout="constrained")
    for y, r in enumerate(drawn):
        axes.plot([r["ratio_min"], r["ratio_max"]], [y, y], color="tab:blue", linewidth=2, solid_capstyle="butt")
        axes.plot(r["ratio"], y, "o", color="tab:blue", label="median, range of the rounds" if y == 0 else None)
        if r["target_ratio"]:
            axes.plot(r["target_ratio"], y, "|", color="tab:red", markersize=12, label="target" if y == 0 else None)
    axes.axvline(1, color="gray", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(drawn)), [f"{label(r)}, {r['procs']} P" for r in drawn])
    axes.set_xlabel("times better than Go (same run; further right is better)")
    axes.legend(loc="best", fontsize="small")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    figure.savefig(path)
    return f"plot: {os.path.relpath(path)}"


def shared_arguments(parser, rounds):
    parser.add_argument("--rounds", type=int, default=rounds, help=f"default: {rounds}")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only rows whose NAME/procs:N it matches")
    parser.add_argument("--million", action="store_true", help="also a million parked goroutines (5 GB)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: for trying, not for reporting")
    parser.add_argument("--real-time", choices=["two", "all", "none"], default="two",
                        help="which rows run at real-time priority: those with two Ps (default), all, none")
    parser.add_argument("--json", metavar="FILE", help="write every sample")


def arguments():
    build = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "bench")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heddle", required=True, metavar="PATH", help="heddle's workload program")
    parser.add_argument("--go", metavar="PATH", help="the one of bench/peers/go")
    parser.add_argument("--boost-fiber", metavar="PATH", help="the one of bench/peers/boost_fiber")
    shared_arguments(parser, rounds=5)
    parser.add_argument("--plot", metavar="FILE", default=os.path.join(build, "ratios.svg"), help=".svg or .png")
    return parser.parse_args()


def chosen_runs(options, rows=None):
    try:
        pattern = re.compile(options.filter)
    except re.error as e:
        fail(f"--filter {options.filter!r}: {e}")
    runs = []
    for workload, procs, *_ in rows or ROWS:
        wanted = options.million or workload not in HEAVY
        if wanted and (workload, procs) not in runs and pattern.search(f"{workload}/procs:{procs}"):
            runs.append((workload, procs))
    return runs or fail(f"--filter {options.filter!r} matches no row")


def first(figures, name):
    return next((rounds[name][0] for rounds in figures.values() if rounds[name]), {"compiler": "none of these rows"})


def main():
    options = arguments()
    if options.rounds < 1:
        fail("--rounds: at least 1")
    contestants = {"heddle": program("heddle", options.heddle)}
    if options.go:
        contestants["go"] = program("go", options.go)
    if options.boost_fiber:
        contestants["boost_fiber"] = program("boost_fiber", options.boost_fiber)
    figures, loads, real_time = measure(options, contestants, chosen_runs(options))
    rows = summary(figures)
    compilers = {name: first(figures, name)["compiler"] for name in contestants}
    print_table(["workload", "Ps", "unit", "heddle", "Go", "Go / heddle", "target", "", "Boost.Fiber",
                 "Boost / heddle"], [cells(r) for r in rows])
    print()
    for line in second_worker(rows):
        print(line)
    judged = [r["met"] for r in rows if "met" in r]
    print(f"targets: {sum(judged)} of {len(judged)} met")
    print("compilers: " + "; ".join(f"{name}: {text}" for name, text in compilers.items()))
    print(f"{options.rounds} interleaved rounds, medians (min-max), {os.cpu_count()} CPUs" +
          ("; QUICK: a tenth of the work, figures in ms and targets do not apply" if options.quick else ""))
    print(conditions(options, loads, real_time))
    print(plot(rows, options.plot))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"rows": rows, "runs": {f"{w}/procs:{p}": r for (w, p), r in figures.items()},
                       "others_cpus": loads, "real_time": real_time, "rounds": options.rounds, "quick": options.quick,
                       "compilers": compilers, "cpus": os.cpu_count(), "kernel": os.uname().release}, f, indent=1)
            f.write("\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
