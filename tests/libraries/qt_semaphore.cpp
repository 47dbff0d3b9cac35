#include <QSemaphore>

#include "hang.h"

QSemaphore semaphore(0);

int main() {
  say_ready(&semaphore);
  semaphore.acquire();
}
