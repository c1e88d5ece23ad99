#include "ima/kernel_facilities.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/bytes.h"
#include "base/file.h"

namespace jet::ima {
namespace {

constexpr char kEvm[] = "/sys/kernel/security/evm";
constexpr char kLoginUid[] = "/proc/self/loginuid";
constexpr size_t kMaxText = 64 * 1024;

// A kernel's hash algorithm and the option that brings it.
struct HashOption {
  const char* name;
  const char* option;
};

constexpr HashOption kHashOptions[] = {
    {"md5", "CRYPTO_MD5"},       {"sha1", "CRYPTO_SHA1"},     {"sha224", "CRYPTO_SHA256"},
    {"sha256", "CRYPTO_SHA256"}, {"sha384", "CRYPTO_SHA512"}, {"sha512", "CRYPTO_SHA512"},
};

bool IsThere(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0;
}

// The last audit= decides (kernel/audit.c, audit_enable).
bool AuditIsOff(absl::string_view command_line) {
  bool off = false;
  for (const absl::string_view word :
       absl::StrSplit(command_line, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (word == "--") break;
    if (word == "audit=0" || word == "audit=off") off = true;
    if (word == "audit=1" || word == "audit=on") off = false;
  }
  return off;
}

// fs/proc/base.c has loginuid in kernels with CONFIG_AUDIT only.
Told<Presence> ReadAudit(const std::string& root, const KernelState& state) {
  const absl::StatusOr<base::Bytes> line = base::ReadFile(root + "/proc/cmdline", kMaxText);
  if (line.ok() && AuditIsOff(base::AsText(*line))) {
    return {Presence::kAbsent, "audit=0 on its command line"};
  }
  if (state.config.has_value()) {
    const bool built = state.config->Of("AUDIT") == KernelConfig::Value::kYes;
    if (built) return {Presence::kPresent, ""};
    return {Presence::kAbsent, absl::StrCat("CONFIG_AUDIT is not set in ", state.config->path())};
  }
  if (IsThere(root + kLoginUid)) return {Presence::kPresent, ""};
  if (IsThere(root + "/proc/self")) {
    return {Presence::kAbsent, absl::StrCat("there is no ", kLoginUid)};
  }
  return {Presence::kUnknown, "/proc is not mounted"};
}

// evm_secfs.c: the file holds what evm_initialized says, 0 without any key.
Told<Presence> ReadEvm(const std::string& root, const KernelState& state,
                       std::vector<std::string>& unreadable) {
  const absl::StatusOr<base::Bytes> content = base::ReadFile(root + kEvm, kMaxText);
  if (content.ok()) {
    const absl::string_view value = absl::StripAsciiWhitespace(base::AsText(*content));
    if (value.empty() || value == "0") return {Presence::kAbsent, "it has no key"};
    return {Presence::kPresent, absl::StrCat(kEvm, " says ", value)};
  }
  if (!absl::IsNotFound(content.status())) {
    unreadable.emplace_back(content.status().message());
    return {Presence::kUnknown, std::string(content.status().message())};
  }
  const bool built =
      !state.config.has_value() || state.config->Of("EVM") == KernelConfig::Value::kYes;
  const bool would_show = IsThere(root + "/sys/kernel/security/ima");
  if (!built || would_show) return {Presence::kAbsent, "not in this kernel"};
  return {Presence::kUnknown, "securityfs is not mounted"};
}

}  // namespace

KernelFacilities ReadKernelFacilities(const std::string& root, const KernelState& state) {
  KernelFacilities facilities;
  facilities.audit = ReadAudit(root, state);
  if (root.empty()) facilities.blacklist = BlacklistOf(state, ReadKernelRing(kImaBlacklist));
  facilities.evm = ReadEvm(root, state, facilities.unreadable);
  return facilities;
}

KernelRing BlacklistOf(const KernelState& state, KernelRing found) {
  const bool known = state.config.has_value();
  const bool built =
      known && state.config->Of("IMA_BLACKLIST_KEYRING") == KernelConfig::Value::kYes;
  const bool never = state.ima.word == Presence::kAbsent || (known && !built);
  const bool hidden = found.sight == RingSight::kHidden;
  if (never || (hidden && !built)) return {kImaBlacklist, RingSight::kAbsent, {}, ""};
  return found;
}

absl::optional<bool> SupportsHash(const KernelState& state, absl::string_view name) {
  if (!state.algorithms.has_value()) return absl::nullopt;
  if (std::find(state.algorithms->begin(), state.algorithms->end(), name) !=
      state.algorithms->end()) {
    return true;
  }
  if (!state.config.has_value()) return absl::nullopt;
  for (const HashOption& hash : kHashOptions) {
    if (name != hash.name) continue;
    if (state.config->Of(hash.option) == KernelConfig::Value::kNo) return false;
    return absl::nullopt;
  }
  return absl::nullopt;
}

}  // namespace jet::ima
