#include <omp.h>

#include "hang.h"

omp_lock_t lock;

int main() {
  omp_init_lock(&lock);
  omp_set_lock(&lock);
  say_ready(&lock);
  omp_set_lock(&lock);
}
