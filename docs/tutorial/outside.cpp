// Threads outside: a thread that heddle did not start uses the same channels, and may start goroutines.
#include <cstdio>
#include <thread>

#include <heddle/heddle.hpp>

int main() {
  heddle::runtime rt;
  const heddle::chan<int> questions, answers;

  std::thread outside([&] {
    // Without a runtime "here", go is a member of the runtime that shall run it.
    rt.go([=] {
      for (int q : questions) answers.send(q * 2);
      answers.close();
    });
    questions.send(21);  // blocks this thread until a goroutine receives
    questions.close();
  });

  const int status = rt.run([&] {
    for (int a : answers) std::printf("answer %d\n", a);
  });
  outside.join();
  return status;
}
