// Channels: one goroutine sends words, one measures them, the main goroutine prints what comes out.
#include <cstdio>
#include <string>

#include <heddle/heddle.hpp>

struct measured {
  std::string word;
  std::size_t length;
};

void measure(const heddle::receiver<std::string> &words, const heddle::sender<measured> &out) {
  for (const std::string &word : words) out.send({word, word.size()});
  out.close();
}

int main() {
  return heddle::run([] {
    const heddle::chan<std::string> words;    // unbuffered: a send waits for its receiver
    const heddle::chan<measured> results(8);  // up to 8 values wait in it
    heddle::go([=] { measure(words, results); });
    heddle::go([=] {
      for (const char *word : {"warp", "weft", "shuttle"}) words.send(word);
      words.close();
    });
    while (const std::optional<measured> m = results.recv()) std::printf("%s: %zu\n", m->word.c_str(), m->length);
    std::printf("closed: %s\n", results.closed() ? "yes" : "no");
  });
}
