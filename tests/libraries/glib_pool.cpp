#include <glib.h>

#include "hang.h"

static void work(void*, void*) {}

int main() {
  GThreadPool* pool = g_thread_pool_new(work, nullptr, 2, TRUE, nullptr);
  for (int i = 1; i <= 2; ++i) g_thread_pool_push(pool, GINT_TO_POINTER(i), nullptr);
  say_ready(pool);
  pause();
}
