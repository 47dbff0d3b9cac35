#include "attach/file_places.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/elf_bytes.h"

namespace pstuck {
namespace {

namespace fs = std::filesystem;

using testing::Bytes;
using testing::make_library_page;

class FilePlacesTest : public ::testing::Test {
 protected:
  FilePlacesTest()
      : root_(fs::temp_directory_path() / ("pstuck-places-" + std::to_string(::getpid()))) {
    fs::create_directories(root_);
  }
  ~FilePlacesTest() override { fs::remove_all(root_); }

  std::string write(const std::string& name, const Bytes& bytes) const {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path.string();
  }

  fs::path root_;
};

/// As objcopy --only-keep-debug leaves it: its code has no bytes.
Bytes make_debug_file(std::string_view build_id) {
  Bytes page = make_library_page(build_id);
  Elf64_Phdr code;
  std::memcpy(&code, page.data() + sizeof(Elf64_Ehdr), sizeof code);
  code.p_filesz = 0;
  std::memcpy(page.data() + sizeof(Elf64_Ehdr), &code, sizeof code);
  return page;
}

TEST_F(FilePlacesTest, LinksStayInTheSysroot) {
  const std::string file = write("usr/lib/libx.so.1.2", {});
  fs::create_directory_symlink("/usr/lib", root_ / "lib");
  fs::create_symlink("/usr/lib/libx.so.1.2", root_ / "usr/lib/libx.so.1");
  fs::create_symlink("../../../../../usr/lib/libx.so.1", root_ / "usr/lib/libx.so");
  const std::string root = root_.string();
  for (const char* const path : {"/usr/lib/libx.so.1.2", "/lib/libx.so.1", "/lib/libx.so"}) {
    EXPECT_EQ(resolve_in_sysroot(root, path), fs::canonical(file).string()) << path;
  }
  EXPECT_EQ(resolve_in_sysroot(root, "/usr/lib/none.so"), root + "/usr/lib/none.so");
}

TEST_F(FilePlacesTest, FilesAreFoundByBuildIdWhateverTheyAreCalled) {
  const std::string program = write("some program", make_library_page("\x12\x34"));
  const std::string debug = write("x.dbg", make_debug_file("\x12\x34"));
  write("other", make_library_page("\x12\x35"));
  write("without id", make_library_page(""));
  write("text", Bytes(100, std::byte{'a'}));
  FilesByBuildId files({"/none", root_.string()});
  const std::string kept = root_.string() + "/.build-id/12/34";
  EXPECT_EQ(files.find_programs("1234"),
            (std::vector<std::string>{"/none/.build-id/12/34", kept, program}));
  EXPECT_EQ(
      files.find_debug_files("1234"),
      (std::vector<std::string>{"/none/.build-id/12/34.debug", kept + ".debug", debug, program}));
  EXPECT_EQ(files.find_programs("99"), (std::vector<std::string>{}));
}

}  // namespace
}  // namespace pstuck
