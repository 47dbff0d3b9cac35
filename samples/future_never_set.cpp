// A lookup promises a result. On the way to it there is an error that is logged and forgotten, and
// with it the promise, which a table keeps: nobody breaks it, nobody keeps it.
//
//     main ──joins──▶ asker ──waits for the result of──▶ a promise in g_open_questions
//
// pstuck: both threads wait for the other one to act, and neither will

#include <future>
#include <map>
#include <thread>

#include "sample.h"

std::map<int, std::promise<int>> g_open_questions;
int errors = 0;

[[gnu::noinline]] void look_up(int question) {
  if (question < 0) {
    ++errors;
    return;
  }
  g_open_questions[question].set_value(1);
}

[[gnu::noinline]] int ask(int question) {
  std::future<int> answer = g_open_questions[question].get_future();
  std::thread(look_up, question).join();
  sample::lock("answer", sample::shared_state(answer), "future");
  sample::waits("answer", "result");
  return answer.get();
}

int main() {
  sample::begin();
  sample::role("main");
  std::thread asker([] { sample::role("asker"), errors += ask(-1); });
  sample::finding("all_asleep");
  sample::unknown("answer");
  sample::ready_after(2);
  sample::waits("asker", "join");
  asker.join();
}
