#include <glib.h>

#include "hang.h"

static GMutex mutex;

int main() {
  g_mutex_lock(&mutex);
  say_ready(&mutex);
  g_mutex_lock(&mutex);
}
