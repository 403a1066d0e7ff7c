// The workloads of bench/workloads.cpp in Go, with the same command line and the same line of JSON:
//
//	workload NAME PROCS [--quick]
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

type extra struct {
	name  string
	value float64
}

// What one run gave; as bench::figure.
type figure struct {
	value   float64
	unit    string
	elapsed float64 // seconds
	more    []extra
}

var workloads = map[string]func(divisor int) figure{
	"spawn_exit":    spawnExit,
	"yield_2":       func(d int) figure { return yieldAmong(2, 5_000_000/d) },
	"yield_1000":    func(d int) figure { return yieldAmong(1000, 10_000/d) },
	"pingpong":      pingpong,
	"chan_1p1c":     func(d int) figure { return chan128(1, 4_000_000/d) },
	"chan_4p4c":     func(d int) figure { return chan128(4, 4_000_000/d) },
	"skynet":        skynet,
	"mutex":         mutex,
	"mutex_1":       func(d int) figure { return mutexAmong(1, 20_000_000/d, 0, 0) },
	"mutex_2":       func(d int) figure { return mutexAmong(2, 4_000_000/d, 0, 0) },
	"mutex_16":      func(d int) figure { return mutexAmong(16, 4_000_000/d, 0, 0) },
	"mutex_work_2":  func(d int) figure { return mutexAmong(2, 2_000_000/d, 50, 200) },
	"mutex_work_16": func(d int) figure { return mutexAmong(16, 2_000_000/d, 50, 200) },
	"select":        select4,
	"primes":        primes,
	"wake":          wake,
	"timers":        timers,
	"timer_ops":     timerOps,
	"sleep_late":    sleepLate,
	"mem_100k":      func(d int) figure { return mem(100_000 / d) },
	"mem_1m":        func(d int) figure { return mem(1_000_000 / d) },
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: workload NAME PROCS [--quick]\n       workload --list")
	os.Exit(2)
}

func list() {
	names := make([]string, 0, len(workloads))
	for name := range workloads {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println(strings.Join(names, "\n"))
}

func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "workload: wrong result:", what)
		os.Exit(1)
	}
}

func main() {
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "--list" {
		list()
		return
	}
	divisor := 1
	if len(args) == 3 && args[2] == "--quick" {
		divisor = 10
	} else if len(args) != 2 {
		usage()
	}
	run, known := workloads[args[0]]
	procs, err := strconv.Atoi(args[1])
	if !known || err != nil || procs < 1 {
		usage()
	}
	runtime.GOMAXPROCS(procs)
	f := run(divisor)
	fmt.Printf(`{"name": %q, "procs": %d, "value": %.6g, "unit": %q`, args[0], procs, f.value, f.unit)
	for _, e := range f.more {
		fmt.Printf(`, %q: %.6g`, e.name, e.value)
	}
	fmt.Printf(", \"elapsed_s\": %.6g, \"compiler\": %q}\n", f.elapsed, runtime.Version())
}
