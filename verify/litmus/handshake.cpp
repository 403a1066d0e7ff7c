// The wake-up handshake: the submitter publishes work and then looks whether a thread spins; the last spinner says that
// it stops and then looks for work once more. Lost means: the submitter saw a spinner, and the spinner did not see the
// work.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <leg Submitter, leg Spinner>
struct handshake : verify::suite<2> {
  word tail{0};
  word spinning{1};
  int spinners = 0;
  int found = 0;
  void thread(unsigned i) {
    if (i == 0) {
      tail.store(1, Submitter.first);
      fence(Submitter.between);
      spinners = read(spinning, Submitter.reads, Submitter.second);
    } else {
      spinning.fetch_sub(1, Spinner.first);
      fence(Spinner.between);
      found = tail.load(Spinner.second);
    }
  }
  void after() { VERIFY_CHECK(!(spinners == 1 && found == 0)); }
};

constexpr leg submits{release, acquire};
constexpr leg submits_fenced{release, acquire, seq_cst};
constexpr leg spins{acq_rel, acquire};
constexpr leg spins_fenced{acq_rel, acquire, seq_cst};
constexpr leg sc{seq_cst, seq_cst};

#define SHAPE "wake-up handshake"
#define ASKED "work that no thread looks for"

LITMUS(hs_acq_rel, "release, acquire and acq_rel", seen, allowed, handshake<submits, spins>)
LITMUS(hs_fence_submitter, "a seq_cst fence in the submitter", seen, allowed, handshake<submits_fenced, spins>)
LITMUS(hs_fence_spinner, "a seq_cst fence in the spinner", seen, allowed, handshake<submits, spins_fenced>)
LITMUS(hs_fences, "seq_cst fences", never, forbidden, handshake<submits_fenced, spins_fenced>)
LITMUS(hs_seq_cst, "all seq_cst", never, forbidden, handshake<sc, sc>)
LITMUS(hs_release_publish, "all seq_cst but the publishing store", seen, allowed, handshake<leg{release, seq_cst}, sc>)
LITMUS(hs_fence_and_seq_cst, "submitter fenced, spinner seq_cst", seen, forbidden, handshake<submits_fenced, sc>)
LITMUS(hs_seq_cst_and_fence, "submitter seq_cst, spinner fenced", seen, forbidden, handshake<sc, spins_fenced>)
LITMUS(hs_cas, "the submitter asks by a failing CAS", seen, allowed,
       handshake<leg{release, acquire, relaxed, by::failing_cas}, spins>)

// With a read-modify-write of the count on both sides, the later of the two reads the earlier. That orders enough
// without a fence, but only if the submitter's releases and the spinner's acquires.
constexpr leg adds{release, acq_rel, relaxed, by::rmw};
LITMUS(hs_rmw, "both change the count, acq_rel", never, forbidden, handshake<adds, spins>)
LITMUS(hs_rmw_spinner_release, "the same, the spinner's only release", seen, allowed,
       handshake<adds, leg{release, acquire}>)
LITMUS(hs_rmw_submitter_acquire, "the same, the submitter's only acquire", seen, allowed,
       handshake<leg{release, acquire, relaxed, by::rmw}, spins>)

}  // namespace
}  // namespace litmus
