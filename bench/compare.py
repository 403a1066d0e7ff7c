#!/usr/bin/env python3
"""Two builds of heddle's workload program, run alternately: ratios new / old, and whether they are more than the noise.

The rows are those of run.py and what Go does not tell, as far as both programs know them. Each round runs every row
once in both, one directly after the other, in turns old first and new first: what makes the machine slow for a while
makes both slow. Standard library only.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
import run  # noqa: E402

CERTAINTY = 0.99  # of twenty rows that have not changed, one run in five calls one changed
ROUNDS_MIN = 8    # fewer, and no ratios can be that certain
FLOOR = 0.03      # where the linker puts a loop changes this much: a smaller difference is called noise however steady

ROWS = run.ROWS + [  # what Go does not tell
    ("wakes", 2, "burst_per_1000", "wakes"),
    ("wakes", 2, "each_10us_per_1000", "wakes"),
    ("wakes", 2, "each_200us_per_1000", "wakes"),
]
COUNTS = {"bytes", "wakes"}  # units that are no time


def known(name, path):
    """The workloads that a program has."""
    listed = subprocess.run([path, "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if listed.returncode != 0:
        run.fail(f"{name}: --list ended with status {listed.returncode}: {listed.stderr.strip()}")
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


def common_runs(runs, contestants):
    """Splits runs into those that all contestants have and sentences about the others."""
    has = {name: known(name, path) for name, path in contestants.items()}
    kept = [r for r in runs if all(r[0] in workloads for workloads in has.values())]
    left = [f"{workload} is left out: {' and '.join(n for n in has if workload not in has[n])} has no such workload"
            for workload in dict.fromkeys(w for w, _ in runs) if any(workload not in h for h in has.values())]
    return kept or run.fail("the two programs have no workload in common that --filter matches"), left


def ratio(new, old):
    return new / old if old else 1.0 if new == old else math.inf


def rank(n):
    """The median of what n samples are drawn from lies between the rank-th smallest and the rank-th largest of them
    with CERTAINTY, whatever the distribution: it is beyond with the chance that a coin falls less than rank times."""
    tail, k = 0.0, 0
    while tail + 2 * math.comb(n, k) / 2 ** n <= 1 - CERTAINTY:
        tail += 2 * math.comb(n, k) / 2 ** n
        k += 1
    return k


def compare(olds, news):
    """The median of the rounds' ratios, its noise - the interval in which it lies with CERTAINTY - and the verdict."""
    pairs = sorted(ratio(new, old) for old, new in zip(olds, news))
    k = rank(len(pairs))
    middle, low, high = statistics.median(pairs), pairs[k - 1], pairs[-k]
    verdict = "within the noise"
    if abs(middle - 1) > FLOOR and not low <= 1 <= high:
        verdict = ("slower" if middle > 1 else "faster") + " by more than the noise"
    return {"ratio": middle, "low": low, "high": high, "verdict": verdict}


def summary(figures):
    rows = []
    for workload, procs, field, unit, *_ in ROWS:
        if (workload, procs) not in figures:
            continue
        samples = {name: [float(r[field]) for r in rs] for name, rs in figures[(workload, procs)].items()}
        rows.append({"workload": workload, "field": field, "procs": procs, "unit": unit, "samples": samples,
                     **compare(samples["old"], samples["new"])})
    return rows


def cells(row):
    def contestant(name):
        q1, middle, q3 = statistics.quantiles(row["samples"][name], n=4, method="inclusive")
        return f"{run.number_text(middle)} ({run.number_text(q1)}-{run.number_text(q3)})"

    verdict = row["verdict"]
    if row["unit"] in COUNTS:
        verdict = verdict.replace("slower", "more").replace("faster", "less")
    return [run.label(row), str(row["procs"]), row["unit"], contestant("old"), contestant("new"),
            f"{row['ratio']:.3f}", f"{row['low']:.3f}-{row['high']:.3f}", verdict]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", required=True, metavar="PATH", help="the workload program to compare with")
    parser.add_argument("--new", required=True, metavar="PATH", help="the workload program that is judged")
    parser.add_argument("--old-name", default="old", help="what the output calls it")
    parser.add_argument("--new-name", default="new")
    run.shared_arguments(parser, rounds=12)
    return parser.parse_args()


def main():
    options = arguments()
    if options.rounds < ROUNDS_MIN:
        run.fail(f"--rounds: at least {ROUNDS_MIN}")
    contestants = {name: run.program(name, getattr(options, name)) for name in ("old", "new")}
    runs, left = common_runs(run.chosen_runs(options, ROWS), contestants)
    figures, loads, real_time = run.measure(options, contestants, runs)
    rows = summary(figures)
    compilers = {name: next(iter(figures.values()))[name][0]["compiler"] for name in contestants}
    run.print_table(["workload", "Ps", "unit", "old", "new", "new / old", "noise", ""], [cells(r) for r in rows])
    print(f"\nold: {options.old_name}\nnew: {options.new_name}")
    for line in left:
        print(line)
    if compilers["old"] == compilers["new"]:
        print(f"compiler: {compilers['old']}")
    else:
        print(f"COMPILED DIFFERENTLY, which the ratios contain. old: {compilers['old']}; new: {compilers['new']}")
    print(f"{options.rounds} rounds, old and new in turns, {os.cpu_count()} CPUs; old and new: medians (quartiles)" +
          ("; QUICK: a tenth of the work" if options.quick else "") +
          f"\nnew / old: median of the rounds' ratios; noise: where it lies with a certainty of {100 * CERTAINTY:.0f} %; "
          f"less than {100 * FLOOR:.0f} % is always noise")
    print(run.conditions(options, loads, real_time))
    for word in ("faster", "slower"):
        names = [f"{run.label(r)}/procs:{r['procs']} {r['ratio']:.2f}" for r in rows if r["verdict"].startswith(word)]
        print(f"{word} by more than the noise: {', '.join(names) or 'none'}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"rows": rows, "old": options.old_name, "new": options.new_name, "compilers": compilers,
                       "others_cpus": loads, "real_time": real_time, "rounds": options.rounds, "quick": options.quick,
                       "cpus": os.cpu_count(), "kernel": os.uname().release}, f, indent=1)
            f.write("\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
