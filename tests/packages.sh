# Sourced by the scripts: installs Debian and Ubuntu packages that are missing.

# Needed to build pstuck.
build_packages=(g++ make cmake libdw-dev libelf-dev libcli11-dev libfmt-dev nlohmann-json3-dev
  libiberty-dev libcapstone-dev libtomlplusplus-dev libzstd-dev zlib1g-dev liblzma-dev liblz4-dev)
# Needed to build and run the tests: gdb has gcore, libc6-dbg the names inside libc.
test_packages=("${build_packages[@]}" libgtest-dev gdb libc6-dbg python3-jsonschema python3-pytest util-linux
  iproute2 musl-tools zstd xz-utils lz4 libdebuginfod1)
# Libraries whose locks are known: tests/libraries.
test_packages+=(pkg-config libglib2.0-dev libabsl-dev qtbase5-dev libtbb-dev libjemalloc-dev
  libasio-dev rustc cargo librust-parking-lot-dev librust-rayon-dev)
# Cores of another machine: tests/integration/aarch64_test.cpp.
test_packages+=(qemu-user g++-aarch64-linux-gnu)
# Servers that are looked at while they are idle: tests/integration/servers_test.cpp.
test_packages+=(openssl nginx redis-server postgresql mariadb-server)

need_packages() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing: ${missing[*]}" >&2
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
