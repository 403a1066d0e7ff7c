#pragma once
// Reads what history.hpp wrote, event by event.
#include <map>
#include <string>
#include <vector>

namespace verify {

struct event {
  enum kind_t {
    load,
    store,
    rmw,
    cas,
    get,  // reads plain data
    set,
    fence,
    sleep,
    sleep_refused,      // the word has changed
    sleep_for_nothing,  // ended for no reason
    sleep_over,         // ended because its time is over
    wake,
    wake_nobody,
    woken,  // thread `other`, by the wake before this event
    yield,
    start,
    start_refused,
    join,
    finish,
    message,
    hidden,   // of no use to a reader
    verdict,  // the last event
  };
  enum part_t { setup, threads, after };

  kind_t kind = message;
  part_t part = threads;
  unsigned thread = 0;
  unsigned other = 0;
  std::string object;  // "@5"
  std::string operation;
  std::string order;
  std::string read, written, previous, expected;  // values, also "@5", or "@5#2" for a packed pointer
  bool stale = false;
  bool done = true;  // false: a compare-exchange that failed
  bool spurious = false;
  std::string text;  // as told, without the place
  std::string function, file;
  unsigned line = 0;
};

struct place {        // where an object lies
  std::string owner;  // "-": the suite
  unsigned long offset = 0;
};

struct telling {
  std::vector<event> events;
  std::map<std::string, place> places;  // keys like "@5"
  std::map<unsigned, std::string> threads;
  std::map<std::string, std::map<std::string, std::string>> values;  // member, value: name
  std::string rest;                                                  // after the events: what leaked
};

telling read_history(const std::string &text);

}  // namespace verify
