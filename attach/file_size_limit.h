#pragma once

#include <csignal>

namespace pstuck {

/// While it lives, a write beyond the limit on the size of files (ulimit -f) fails with EFBIG
/// instead of ending pstuck with SIGXFSZ.
class FileSizeLimit {
 public:
  FileSizeLimit() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &ignore, &before_);
  }
  ~FileSizeLimit() { ::sigaction(SIGXFSZ, &before_, nullptr); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace pstuck
