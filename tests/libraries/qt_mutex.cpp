#include <QMutex>

#include "hang.h"

QMutex mutex;

int main() {
  mutex.lock();
  say_ready(&mutex);
  mutex.lock();
}
