#include "tests/integration/elsewhere.h"

#include "tests/integration/sample_run.h"

namespace pstuck::testing {

Elsewhere::Elsewhere() : root_(make_test_directory()) {
  // The loader of the libraries is among what ldd names.
  const std::string copy =
      "mkdir \"$1/own\" && cp \"$2\" \"$1/own/pstuck\" && "
      "ldd \"$2\" | grep -o '/[^ ]*' | xargs -I{} cp -L {} \"$1/own/\"";
  const Outcome copied = run({"sh", "-c", copy, "sh", root_.string(), PSTUCK_BINARY});
  if (copied.status != 0) why_not_ = "pstuck could not be copied: " + copied.err;
  const Outcome tried = run_pstuck({"--version"});
  if (tried.status != 0) why_not_ = "chroot does not work here: " + tried.err;
}

Elsewhere::~Elsewhere() { std::filesystem::remove_all(root_); }

Outcome Elsewhere::run_pstuck(const Command& words) const {
  Command command = {"chroot",         root_.string(), "/own/ld-linux-x86-64.so.2",
                     "--library-path", "/own",         "/own/pstuck"};
  command.insert(command.end(), words.begin(), words.end());
  return run(command);
}

}  // namespace pstuck::testing
