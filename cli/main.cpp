#include <exception>

#include "cli/commands.h"
#include "cli/trouble.h"

int main(int argc, char** argv) {
  try {
    return pstuck::run_command(argc, argv);
  } catch (const pstuck::Error& error) {
    return pstuck::report_trouble(error);
  } catch (const std::exception& error) {
    return pstuck::report_trouble({pstuck::ErrorKind::kUnreadable, error.what(), ""});
  }
}
