#include "cli/commands.h"

int main(int argc, char** argv) { return pstuck::run_command(argc, argv); }
