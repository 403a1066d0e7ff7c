package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func perOperation(start time.Time, operations int) figure {
	elapsed := time.Since(start)
	return figure{value: float64(elapsed.Nanoseconds()) / float64(operations), unit: "ns", elapsed: elapsed.Seconds()}
}

func whole(start time.Time) figure {
	elapsed := time.Since(start)
	return figure{value: elapsed.Seconds() * 1e3, unit: "ms", elapsed: elapsed.Seconds()}
}

func spawnExit(divisor int) figure {
	const batch = 1000
	batches := 1000 / divisor
	start := time.Now()
	var done sync.WaitGroup
	for i := 0; i < batches; i++ {
		done.Add(batch)
		for j := 0; j < batch; j++ {
			go func() { done.Done() }()
		}
		done.Wait()
	}
	return perOperation(start, batches*batch)
}

func yieldAmong(tasks, yieldsEach int) figure {
	start := time.Now()
	var done sync.WaitGroup
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			for j := 0; j < yieldsEach; j++ {
				runtime.Gosched()
			}
			done.Done()
		}()
	}
	done.Wait()
	return perOperation(start, tasks*yieldsEach)
}

func pingpong(divisor int) figure {
	rounds := 1_000_000 / divisor
	start := time.Now()
	there, back := make(chan int64), make(chan int64)
	go func() {
		for v := range there {
			back <- v + 1
		}
	}()
	var sum int64
	for i := int64(0); i < int64(rounds); i++ {
		there <- i
		sum += <-back - i
	}
	close(there)
	check(sum == int64(rounds), "pingpong")
	return perOperation(start, rounds)
}

func chan128(pairs, items int) figure {
	start := time.Now()
	c := make(chan int64, 128)
	var produced, consumed sync.WaitGroup
	var sum int64
	produced.Add(pairs)
	consumed.Add(pairs)
	n := int64(items / pairs)
	for i := 0; i < pairs; i++ {
		go func() {
			for j := int64(0); j < n; j++ {
				c <- j
			}
			produced.Done()
		}()
		go func() {
			var mine int64
			for v := range c {
				mine += v
			}
			atomic.AddInt64(&sum, mine)
			consumed.Done()
		}()
	}
	produced.Wait()
	close(c)
	consumed.Wait()
	f := perOperation(start, items)
	check(sum == int64(pairs)*n*(n-1)/2, "chan")
	return f
}

func skynetNode(up chan int64, number, leaves int64) {
	const fanOut = 10
	if leaves == 1 {
		up <- number
		return
	}
	down := make(chan int64)
	part := leaves / fanOut
	for i := int64(0); i < fanOut; i++ {
		go skynetNode(down, number+i*part, part)
	}
	var sum int64
	for i := 0; i < fanOut; i++ {
		sum += <-down
	}
	up <- sum
}

func skynet(divisor int) figure {
	leaves := int64(1_000_000 / divisor)
	start := time.Now()
	result := make(chan int64)
	go skynetNode(result, 0, leaves)
	check(<-result == leaves*(leaves-1)/2, "skynet")
	return whole(start)
}

func select4(divisor int) figure {
	each := 500_000 / divisor
	start := time.Now()
	var c [4]chan int64
	for i := range c {
		c[i] = make(chan int64)
		go func(to chan<- int64) {
			for i := int64(0); i < int64(each); i++ {
				to <- i
			}
		}(c[i])
	}
	sum := int64(0)
	for i := 0; i < 4*each; i++ {
		select {
		case v := <-c[0]:
			sum += v
		case v := <-c[1]:
			sum += v
		case v := <-c[2]:
			sum += v
		case v := <-c[3]:
			sum += v
		}
	}
	f := perOperation(start, 4*each)
	check(sum == 2*int64(each)*int64(each-1), "select")
	return f
}

func mutex(divisor int) figure {
	const tasks = 1000
	increments := 1000 / divisor
	start := time.Now()
	var mu sync.Mutex
	var done sync.WaitGroup
	counter := 0
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			for j := 0; j < increments; j++ {
				mu.Lock()
				counter++
				mu.Unlock()
			}
			done.Done()
		}()
	}
	done.Wait()
	f := perOperation(start, tasks*increments)
	check(counter == tasks*increments, "mutex")
	return f
}

func compute(x uint64, steps int) uint64 {
	for i := 0; i < steps; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

func mutexAmong(tasks, locks, inside, outside int) figure {
	start := time.Now()
	var mu sync.Mutex
	var done sync.WaitGroup
	value := uint64(1)
	counter := 0
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			own := uint64(1)
			for j := 0; j < locks/tasks; j++ {
				mu.Lock()
				value = compute(value, inside)
				counter++
				mu.Unlock()
				own = compute(own, outside)
			}
			check(own != 0, "mutex")
			done.Done()
		}()
	}
	done.Wait()
	f := perOperation(start, counter)
	check(counter == locks/tasks*tasks && value != 0, "mutex")
	return f
}

func primes(divisor int) figure {
	count := 2000 / divisor
	start := time.Now()
	numbers := make(chan int64)
	go func(out chan<- int64) {
		for i := int64(2); ; i++ {
			out <- i
		}
	}(numbers)
	prime := int64(0)
	for i := 0; i < count; i++ {
		prime = <-numbers
		next := make(chan int64)
		go func(in <-chan int64, out chan<- int64, prime int64) {
			for {
				if n := <-in; n%prime != 0 {
					out <- n
				}
			}
		}(numbers, next, prime)
		numbers = next
	}
	f := whole(start)
	check(prime == 17389 || count != 2000, "primes")
	return f
}

func computeUntil(origin time.Time, deadline time.Duration) {
	for time.Since(origin) < deadline {
	}
}

// From how late each was, in us, which this sorts: the figure is the p50.
func lateness(late []float64, elapsed time.Duration) figure {
	sort.Float64s(late)
	at := func(q float64) float64 {
		i := int(q * float64(len(late)))
		if i >= len(late) {
			i = len(late) - 1
		}
		return late[i]
	}
	return figure{at(0.5), "us", elapsed.Seconds(), []extra{{"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"max_us", at(1)}}}
}

func wake(divisor int) figure {
	const compute = 400 * time.Microsecond
	wakes := 2000 / divisor
	late := make([]float64, 0, wakes)
	origin := time.Now()
	c := make(chan time.Duration)
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		for sent := range c {
			late = append(late, float64(time.Since(origin)-sent)/1e3)
		}
		done.Done()
	}()
	for i := 0; i < wakes; i++ {
		computeUntil(origin, time.Since(origin)+compute)
		c <- time.Since(origin)
	}
	computeUntil(origin, time.Since(origin)+compute)
	close(c)
	done.Wait()
	elapsed := time.Since(origin)
	check(len(late) == wakes, "wake")
	return lateness(late, elapsed)
}

func cpuMs() float64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil, "getrusage")
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e6
}

func timers(divisor int) figure {
	count := 100_000 / divisor
	late := make([]float64, count)
	begun := time.Now()
	before := cpuMs()
	var done sync.WaitGroup
	done.Add(count)
	random := uint64(1)
	for i := range late {
		random = random*6364136223846793005 + 1442695040888963407
		sleep := time.Duration(1_000_000 + random>>33%999_000_000)
		mine := &late[i]
		go func() {
			start := time.Now()
			time.Sleep(sleep)
			*mine = float64(time.Since(start)-sleep) / 1e3
			done.Done()
		}()
	}
	done.Wait()
	cpu := cpuMs() - before
	elapsed := time.Since(begun)
	f := lateness(late, elapsed)
	check(late[0] >= 0, "timers")
	f.value, f.unit = cpu, "ms"
	return f
}

func timerOps(divisor int) figure {
	count := 1_000_000 / divisor
	begun := time.Now()
	start := begun
	each := func() float64 {
		now := time.Now()
		ns := float64(now.Sub(start).Nanoseconds()) / float64(count)
		start = now
		return ns
	}
	for i := 0; i < count; i++ {
		check(time.NewTimer(time.Hour).Stop(), "timer_ops")
	}
	makeStop := each()
	some := make([]*time.Timer, 1000)
	for i := range some {
		some[i] = time.NewTimer(time.Hour)
	}
	start = time.Now()
	for i := 0; i < count; i++ {
		some[i%1000].Reset(time.Hour + time.Duration(i)*time.Microsecond)
	}
	reset := each()
	for _, t := range some {
		t.Stop()
	}
	all := make([]*time.Timer, 0, count)
	start = time.Now()
	for i := 0; i < count; i++ {
		all = append(all, time.NewTimer(time.Hour+time.Duration(i)*time.Microsecond))
	}
	arm := each()
	for _, t := range all {
		check(t.Stop(), "timer_ops")
	}
	stop := each()
	return figure{makeStop, "ns", time.Since(begun).Seconds(),
		[]extra{{"make_stop_ns", makeStop}, {"reset_ns", reset}, {"arm_ns", arm}, {"stop_ns", stop}}}
}

func sleepLate(divisor int) figure {
	const sleep = 100 * time.Microsecond
	sleeps := 5000 / divisor
	late := make([]float64, 0, sleeps)
	begun := time.Now()
	for i := 0; i < sleeps; i++ {
		start := time.Now()
		time.Sleep(sleep)
		late = append(late, float64(time.Since(start)-sleep)/1e3)
	}
	elapsed := time.Since(begun)
	return lateness(late, elapsed)
}

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	var size, pages int
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &pages)
	}
	check(err == nil, "/proc/self/statm cannot be read")
	return float64(pages) * float64(os.Getpagesize())
}

func mem(tasks int) figure {
	gate := make(chan int64)
	var done sync.WaitGroup
	var parked int64
	done.Add(tasks)
	before := residentBytes()
	start := time.Now()
	for i := 0; i < tasks; i++ {
		go func() {
			atomic.AddInt64(&parked, 1)
			<-gate
			done.Done()
		}()
	}
	for atomic.LoadInt64(&parked) != int64(tasks) {
		runtime.Gosched()
	}
	create := time.Since(start)
	bytes := residentBytes() - before
	open := time.Now()
	close(gate)
	done.Wait()
	release := time.Since(open)
	n := float64(tasks)
	return figure{bytes / n, "bytes", time.Since(start).Seconds(), []extra{{"bytes", bytes / n},
		{"create_ns", float64(create.Nanoseconds()) / n}, {"release_ns", float64(release.Nanoseconds()) / n}}}
}
