#include <QRunnable>
#include <QThreadPool>

#include "hang.h"

struct Work : QRunnable {
  void run() override {}
};

int main() {
  QThreadPool pool;
  pool.setExpiryTimeout(-1);
  pool.start(new Work);
  say_ready(&pool);
  pause();
}
