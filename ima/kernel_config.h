// The configuration that the running kernel was built with, where it can be read.
#ifndef JET_IMA_KERNEL_CONFIG_H_
#define JET_IMA_KERNEL_CONFIG_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace jet::ima {

// A kernel's .config. A value.
class KernelConfig {
 public:
  enum class Value { kNo, kModule, kYes };

  // Reads, below `root`, proc/config.gz, which is the kernel's own word, else the files that
  // distributions install for the kernel `release`: boot/config-RELEASE,
  // lib/modules/RELEASE/config. NOT_FOUND when there is none of them; DATA_LOSS when
  // /proc/config.gz does not decompress.
  static absl::StatusOr<KernelConfig> Read(const std::string& root, const std::string& release);

  // Takes the lines CONFIG_<option>=<value> of `text`.
  KernelConfig(absl::string_view text, std::string path);

  // What `option`, without "CONFIG_", is set to; kNo for one that is not set, and for one that has
  // a number or a text.
  Value Of(const std::string& option) const;

  // The file that it was read from.
  const std::string& path() const { return path_; }

 private:
  std::map<std::string, Value> options_;
  std::string path_;
};

}  // namespace jet::ima

#endif  // JET_IMA_KERNEL_CONFIG_H_
