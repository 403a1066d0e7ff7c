#pragma once
// What history.hpp wrote, read again, event by event.
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
    get,  // of plain data
    set,
    fence,
    sleep,
    sleep_refused,      // the word has changed
    sleep_for_nothing,  // woken for no reason
    sleep_over,         // as long as it was to be
    wake,
    wake_nobody,
    woken,  // thread `other`, by the wake before
    yield,
    start,
    start_refused,
    join,
    finish,
    message,
    hidden,   // says nothing to people
    verdict,  // the last one
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
  bool done = true;  // a compare-exchange
  bool spurious = false;
  std::string text;  // as told, without the place
  std::string function, file;
  unsigned line = 0;
};

struct place {        // of an object
  std::string owner;  // "-": the suite
  unsigned long offset = 0;
};

struct telling {
  std::vector<event> events;
  std::map<std::string, place> places;  // by "@5"
  std::map<unsigned, std::string> threads;
  std::map<std::string, std::map<std::string, std::string>> values;  // member, value: name
  std::string rest;                                                  // after the events: what leaked
};

telling read_history(const std::string &text);

}  // namespace verify
