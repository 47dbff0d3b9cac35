// A settings object, made when it is first asked for, asks the log for a file while it is made; the
// log asks for the settings. The thread waits for the end of what it is itself in the middle of.
//
//     loader ──wants the settings made──▶ their guard ──initialised by──▶ loader
//
// pstuck: itself

#include "sample.h"

struct Settings {
  explicit Settings(int level) : log_level(level) {}
  int log_level;
};

int make_log_file();
int files = 0;

[[gnu::noinline]] Settings& settings() {
  if (files > 0) sample::waits("guard", "initialisation");
  static Settings made(make_log_file());
  return made;
}

[[gnu::noinline]] int make_log_file() {
  sample::partner("guard", "initialises", __LINE__, "settings");
  ++files;
  return settings().log_level + 1;
}

int main() {
  sample::begin();
  sample::lock("guard", nullptr, "static_guard");
  sample::start("loader", [] { settings().log_level = 1; });
  sample::needs("library_symbols", "partner cycle finding");
  sample::cycle("loader"), sample::finding("deadlock", "inferred");
  sample::ready(1);
}
