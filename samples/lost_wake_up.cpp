// A printer sleeps until a page comes. The page came first: whoever brought it said so to a
// condition variable that nobody waited for yet, and a notification is not kept. The printer should
// have looked before it slept. Now it sleeps, and main waits for the printer's end.
//
//     main ──joins──▶ printer ──waits for a notification──▶ g_page_came        (nobody is left)
//
// pstuck: both threads wait for the other one to act, and neither will

#include <condition_variable>
#include <mutex>
#include <thread>

#include "sample.h"

std::mutex g_pages;
std::condition_variable g_page_came;
int pages = 0;

[[gnu::noinline]] void bring_page() {
  std::lock_guard lock(g_pages);
  ++pages;
  g_page_came.notify_one();
}

[[gnu::noinline]] void print_page() {
  std::unique_lock lock(g_pages);
  sample::waits("g_page_came", "notification");
  g_page_came.wait(lock);
  --pages;
}

int main() {
  sample::begin();
  sample::role("main");
  sample::lock("g_page_came", &g_page_came, "condition");
  sample::used_with("g_page_came", &g_pages);
  std::thread(bring_page).join();
  std::thread printer([] { sample::role("printer"), print_page(); });
  sample::finding("all_asleep");
  sample::ready_after(2);
  sample::waits("printer", "join");
  printer.join();
}
