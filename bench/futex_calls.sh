#!/usr/bin/env bash
# How many system calls the wake path makes: strace counts futex and membarrier over whole workloads.
#   bench/futex_calls.sh [WORKLOAD PROGRAM]      (default build/bench/bench/workload)
# A submission calls futex only where it wakes a sleeping M, and an M that spins makes that needless: so the calls are
# few for a million goroutines started in bursts. What sysmon sleeps is in the count: about 100 in a second of work.
set -euo pipefail
program=${1:-build/bench/bench/workload}
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
printf '%-12s %5s %12s %10s %12s\n' workload procs "ns each" futex membarrier
for procs in 1 2 4; do
  for workload in spawn_exit pingpong chan_1p1c; do
    line=$(strace -f -c -e trace=futex,membarrier -o "$counts" "$program" $workload $procs)
    value=$(sed 's/.*"value": \([0-9.e+]*\).*/\1/' <<<"$line")
    calls() { awk -v name="$1" '$NF == name { n = $4 } END { print n + 0 }' "$counts"; }
    printf '%-12s %5d %12s %10d %12d\n' $workload $procs "$value" "$(calls futex)" "$(calls membarrier)"
  done
done
