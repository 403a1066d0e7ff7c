// Refuses each call that the system can refuse, once and for a while, the first one, one in the middle and the last, of
// a handful of programs. Each must end: right, or with an error in words; nothing hangs, nothing is lost, no deadlock is
// reported that is none.
//
//   refusals_test [--library LIBHEDDLE --lists FOLDER] [--all | --every] [--row NAME] [--verbose]
//
// With a library it first checks that each function that the library calls has a row or is on the list of those that
// cannot fail (cannot_fail.txt), and that docs/refusals.md has each row. Exit status: 0 all is right, 1 not so.
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "heddle/heddle.hpp"
#include "runtime/test/refusals/rows.hpp"

namespace {

using namespace std::chrono_literals;
using refusals::row;

// --------------------------------------------------------------------------------------------------------- the programs

heddle::options on(int procs) {
  heddle::options o;
  o.procs = procs;
  return o;
}

// Starts a goroutine; false: it was refused, in words.
template <class F>
bool try_go(F &&f, std::size_t stack_size = 0) {
  try {
    heddle::go(std::forward<F>(f), stack_size);
    return true;
  } catch (const std::bad_alloc &) {
    return false;
  }
}

template <class F>
[[gnu::noinline]] int deep(int n, F &&f) {
  volatile char frame[300];
  frame[0] = static_cast<char>(n);
  if (n == 0)
    f();
  else
    deep(n - 1, f);
  return frame[0];
}

// Producers and a consumer, on as many Ps as the system grants.
int channels() {
  bool right = true;
  const int status = heddle::run(
      [&] {
        const heddle::chan<int> c(4);
        long sum = 0, want = 0;
        int producers = 0;
        heddle::wait_group wg;
        for (int p = 0; p < 4; ++p) {
          wg.add(1);
          if (!try_go([&c, &wg, p] {
                for (int i = 0; i < 50; ++i) c.send(p * 1000 + i);
                wg.done();
              })) {
            wg.done();
            continue;
          }
          ++producers;
          want += p * 50'000 + 49 * 25;
        }
        for (int i = 0; i < producers * 50; ++i) sum += *c.recv();
        wg.wait();
        right = sum == want;
      },
      on(0));
  return status != 0 ? status : right ? 0 : 1;
}

// Many goroutines at once, each deep on its stack, and some on stacks of their own size.
int many() {
  bool right = true;
  const int status = heddle::run(
      [&] {
        std::atomic<int> done{0};
        const heddle::chan<int> gate;
        int started = 0;
        for (int i = 0; i < 150; ++i)
          started += try_go(
              [&] {
                (void)deep(20, [] {});
                (void)gate.recv();
                done.fetch_add(1);
              },
              i % 30 == 7 ? std::size_t{256} << 10 : 0);
        heddle::yield();
        gate.close();
        for (int k = 0; k < 20'000 && done.load() != started; ++k) heddle::sleep_for(1ms);
        right = done.load() == started;
      },
      on(2));
  return status != 0 ? status : right ? 0 : 1;
}

// Calls that block their threads, and timers.
int calls() {
  bool right = true;
  const int status = heddle::run(
      [&] {
        std::atomic<int> done{0};
        int started = 0;
        for (int i = 0; i < 6; ++i) {
          started += try_go([&] {
            heddle::blocking_long([] { std::this_thread::sleep_for(5ms); });
            done.fetch_add(1);
          });
          started += try_go([&] {
            heddle::sleep_for(3ms);
            done.fetch_add(1);
          });
        }
        for (int k = 0; k < 20'000 && done.load() != started; ++k) heddle::sleep_for(1ms);
        right = done.load() == started;
      },
      on(2));
  return status != 0 ? status : right ? 0 : 1;
}

// A thread from outside sends, with pauses in which all goroutines sleep: that is no deadlock.
int outside() {
  const heddle::chan<int> c;
  std::thread sender([&c] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(2ms);
      c.send(i);
    }
    c.close();
  });
  long sum = 0;
  int status = 3;
  try {
    status = heddle::run(
        [&] {
          while (const auto v = c.recv()) sum += *v;
        },
        on(2));
  } catch (const std::exception &e) {
    std::fprintf(stderr, "refused: %s\n", e.what());
  }
  if (status != 0) _exit(status);  // no goroutine will ever receive
  sender.join();
  return sum == 45 ? 0 : 1;
}

// Threads of their own, a stopped world, more Ps, a dump.
int world() {
  bool right = true;
  const int status = heddle::run(
      [&] {
        std::atomic<int> done{0};
        int started = 0;
        for (int i = 0; i < 4; ++i)
          started += try_go([&] {
            heddle::lock_os_thread();
            heddle::gosched();
            done.fetch_add(1);
          });
        heddle::stop_the_world([] {});
        try {
          heddle::set_procs(4);
          std::ostringstream out;
          heddle::dump(out);
          heddle::set_procs(1);
        } catch (const std::bad_alloc &) {
        }
        for (int k = 0; k < 20'000 && done.load() != started; ++k) heddle::sleep_for(1ms);
        right = done.load() == started;
      },
      on(2));
  return status != 0 ? status : right ? 0 : 1;
}

// Tasks, mutexes, a runtime after a runtime, one that is fed from outside and one that is given up.
int lives() {
  bool right = true;
  for (int again = 0; again < 2; ++again) {
    const int status = heddle::run(
        [&] {
          heddle::mutex mu;
          int n = 0;
          for (int i = 0; i < 5; ++i) {
            try {
              auto t = heddle::spawn([&] {
                mu.lock();
                ++n;
                mu.unlock();
                return i;
              });
              right &= t.get() == i;
            } catch (const std::bad_alloc &) {
              mu.lock();
              ++n;
              mu.unlock();
            }
          }
          right &= n == 5;
        },
        on(2));
    if (status != 0) return status;
  }
  heddle::runtime rt(on(2));
  heddle::wait_group wg;
  for (int i = 0; i < 5; ++i) {
    wg.add(1);
    try {
      rt.go([&] { wg.done(); });
    } catch (const std::bad_alloc &) {
      wg.done();
    }
  }
  wg.wait();
  right &= rt.shutdown(20s);
  return right ? 0 : 1;
}

// Texts that grow while stacks are written: a dump, and the goroutines that have not ended.
int reports() {
  heddle::options o = on(1);
  std::string leaks;
  o.on_leak = [](void *to, const char *text) { *static_cast<std::string *>(to) = text; };
  o.on_leak_arg = &leaks;
  bool right = true;
  const int status = heddle::run(
      [&right] {
        for (int i = 0; i < 12; ++i) (void)try_go([i] { (void)deep(i % 4 * 12, [] { heddle::sleep_for(1h); }); });
        heddle::gosched();
        std::ostringstream out;
        (void)deep(50, [&out] { heddle::dump(out); });
        right = out.str().find("[running] (main)") != std::string::npos;
      },
      o);
  return status != 0 ? status : right ? 0 : 1;
}

void leave_counts() noexcept;

// All wait for each other: the report, and status 2.
int deadlock() {
  heddle::options o = on(2);
  o.dump_on_deadlock = true;
  o.on_fatal = [](void *, const char *) { leave_counts(); };
  (void)heddle::run(
      [] {
        const heddle::chan<int> c;
        (void)try_go([&c] { (void)c.recv(); });
        (void)c.recv();
      },
      o);
  return 1;
}

struct program {
  const char *name;
  int (*run)();
  // Of so many calls of a row each one is refused; of more the first, one in the middle, and the last.
  std::uint64_t dense = 3;
};
constexpr program programs[] = {{"channels", channels},    {"many", many},        {"calls", calls},
                                {"outside", outside},      {"world", world},      {"lives", lives},
                                {"reports", reports, 250}, {"deadlock", deadlock}};

// ---------------------------------------------------------------------------------------------------------- one attempt

struct counts {
  std::uint64_t calls[refusals::rows];
  std::uint64_t refused;
  long strange[16];
};
counts *shared = nullptr;

void leave_counts() noexcept {
  for (int i = 0; i < refusals::rows; ++i) shared->calls[i] = refusals::calls(static_cast<row>(i));
  shared->refused = refusals::refused();
  for (std::size_t i = 0; i < std::size(shared->strange); ++i) shared->strange[i] = refusals::strange_syscall(i);
}

struct outcome {
  enum kind { right, error_in_words, reported, wrong } how = wrong;
  std::string text;
};

outcome judge(const program &p, row what, int status, bool hung, const std::string &words) {
  const auto has = [&words](const char *part) { return words.find(part) != std::string::npos; };
  if (hung) return {outcome::wrong, "hangs"};
  if (WIFSIGNALED(status)) return {outcome::wrong, "signal " + std::to_string(WTERMSIG(status))};
  const int code = WEXITSTATUS(status);
  const bool muted = what == row::write_;
  if (p.run == deadlock) {
    if (code == 2 && (has("all goroutines are asleep") || muted)) return {outcome::reported, ""};
    if (has("refused: ") || has("heddle: ") || has("fatal error: ")) return {outcome::error_in_words, words};
    return {outcome::wrong, "status " + std::to_string(code)};
  }
  if (code == 0) return {outcome::right, ""};
  if (has("deadlock")) return {outcome::wrong, "a deadlock that is none"};
  if (code == 1) return {outcome::wrong, "something is lost"};
  if (muted || has("refused: ") || has("heddle: ") || has("fatal error: ")) return {outcome::error_in_words, words};
  return {outcome::wrong, "status " + std::to_string(code) + " without a word"};
}

outcome attempt(const program &p, const refusals::plan &plan) {
  std::memset(shared, 0, sizeof *shared);
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    refusals::set_plan(plan);
    int status = 3;
    try {
      status = p.run();
    } catch (const std::exception &e) {
      std::fprintf(stderr, "refused: %s\n", e.what());
    }
    leave_counts();
    _exit(status);
  }
  close(ends[1]);
  std::string words;
  const auto until = std::chrono::steady_clock::now() + 30s;
  bool hung = false;
  for (;;) {
    pollfd at{ends[0], POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || poll(&at, 1, static_cast<int>(left.count())) == 0) {
      hung = true;
      kill(pid, SIGKILL);
      break;
    }
    char piece[512];
    const ssize_t n = read(ends[0], piece, sizeof piece);
    if (n <= 0) break;
    words.append(piece, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  outcome o = judge(p, plan.what, status, hung, words);
  if (o.how == outcome::wrong) o.text += "\n" + words;
  return o;
}

// -------------------------------------------------------------------------------------------------------------- the table

struct tally {
  int points = 0, ended[4] = {};
  int first_right = 0, first_right_refused = 0;  // where the first call was to be refused
};

struct choices {
  bool all = false, every = false, verbose = false;
  std::string only;
};

int try_row(row what, const choices &c) {
  tally t;
  int bad = 0;
  std::string tried;
  for (const program &p : programs) {
    (void)attempt(p, {});
    const std::uint64_t n = shared->calls[static_cast<int>(what)];
    if (n == 0) continue;
    std::set<std::uint64_t> firsts{1, (n + 1) / 2, n};
    const std::uint64_t step = c.every || n <= p.dense ? 1 : c.all ? std::max<std::uint64_t>(n / 20, 1) : n;
    for (std::uint64_t k = 1 + step; k < n; k += step) firsts.insert(k);
    for (const std::uint64_t first : firsts)
      for (const bool once : {true, false}) {
        const refusals::plan plan{what, first, once ? 1 : ~std::uint64_t{0} - first,
                                  once ? 1'000'000'000'000 : 30'000'000};
        const outcome o = attempt(p, plan);
        ++t.points;
        ++t.ended[o.how];
        t.first_right += o.how == outcome::right && first == 1;
        t.first_right_refused += o.how == outcome::right && first == 1 && shared->refused != 0;
        if (o.how == outcome::wrong || c.verbose)
          std::printf("  %s: %s, from call %llu %s: %s\n", refusals::info[static_cast<int>(what)].name, p.name,
                      static_cast<unsigned long long>(first), once ? "once" : "for 30 ms", o.text.c_str());
        bad += o.how == outcome::wrong;
      }
    tried += std::string(tried.empty() ? "" : " ") + p.name;
  }
  std::printf("%-24s %4d points: %4d right, %3d errors in words, %3d reported, %d wrong  (%s)\n",
              refusals::info[static_cast<int>(what)].name, t.points, t.ended[outcome::right],
              t.ended[outcome::error_in_words], t.ended[outcome::reported], t.ended[outcome::wrong], tried.c_str());
  std::fflush(stdout);
  if (t.first_right != 0 && t.first_right_refused == 0) {
    std::printf("  the first call was not refused at all\n");
    ++bad;
  }
  const char *const untried = refusals::info[static_cast<int>(what)].untried;
  if ((t.points == 0) != (untried != nullptr)) {
    std::printf("  %s\n", t.points == 0 ? "no program makes this call" : "it is tried after all");
    ++bad;
  }
  return bad;
}

// ---------------------------------------------------------------------------------------------------------- is it complete?

std::string output_of(const std::string &command) {
  std::string text;
  std::FILE *const out = popen(command.c_str(), "r");
  if (out == nullptr) return text;
  char piece[4096];
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, out)) != 0;) text.append(piece, n);
  pclose(out);
  return text;
}

std::set<std::string> words_of(const std::string &text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string read_all(const std::string &path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

int check_complete(const std::string &library, const std::string &lists, const std::string &page) {
  int bad = 0;
  const auto complain = [&bad](const std::string &what) {
    std::printf("  %s\n", what.c_str());
    ++bad;
  };
  std::set<std::string> known;
  const std::string text = read_all(page);
  if (text.empty()) complain(page + ": cannot be read");
  for (const refusals::row_info &r : refusals::info) {
    known.merge(words_of(r.symbols));
    if (text.find("| `" + std::string(r.name) + "` |") == std::string::npos)
      complain("docs/refusals.md has no row `" + std::string(r.name) + "`");
  }
  std::istringstream list(read_all(lists + "/cannot_fail.txt"));
  for (std::string line; std::getline(list, line);)
    if (!line.empty() && line[0] != '#') known.insert(line.substr(0, line.find(' ')));
  std::istringstream needed(output_of("nm -u '" + library + "'"));
  std::size_t symbols = 0;
  for (std::string line; std::getline(needed, line);) {
    std::istringstream in(line);
    std::string kind, symbol;
    if (!(in >> kind >> symbol) || kind != "U" || symbol.find("heddle") != std::string::npos) continue;
    ++symbols;
    // The C++ library's types, vtables and what throws by itself; what is thrown is the standard's own.
    if (symbol.compare(0, 4, "_ZNS") == 0 || symbol.compare(0, 4, "_ZNK") == 0 || symbol.compare(0, 4, "_ZSt") == 0 ||
        symbol.compare(0, 4, "_ZTI") == 0 || symbol.compare(0, 4, "_ZTV") == 0 || symbol.compare(0, 4, "_ZTT") == 0 ||
        symbol.compare(0, 4, "_ZdlP") == 0)
      continue;
    if (known.count(symbol) == 0) complain("the library calls " + symbol + ", which has no row and is not on the list");
  }
  if (symbols < 20) complain("nm does not show what " + library + " needs");
  std::printf("%zu functions that the library calls: each has a row or cannot fail%s\n", symbols,
              bad == 0 ? "" : " - not so");
  return bad;
}

int check_syscalls() {
  int bad = 0;
  for (const program &p : programs) {
    (void)attempt(p, {});
    for (const long number : shared->strange)
      if (number != 0) {
        std::printf("  syscall(%ld) has no row (%s)\n", number, p.name);
        ++bad;
      }
  }
  return bad;
}

}  // namespace

int main(int argc, char **argv) {
  choices c;
  std::string library, lists, page;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto next = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--library")
      library = next();
    else if (word == "--lists")
      lists = next();
    else if (word == "--page")
      page = next();
    else if (word == "--row")
      c.only = next();
    else if (word == "--all")
      c.all = true;
    else if (word == "--every")
      c.every = true;
    else if (word == "--verbose")
      c.verbose = true;
    else
      return std::fprintf(stderr, "unknown word: %s\n", argv[i]), 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);  // or a child that ends by itself prints what its parent has not written yet
  signal(SIGPIPE, SIG_IGN);
  void *const at = mmap(nullptr, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return 2;
  shared = static_cast<counts *>(at);
  int bad = check_syscalls();
  if (!library.empty()) bad += check_complete(library, lists, page);
  for (int i = 0; i < refusals::rows; ++i)
    if (c.only.empty() || c.only == refusals::info[i].name) bad += try_row(static_cast<row>(i), c);
  std::printf(bad == 0 ? "all is as it should be\n" : "%d faults\n", bad);
  return bad == 0 ? 0 : 1;
}
