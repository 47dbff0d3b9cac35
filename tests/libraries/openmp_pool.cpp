#include "hang.h"

static int squares[64];

int main() {
#pragma omp parallel for num_threads(3)
  for (int i = 0; i < 64; ++i) squares[i] = i * i;
  say_ready(squares);
  pause();
}
