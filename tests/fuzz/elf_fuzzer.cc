// Fuzzes what is read of ELF headers and sections to tell the kind of a file. What is said with and
// without kernel modules asked for differs in no other way than that.
//   build/fuzz/tests/fuzz/elf_fuzzer -max_len=4096 -max_total_time=60
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"
#include "base/file_kind.h"

namespace jet::base {
namespace {

constexpr mode_t kExecutable = S_IFREG | 0755;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "elf_fuzzer: %s\n", what);
  std::abort();
}

int FileWith(const uint8_t* data, size_t size) {
  static const int fd = memfd_create("elf", MFD_CLOEXEC);
  Require(fd >= 0 && ftruncate(fd, 0) == 0, "no file");
  Require(pwrite(fd, data, size, 0) == static_cast<ssize_t>(size), "cannot write");
  return fd;
}

}  // namespace
}  // namespace jet::base

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using jet::base::FileKind;
  const int fd = jet::base::FileWith(data, size);
  const auto plain = jet::base::ReadFileKind(fd, jet::base::kExecutable, /*modules=*/false);
  const auto modules = jet::base::ReadFileKind(fd, jet::base::kExecutable, /*modules=*/true);
  jet::base::Require(plain.ok() && modules.ok(), "a file without a kind");
  jet::base::Require(*plain == *modules ||
                         (*plain == FileKind::kObjectFile && *modules == FileKind::kKernelModule),
                     "asking for modules changes what else is said");
  // The first bytes decide but for what the sections tell.
  const FileKind first = jet::base::FileKindOf(
      jet::base::ByteSpan(data, std::min(size, jet::base::kFileKindBytes)), jet::base::kExecutable);
  jet::base::Require(first == *plain || (first == FileKind::kElf && *plain == FileKind::kDebugFile),
                     "the sections contradict the header");
  return 0;
}
