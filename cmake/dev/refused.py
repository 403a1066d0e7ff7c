#!/usr/bin/env python3
"""What the compiler must refuse, and what it must warn of: uses of heddle that keep a reference to something that is gone, and results
that matter and are dropped.

  refused.py [--compiler c++]...    default: g++ and clang++-14

Each use is one line of one program, so that one compilation tries them all; a line that gets no error, or no warning, is a fault. For
each there is a twin that must compile. What is [[nodiscard]] is also compared with the headers: a call that returns something must be,
unless it stands in NOT_MATTERING with its reason. Exit status: 0 as it should be, 1 not so, 2 wrong usage.
"""

import argparse
import pathlib
import re
import subprocess
import sys

from calls import read

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = [word for room in ("queues", "sched", "runtime") for word in ("-I", str(ROOT / room / "include"))]

# Results that do not matter to each caller, with the reason.
NOT_MATTERING = {
    "blocking": "what f returns", "blocking_long": "what f returns", "with_scope": "what f returns", "task::get": "what f returned",
    "run": "what f returns; where it could not begin it has said so", "runtime::run": "what f returns",
    "when_all": "to wait for them is enough", "when_any": "to wait for one is enough",
    "select": "the function of the case has been called",
    "chan::recv": "to wait for it is enough", "receiver::recv": "to wait for it is enough",
    "task::cancel": "it is cancelled now, whoever was first",
    "timer::stop": "it is stopped now", "timer::reset": "it is armed now", "func_timer::stop": "it is stopped now",
    "func_timer::reset": "it is armed now", "after_func": "the call does not depend on the handle",
    "task_local::get": "the value is made now",
    "condition_variable::wait_for": "without a condition the caller looks at its own", "condition_variable::wait_until": "likewise",
}
# Constructors of what does its work by living.
GUARDS = {"no_preempt", "stop_signal", "timer", "ticker", "scope"}

PROLOGUE = """
#include <heddle/heddle.hpp>
using namespace std::chrono_literals;
[[maybe_unused]] static heddle::chan<int> c, d;
[[maybe_unused]] static std::optional<int> to;
[[maybe_unused]] static int from = 1;
[[maybe_unused]] static heddle::context_key<int> key;
[[maybe_unused]] static heddle::context ctx;
[[maybe_unused]] static heddle::task_local<int> local;
[[maybe_unused]] static heddle::chan<int> make() { return heddle::chan<int>(); }
[[maybe_unused]] static heddle::receiver<int> make_receiver() { return make(); }
"""

# A use that must not compile, and one like it that must.
REFUSED = [
    ("(void)heddle::select_case::recv(make(), to);", "(void)heddle::select_case::recv(c, to);"),
    ("(void)heddle::select_case::recv(heddle::after(1ms), at);", "(void)heddle::select_case::recv(t, at);"),
    ("(void)heddle::select_case::recv(heddle::timer(1ms), at);", "(void)heddle::select_case::recv(timer, at);"),
    ("(void)heddle::select_case::recv(heddle::receiver<int>(c), to);", "(void)heddle::select_case::recv(r, to);"),
    ("(void)heddle::select_case::recv(std::move(c), to);", "(void)heddle::select_case::recv(std::as_const(c), to);"),
    ("(void)heddle::select_case::recv(heddle::spawn([] {}), nothing);", "(void)heddle::select_case::recv(task, nothing);"),
    ("(void)heddle::select_case::recv(c, std::optional<int>());", "(void)heddle::select_case::recv(c, to);"),
    ("(void)heddle::select_case::send(make(), from);", "(void)heddle::select_case::send(c, from);"),
    ("(void)heddle::select_case::send(heddle::sender<int>(c), from);", "(void)heddle::select_case::send(s, from);"),
    ("(void)heddle::select_case::send(c, 5);", "(void)heddle::select_case::send(c, from);"),
    ("(void)heddle::select_case::send(c, std::move(from));", "(void)heddle::select_case::send(c, from);"),
    ("auto kept = heddle::on_send(c, 5); heddle::select(kept);", "auto kept = heddle::on_send(c, from); heddle::select(kept);"),
    ("auto kept = heddle::on_send(make(), std::move(from)); heddle::select(kept);", "heddle::select(heddle::on_send(make(), std::move(from)));"),
    ("auto kept = heddle::on_send(c, 5, [] {}); heddle::select(heddle::on_recv(d), kept);", "heddle::select(heddle::on_recv(d), heddle::on_send(c, 5, [] {}));"),
    ("auto at_first = make().begin(); (void)at_first;", "for (int v : make()) (void)v;"),
    ("auto at_first = make_receiver().begin(); (void)at_first;", "for (int v : make_receiver()) (void)v;"),
    ("(void)heddle::with_value(ctx, heddle::context_key<int>(), 1);", "(void)heddle::with_value(ctx, key, 1);"),
    ("(void)ctx.value(heddle::context_key<int>());", "(void)ctx.value(key);"),
    ("(void)heddle::task_local<int>().get();", "(void)local.get();"),
    ("(void)*heddle::task_local<int>();", "(void)*local;"),
    ("(void)heddle::task_local<int>().operator->();", "(void)local.operator->();"),
    # Kept by the case, so these compile.
    (None, "auto kept = heddle::on_recv(heddle::after(1ms)); heddle::select(kept);"),
    (None, "auto kept = heddle::on_recv(make(), [](std::optional<int>) {}); heddle::select(kept);"),
    (None, "auto kept = heddle::on_send(make(), from); heddle::select(kept);"),
    (None, "auto kept = heddle::on_done(heddle::spawn([] {})); heddle::select(kept);"),
]

BEFORE = """  [[maybe_unused]] const auto t = heddle::after(1ms);
  [[maybe_unused]] std::optional<heddle::time_point> at;
  [[maybe_unused]] heddle::timer timer(1ms);
  [[maybe_unused]] heddle::receiver<int> r = c;
  [[maybe_unused]] heddle::sender<int> s = c;
  [[maybe_unused]] heddle::task<void> task;
  [[maybe_unused]] std::optional<std::monostate> nothing;
"""

# For each call that is [[nodiscard]] a statement that drops its result.
DROPPED = {
    "barrier::arrive": "heddle::barrier<>(1).arrive();", "barrier::max": "heddle::barrier<>::max();",
    "chan::nil": "heddle::chan<int>::nil();", "chan::is_nil": "c.is_nil();", "chan::operator==": "c == d;",
    "chan::try_send": "c.try_send(1);", "chan::send_for": "c.send_for(1, 1ms);", "chan::send_until": "c.send_until(1, now);",
    "chan::try_recv": "c.try_recv();", "chan::recv_for": "c.recv_for(1ms);", "chan::recv_until": "c.recv_until(now);",
    "chan::size": "c.size();", "chan::capacity": "c.capacity();", "chan::closed": "c.closed();", "chan::begin": "c.begin();",
    "chan::end": "c.end();", "chan::iterator::operator==": "c.begin() == c.end();",
    "received::closed": "got.closed();", "received::arrived": "got.arrived();",
    "condition_variable::wait_for": "cv.wait_for(m, 1ms, [] { return true; });",
    "condition_variable::wait_until": "cv.wait_until(m, now, [] { return true; });",
    "context::background": "heddle::context::background();", "context::done": "ctx.done();", "context::err": "ctx.err();",
    "context::cause": "ctx.cause();", "context::deadline": "ctx.deadline();", "context::value": "ctx.value(key);",
    "context::stop_token": "ctx.stop_token();", "with_cancel": "heddle::with_cancel(ctx);",
    "with_deadline": "heddle::with_deadline(ctx, now);", "with_timeout": "heddle::with_timeout(ctx, 1ms);",
    "with_value": "heddle::with_value(ctx, key, 1);", "without_cancel": "heddle::without_cancel(ctx);",
    "sender::nil": "heddle::sender<int>::nil();", "sender::try_send": "s.try_send(1);", "sender::send_for": "s.send_for(1, 1ms);",
    "sender::send_until": "s.send_until(1, now);", "sender::operator==": "s == s;",
    "receiver::nil": "heddle::receiver<int>::nil();", "receiver::try_recv": "r.try_recv();", "receiver::recv_for": "r.recv_for(1ms);",
    "receiver::recv_until": "r.recv_until(now);", "receiver::closed": "r.closed();", "receiver::begin": "r.begin();",
    "receiver::end": "r.end();", "receiver::operator==": "r == r;",
    "num_goroutine": "heddle::num_goroutine();", "goid": "heddle::goid();", "procs": "heddle::procs();", "stats": "heddle::stats();",
    "runtime::stats": "rt->stats();", "runtime::shutdown": "rt->shutdown(1ms);", "runtime::procs": "rt->procs();",
    "latch::max": "heddle::latch::max();", "latch::try_wait": "heddle::latch(1).try_wait();",
    "mutex::try_lock": "m.try_lock();", "mutex::try_lock_for": "m.try_lock_for(1ms);", "mutex::try_lock_until": "m.try_lock_until(now);",
    "scope::cancelled": "sc->cancelled();", "scope::stop_token": "sc->stop_token();", "scope::scope": "heddle::scope();",
    "select_case::recv": "heddle::select_case::recv(c, to);", "select_case::send": "heddle::select_case::send(c, from);",
    "on_recv": "heddle::on_recv(c);", "on_send": "heddle::on_send(c, from);", "otherwise": "heddle::otherwise();",
    "try_select": "heddle::try_select({});",
    "semaphore::max": "heddle::semaphore::max();", "semaphore::try_acquire": "sem.try_acquire();",
    "semaphore::try_acquire_for": "sem.try_acquire_for(1ms);", "semaphore::try_acquire_until": "sem.try_acquire_until(now);",
    "shared_mutex::try_lock": "sm.try_lock();", "shared_mutex::try_lock_for": "sm.try_lock_for(1ms);",
    "shared_mutex::try_lock_until": "sm.try_lock_until(now);", "shared_mutex::try_lock_shared": "sm.try_lock_shared();",
    "shared_mutex::try_lock_shared_for": "sm.try_lock_shared_for(1ms);",
    "shared_mutex::try_lock_shared_until": "sm.try_lock_shared_until(now);",
    "stop_signal::stop_signal": "heddle::stop_signal(std::stop_token{});",
    "stop_signal::done": "sig->done();",
    "task::valid": "task.valid();", "task::done": "task.done();", "task::wait_for": "task.wait_for(1ms);",
    "task::wait_until": "task.wait_until(now);", "task::stop_source": "task.stop_source();", "spawn": "heddle::spawn([] {});",
    "on_done": "heddle::on_done(task);",
    "task_local::has_value": "local.has_value();", "name": "heddle::name();", "no_preempt::no_preempt": "heddle::no_preempt();",
    "timer::timer": "heddle::timer(1ms);", "ticker::ticker": "heddle::ticker(1ms);", "after": "heddle::after(1ms);",
    "tick": "heddle::tick(1ms);",
    "wait_group::wait_for": "wg.wait_for(1ms);", "wait_group::wait_until": "wg.wait_until(now);",
    "source_location::current": "heddle::source_location::current();", "source_location::file_name": "where.file_name();",
    "source_location::function_name": "where.function_name();", "source_location::line": "where.line();",
}
BEFORE_DROPPED = BEFORE + """  [[maybe_unused]] const auto now = std::chrono::steady_clock::now();
  [[maybe_unused]] heddle::mutex m;
  [[maybe_unused]] heddle::shared_mutex sm;
  [[maybe_unused]] heddle::condition_variable cv;
  [[maybe_unused]] heddle::semaphore sem(1);
  [[maybe_unused]] heddle::wait_group wg;
  [[maybe_unused]] heddle::runtime *rt = nullptr;
  [[maybe_unused]] heddle::scope *sc = nullptr;
  [[maybe_unused]] heddle::stop_signal *sig = nullptr;
  [[maybe_unused]] heddle::source_location where;
  [[maybe_unused]] heddle::received<int> got;
"""


def compiled(compiler, before, statements, *flags):
    """The program's exit status, and for each statement the words of the compiler about its line."""
    text = PROLOGUE
    lines = []
    for i, statement in enumerate(statements):
        text += f"[[maybe_unused]] static void use_{i}() {{\n{before}"
        lines.append(text.count("\n") + 1)
        text += f"  {statement}\n}}\n"
    command = [compiler, "-std=c++20", *FOLDERS, "-x", "c++", "-fsyntax-only", "-ferror-limit=0" if "clang" in compiler else "-fmax-errors=0", *flags, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    said = {}
    for line, kind in re.findall(r"^<stdin>:(\d+):\d+: (error|warning)", done.stderr, re.MULTILINE):
        said.setdefault(int(line), set()).add(kind)
    return done, [said.get(line, set()) for line in lines]


def by_compiler(compiler):
    faults = []
    wrong = [use for use, _ in REFUSED if use]
    for use, said in zip(wrong, compiled(compiler, BEFORE, wrong)[1]):
        if "error" not in said:
            faults.append(f"{compiler}: this compiles: {use}")
    done, _ = compiled(compiler, BEFORE, [use for _, use in REFUSED], "-Wall", "-Wextra", "-Werror")
    if done.returncode != 0:
        faults.append(f"{compiler}: what is right does not compile:\n{done.stderr}")
    for (name, use), said in zip(DROPPED.items(), compiled(compiler, BEFORE_DROPPED, list(DROPPED.values()), "-Wall")[1]):
        if said != {"warning"}:
            faults.append(f"{compiler}: no warning but {sorted(said)}: {name}: {use}")
    return faults


def by_headers():
    faults = []
    marked = set()
    for call in read()[0]:
        made = call.name == call.scope.rpartition("::")[2]
        if call.nodiscard:
            marked.add(call.full)
        elif made and call.scope not in GUARDS or call.full in NOT_MATTERING or "&&other" in call.text:
            continue
        elif re.search(r"\bvoid\b[\s*&]*$", call.text[:re.search(rf"(?:\boperator|\b{re.escape(call.name)})\b", call.text).start()] if not call.name.startswith("~") else "void"):
            continue
        elif not re.match(r"~|operator(?:=|\+\+|\*|->)$", call.name):
            faults.append(f"{call.header}:{call.line}: {call.full} returns what may matter, and is not [[nodiscard]]")
    faults += [f"no statement here drops what {name} returns" for name in sorted(marked - DROPPED.keys())]
    faults += [f"{name} is not [[nodiscard]] in the headers" for name in sorted(DROPPED.keys() - marked)]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", action="append", default=[])
    arguments = parser.parse_args()
    faults = by_headers()
    for compiler in arguments.compiler or ["g++", "clang++-14"]:
        faults += by_compiler(compiler)
    for fault in faults:
        print(fault)
    print(f"{sum(use is not None for use, _ in REFUSED)} uses that must not compile, {len(DROPPED)} results that must not be dropped: "
          f"{'as it should be' if not faults else f'{len(faults)} faults'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
