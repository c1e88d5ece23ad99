#include "tests/base/scratch_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace jet::test {
namespace {

[[noreturn]] void ThrowErrno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

ScratchFolder::ScratchFolder() {
  const char* const wanted = std::getenv("TEST_TMPDIR");
  path_ = absl::StrCat(wanted == nullptr ? "/var/tmp" : wanted, "/jet-test-XXXXXX");
  if (mkdtemp(path_.data()) == nullptr) ThrowErrno(path_);
  // Other users may look inside, as some tests run as one of them.
  if (chmod(path_.c_str(), 0755) != 0) ThrowErrno(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchFolder::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

std::string ScratchFolder::Write(absl::string_view name, base::ByteSpan content,
                                 mode_t mode) const {
  const std::string path = Path(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid() || fchmod(fd.get(), mode) != 0) ThrowErrno(path);
  const absl::Status written = base::WriteAll(fd.get(), content, path);
  if (!written.ok()) throw std::runtime_error(written.ToString());
  return path;
}

std::string ScratchFolder::MakeFolder(absl::string_view name) const {
  std::filesystem::create_directories(Path(name));
  return Path(name);
}

base::UniqueFd Open(const std::string& path, int flags) {
  base::UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) ThrowErrno(path);
  return fd;
}

}  // namespace jet::test
