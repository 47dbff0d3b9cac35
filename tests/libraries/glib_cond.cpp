#include <glib.h>

#include "hang.h"

static GMutex mutex;
static GCond condition;

int main() {
  g_mutex_lock(&mutex);
  say_ready(&condition);
  for (;;) g_cond_wait(&condition, &mutex);
}
