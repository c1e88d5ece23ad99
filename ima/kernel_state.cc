#include "ima/kernel_state.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/system_error.h"
#include "ima/command_line.h"
#include "ima/policy_load.h"

namespace jet::ima {
namespace {

constexpr char kSecurityfs[] = "/sys/kernel/security";
constexpr char kImaFolder[] = "/sys/kernel/security/ima";
constexpr char kSecureBoot[] =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
constexpr size_t kMaxText = 4 * 1024 * 1024;

// Reads the files below a root, and notes what is there and cannot be read.
class Reader {
 public:
  Reader(std::string root, KernelState& state) : root_(std::move(root)), state_(state) {}

  const std::string& root() const { return root_; }

  absl::optional<std::string> Text(const std::string& path) {
    const absl::StatusOr<base::Bytes> content = base::ReadFile(root_ + path, kMaxText);
    if (content.ok()) return std::string(base::AsText(*content));
    if (!absl::IsNotFound(content.status())) Note(content.status());
    return absl::nullopt;
  }

  // nullopt: it cannot be told.
  absl::optional<bool> Exists(const std::string& path) {
    struct stat status = {};
    if (stat((root_ + path).c_str(), &status) == 0) return true;
    const int error_number = errno;
    if (error_number == ENOENT || error_number == ENOTDIR) return false;
    Note(base::SystemError(error_number, absl::StrCat("cannot stat '", path, "'")));
    return absl::nullopt;
  }

  void Note(const absl::Status& status) { state_.unreadable.emplace_back(status.message()); }

 private:
  const std::string root_;
  KernelState& state_;
};

bool SecurityfsIsMounted(absl::string_view mounts) {
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 2 && fields[1] == kSecurityfs && fields[2] == "securityfs") return true;
  }
  return false;
}

Told<Presence> PresenceByConfig(const absl::optional<KernelConfig>& config) {
  if (!config.has_value()) {
    return {Presence::kUnknown, "no IMA in this kernel, or securityfs is not mounted"};
  }
  if (config->Of("IMA") != KernelConfig::Value::kYes) {
    return {Presence::kAbsent, absl::StrCat("CONFIG_IMA is not set in ", config->path())};
  }
  return {Presence::kPresent, absl::StrCat("by ", config->path(),
                                           "; securityfs is not mounted, so its state cannot be "
                                           "read: mount -t securityfs securityfs ",
                                           kSecurityfs)};
}

Told<Presence> ReadPresence(Reader& reader, const KernelState& state) {
  const absl::optional<bool> folder = reader.Exists(kImaFolder);
  if (!folder.has_value())
    return {Presence::kUnknown, absl::StrCat(kImaFolder, " may not be seen")};
  if (*folder) return {Presence::kPresent, ""};
  if (SecurityfsIsMounted(reader.Text("/proc/mounts").value_or(""))) {
    return {Presence::kAbsent, absl::StrCat("there is no ", kImaFolder)};
  }
  return PresenceByConfig(state.config);
}

// Whether the kernel keeps to enforce whatever its command line says (ima_appraise.c,
// ima_appraise_parse_cmdline). nullopt: it cannot be told.
absl::optional<bool> SecureBootHolds(Reader& reader, const KernelState& state) {
  const absl::optional<std::string> variable = reader.Text(kSecureBoot);
  // Four bytes of attributes, then the value.
  const bool secure_boot = variable.has_value() && variable->size() == 5 && (*variable)[4] == 1;
  if (!secure_boot) return false;
  if (!state.config.has_value()) return absl::nullopt;
  return state.config->Of("IMA_SECURE_AND_OR_TRUSTED_BOOT") == KernelConfig::Value::kYes;
}

// The kernel compares beginnings only.
absl::optional<AppraiseMode> ModeOf(absl::string_view value) {
  if (absl::StartsWith(value, "off")) return AppraiseMode::kOff;
  if (absl::StartsWith(value, "log")) return AppraiseMode::kLog;
  if (absl::StartsWith(value, "fix")) return AppraiseMode::kFix;
  if (absl::StartsWith(value, "enforce")) return AppraiseMode::kEnforce;
  return absl::nullopt;
}

// What the kernel says of itself comes before what its command line asks for.
Told<AppraiseMode> ReadAppraiseMode(Reader& reader, const KernelState& state,
                                    const absl::optional<std::string>& asked) {
  const auto is_set = [&state](const char* option) {
    return !state.config.has_value() || state.config->Of(option) == KernelConfig::Value::kYes;
  };
  if (!is_set("IMA_APPRAISE")) {
    return {AppraiseMode::kNotSupported,
            absl::StrCat("CONFIG_IMA_APPRAISE is not set in ", state.config->path())};
  }
  if (!asked.has_value()) return {AppraiseMode::kEnforce, "the default"};
  const std::string parameter = absl::StrCat("ima_appraise=", *asked);
  if (!is_set("IMA_APPRAISE_BOOTPARAM")) {
    return {AppraiseMode::kEnforce,
            absl::StrCat("this kernel ignores ", parameter, ": CONFIG_IMA_APPRAISE_BOOTPARAM")};
  }
  const absl::optional<AppraiseMode> mode = ModeOf(*asked);
  if (!mode.has_value()) {
    return {AppraiseMode::kEnforce, absl::StrCat("the default: ", parameter, " means nothing")};
  }
  if (*mode == AppraiseMode::kEnforce) return {*mode, parameter};
  const absl::optional<bool> held = SecureBootHolds(reader, state);
  if (!held.has_value()) {
    return {AppraiseMode::kUnknown,
            absl::StrCat(parameter, ", which a kernel may ignore under secure boot")};
  }
  if (*held) return {AppraiseMode::kEnforce, absl::StrCat("secure boot overrules ", parameter)};
  return {*mode, parameter};
}

size_t CountAppraiseRules(absl::string_view policy) {
  size_t count = 0;
  for (const absl::string_view line : absl::StrSplit(policy, '\n')) {
    if (absl::StartsWith(line, "appraise ")) ++count;
  }
  return count;
}

// ima_fs.c, ima_release_policy: the file goes once a policy was loaded; with CONFIG_IMA_READ_POLICY
// it stays and loses its write bit, with CONFIG_IMA_WRITE_POLICY it stays writable.
void ReadPolicy(Reader& reader, KernelState& state) {
  struct stat status = {};
  if (stat((reader.root() + kKernelPolicyFile).c_str(), &status) != 0) {
    if (errno == ENOENT) state.policy = PolicyState::kFinal;
    return;
  }
  state.policy = (status.st_mode & S_IWUSR) != 0 ? PolicyState::kOpen : PolicyState::kFinal;
  // A kernel without CONFIG_IMA_READ_POLICY shows it to nobody.
  if ((status.st_mode & S_IRUSR) == 0) return;
  const absl::optional<std::string> rules = reader.Text(kKernelPolicyFile);
  if (rules.has_value()) state.appraise_rules = CountAppraiseRules(*rules);
}

absl::optional<std::vector<std::string>> ReadAlgorithms(Reader& reader) {
  const absl::optional<std::string> text = reader.Text("/proc/crypto");
  if (!text.has_value()) return absl::nullopt;
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(parts.first) == "name") {
      names.emplace_back(absl::StripAsciiWhitespace(parts.second));
    }
  }
  return names;
}

}  // namespace

KernelState ReadKernelState(const std::string& root, const std::string& release) {
  KernelState state;
  Reader reader(root, state);
  state.release = release;
  absl::StatusOr<KernelConfig> config = KernelConfig::Read(root, release);
  if (config.ok()) {
    state.config = *std::move(config);
  } else if (!absl::IsNotFound(config.status())) {
    reader.Note(config.status());
  }
  state.algorithms = ReadAlgorithms(reader);
  state.ima = ReadPresence(reader, state);
  if (state.ima.word != Presence::kPresent) return state;
  const absl::optional<std::string> line = reader.Text("/proc/cmdline");
  if (line.has_value()) {
    ImaCommandLine parsed = ParseImaCommandLine(*line);
    state.appraise = ReadAppraiseMode(reader, state, parsed.appraise);
    state.boot_policies = std::move(parsed.boot_policies);
  }
  if (reader.Exists(kImaFolder) == true) ReadPolicy(reader, state);
  return state;
}

KernelState ReadKernelState() {
  struct utsname names = {};
  const bool known = uname(&names) == 0;
  return ReadKernelState("", known ? names.release : "");
}

const char* AppraiseModeName(AppraiseMode mode) {
  switch (mode) {
    case AppraiseMode::kEnforce:
      return "enforce";
    case AppraiseMode::kLog:
      return "log";
    case AppraiseMode::kFix:
      return "fix";
    case AppraiseMode::kOff:
      return "off";
    case AppraiseMode::kNotSupported:
      return "not-supported";
    case AppraiseMode::kUnknown:
      break;
  }
  return "unknown";
}

absl::optional<bool> SupportsEcdsa(const KernelState& state, const std::string& curve) {
  const std::string name = absl::StrCat("ecdsa-nist-", curve);
  if (state.algorithms.has_value() && std::find(state.algorithms->begin(), state.algorithms->end(),
                                                name) != state.algorithms->end()) {
    return true;
  }
  if (state.algorithms.has_value() && state.config.has_value() &&
      state.config->Of("CRYPTO_ECDSA") == KernelConfig::Value::kNo) {
    return false;
  }
  return absl::nullopt;
}

}  // namespace jet::ima
