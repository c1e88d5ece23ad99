#include "ima/kernel_config.h"

#include <zlib.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace jet::ima {
namespace {

// Today's are 300 KB, and 70 KB compressed.
constexpr size_t kMaxConfig = 4 * 1024 * 1024;

// Decompresses what gzip wrote.
absl::StatusOr<std::string> Decompress(const base::Bytes& compressed, const std::string& path) {
  std::string text(kMaxConfig, '\0');
  z_stream stream = {};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot begin to decompress '", path, "'"));
  }
  // zlib reads through a pointer that is not const.
  base::Bytes input = compressed;
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(&text[0]);
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  const size_t size = stream.total_out;
  (void)inflateEnd(&stream);
  if (result != Z_STREAM_END) {
    return absl::DataLossError(absl::StrCat("cannot decompress '", path, "'"));
  }
  text.resize(size);
  return text;
}

absl::StatusOr<KernelConfig> ReadCompressed(const std::string& root) {
  const std::string path = "/proc/config.gz";
  JET_ASSIGN_OR_RETURN(const base::Bytes compressed, base::ReadFile(root + path, kMaxConfig));
  JET_ASSIGN_OR_RETURN(const std::string text, Decompress(compressed, path));
  return KernelConfig(text, path);
}

}  // namespace

absl::StatusOr<KernelConfig> KernelConfig::Read(const std::string& root,
                                                const std::string& release) {
  absl::StatusOr<KernelConfig> own = ReadCompressed(root);
  if (!absl::IsNotFound(own.status())) return own;
  for (const std::string& path : {absl::StrCat("/boot/config-", release),
                                  absl::StrCat("/lib/modules/", release, "/config")}) {
    const absl::StatusOr<base::Bytes> content = base::ReadFile(root + path, kMaxConfig);
    if (content.ok()) return KernelConfig(base::AsText(*content), path);
    if (!absl::IsNotFound(content.status())) return content.status();
  }
  return absl::NotFoundError("the kernel's configuration is not at hand");
}

KernelConfig::KernelConfig(absl::string_view text, std::string path) : path_(std::move(path)) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, "CONFIG_")) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (parts.second == "y") options_[std::string(parts.first)] = Value::kYes;
    if (parts.second == "m") options_[std::string(parts.first)] = Value::kModule;
  }
}

KernelConfig::Value KernelConfig::Of(const std::string& option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? Value::kNo : found->second;
}

}  // namespace jet::ima
