#include <QMutex>
#include <QWaitCondition>

#include "hang.h"

QMutex mutex;
QWaitCondition condition;

int main() {
  mutex.lock();
  say_ready(&condition);
  for (;;) condition.wait(&mutex);
}
