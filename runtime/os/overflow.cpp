// What is said when a goroutine has used all of its stack: a handler for the signals of faults. It runs on the
// alternate stack that each M has, because there is no room on the goroutine's.
#include <csignal>
#include <mutex>

#include <ucontext.h>

#include "runtime/os/fatal.hpp"
#include "runtime/os/report.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS};

struct overflow {
  const g *gp;
  const ucontext_t *context;
};

void tell(void *raw) noexcept {
  const overflow &o = *static_cast<const overflow *>(raw);
  const struct stack its = o.gp->stack.get();
  short_text text;
  text.add("fatal error: stack overflow\n");
  introduce(text, o.gp);
  text.addf("  it has used all of its stack, which has %zu KiB. ", static_cast<std::size_t>(its.hi - its.lo) / 1024);
  text.add(o.gp == o.gp->home->maing.peek()
               ? "RLIMIT_STACK (ulimit -s) and options.stack_size set the size for the main goroutine\n"
               : "options.stack_size sets the size for all goroutines, heddle::go(f, stack_size) for one\n");
  const auto *registers = o.context->uc_mcontext.gregs;
  print_interrupted_stack(o.gp, static_cast<std::uintptr_t>(registers[REG_RIP]),
                          reinterpret_cast<const void *>(registers[REG_RBP]), short_text::line, &text);
  print_error(text.get());
}

// The handlers that were there before.
struct previous_handler {
  int number;
  struct sigaction action;

  void reset() noexcept {
    action = {};
    action.sa_handler = SIG_DFL;
  }

  // Does what would have happened without our handler.
  void pass_on(siginfo_t *info, void *context) noexcept {
    const bool sent = info->si_code <= 0;  // by a process, and not by a fault
    const bool with_info = (action.sa_flags & SA_SIGINFO) != 0;
    if (!with_info && action.sa_handler == SIG_IGN && sent) return;
    if (!with_info && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) {
      // The faulting instruction is executed again, or the signal comes again, and the kernel ends the process.
      struct sigaction by_default = {};
      by_default.sa_handler = SIG_DFL;
      sigaction(number, &by_default, nullptr);
      if (sent) raise(number);
      return;
    }
    const struct sigaction to = action;
    if ((static_cast<unsigned>(to.sa_flags) & unsigned{SA_RESETHAND}) != 0) reset();
    sigset_t mask = to.sa_mask, before;
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    if ((to.sa_flags & SA_NODEFER) != 0 && sigismember(&to.sa_mask, number) == 0) {
      sigemptyset(&mask);
      sigaddset(&mask, number);
      pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
    }
    if (with_info)
      to.sa_sigaction(number, info, context);
    else
      to.sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

previous_handler before_ours[] = {{SIGSEGV, {}}, {SIGBUS, {}}};

void on_fault(int number, siginfo_t *info, void *context) {
  const int error = errno;
  const g *gp = info->si_code > 0 ? running_g() : nullptr;
  const char *at = static_cast<const char *>(info->si_addr);
  struct stack its;
  if (gp != nullptr) its = gp->stack.get();
  if (its && at < its.lo && at >= its.lo - stackpool::guard()) {
    overflow o{gp, static_cast<const ucontext_t *>(context)};
    on_report_stack([](void *raw) { tell(raw); }, &o);
  }
  before_ours[number == SIGBUS].pass_on(info, context);
  errno = error;
}

// Which runtimes want the handlers, and whether they are in. A handler that the embedder has put above ours may call
// ours: then ours stays, and is never installed again, or the two would call each other for ever.
struct installation {
  std::mutex lock;
  int wanted = 0;
  bool in[2] = {};

  void install() noexcept {
    for (std::size_t i = 0; i < 2; ++i) {
      if (in[i]) continue;
      struct sigaction ours = {}, now = {};
      if (sigaction(signals[i], nullptr, &now) != 0) continue;
      ours.sa_sigaction = on_fault;
      ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (now.sa_flags & SA_RESTART);
      before_ours[i].action = now;
      in[i] = sigaction(signals[i], &ours, nullptr) == 0;
    }
  }
  void remove() noexcept {
    for (std::size_t i = 0; i < 2; ++i) {
      struct sigaction now = {};
      if (!in[i] || sigaction(signals[i], nullptr, &now) != 0) continue;
      if ((now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != on_fault) continue;
      in[i] = sigaction(signals[i], &before_ours[i].action, nullptr) != 0;
    }
  }
} installed;

}  // namespace

overflow_watch::overflow_watch() noexcept {
  const std::lock_guard hold(installed.lock);
  if (installed.wanted++ == 0) installed.install();
}

overflow_watch::~overflow_watch() {
  const std::lock_guard hold(installed.lock);
  if (--installed.wanted == 0) installed.remove();
}

HEDDLE_DETAIL_END
