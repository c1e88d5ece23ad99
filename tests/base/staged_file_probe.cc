// Publishes files together, for the test that kills it: each argument is "PATH=OCTAL_MODE". Prints
// the status; exits with 0 when that is OK.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/staged_file.h"
#include "base/status_macros.h"

namespace jet::base {
namespace {

absl::Status PublishAll(const std::vector<std::string>& arguments) {
  std::vector<StagedFile> files;
  for (const std::string& argument : arguments) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(argument, '=');
    const auto mode = static_cast<mode_t>(std::strtoul(parts.second.c_str(), nullptr, 8));
    JET_ASSIGN_OR_RETURN(StagedFile file,
                         StagedFile::Write(parts.first, mode, AsBytes(parts.first)));
    files.push_back(std::move(file));
  }
  return PublishTogether(files);
}

}  // namespace
}  // namespace jet::base

int main(int argc, char** argv) {
  const absl::Status status =
      jet::base::PublishAll(std::vector<std::string>(argv + 1, argv + argc));
  std::puts(status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
