#include <fcntl.h>
#include <keyutils.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/permission.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "ima/kernel_keyring.h"
#include "ima/key_facts.h"
#include "ima/keyring.h"

namespace jet::ima {
namespace {

constexpr char kUserImaName[] = "_ima";

struct SelectorWord {
  const char* word;
  KeyringChoice choice;
};

constexpr SelectorWord kSelectorWords[] = {
    {"auto", KeyringChoice::kAuto},
    {"none", KeyringChoice::kNone},
    {".ima", KeyringChoice::kTrustedIma},
    {"%:.ima", KeyringChoice::kTrustedIma},
    {"_ima", KeyringChoice::kUserIma},
    {"%:_ima", KeyringChoice::kUserIma},
    {"@u", KeyringChoice::kUser},
    {"@s", KeyringChoice::kSession},
    {"%keyring:.ima", KeyringChoice::kTrustedIma},
    {"%keyring:_ima", KeyringChoice::kUserIma},
};

// Parses a decimal or 0x hexadecimal number; absl's parsers also take signs and white space.
absl::optional<KeySerial> ParseSerial(absl::string_view text) {
  const bool hexadecimal = absl::StartsWith(text, "0x");
  const absl::string_view digits = hexadecimal ? text.substr(2) : text;
  for (const char c : digits) {
    const auto byte = static_cast<unsigned char>(c);
    if (!(hexadecimal ? absl::ascii_isxdigit(byte) : absl::ascii_isdigit(byte))) {
      return absl::nullopt;
    }
  }
  KeySerial serial = 0;
  const bool parsed =
      hexadecimal ? absl::SimpleHexAtoi(digits, &serial) : absl::SimpleAtoi(digits, &serial);
  // Serials are positive; negative ones are the kernel's special names and 0 is none.
  if (!parsed || serial <= 0) return absl::nullopt;
  return serial;
}

absl::StatusOr<absl::optional<KeySerial>> FindTrustedIma() {
  return FindKernelKeyring(kTrustedImaName);
}

absl::StatusOr<Keyring> OpenTrustedIma() {
  JET_ASSIGN_OR_RETURN(const absl::optional<KeySerial> serial, FindTrustedIma());
  if (!serial.has_value()) {
    return absl::NotFoundError(
        "there is no keyring .ima that this process may see: this kernel was built without it (and "
        "then uses _ima), or seeing it needs root");
  }
  return Keyring(*serial, kTrustedImaName, /*trusted=*/true);
}

absl::StatusOr<KeySerial> SpecialKeyring(KeySerial special, const std::string& name) {
  const KeySerial serial = keyctl_get_keyring_ID(special, /*create=*/0);
  if (serial < 0) return base::SystemError(errno, absl::StrCat("cannot find the keyring ", name));
  return serial;
}

// Returns nullopt when the user keyring has no _ima.
absl::StatusOr<absl::optional<KeySerial>> FindUserIma() {
  const long serial = keyctl_search(KEY_SPEC_USER_KEYRING, kKeyringType, kUserImaName, 0);
  if (serial < 0 && errno == ENOKEY) return absl::nullopt;
  if (serial < 0) return base::SystemError(errno, "cannot search the user keyring for _ima");
  const auto found = static_cast<KeySerial>(serial);
  JET_ASSIGN_OR_RETURN(const KeyFacts facts, DescribeKey(found));
  // The user keyring is the real user's, and the search goes into every ring linked into it.
  if (facts.owner != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the keyring _ima in the user keyring belongs to somebody else (",
                     KeyFactsText(found, facts), "), who could put any key into it; unlink it"));
  }
  return found;
}

// Makes _ima in the user keyring unless there is one by now.
absl::Status MakeUserIma() {
  // Made aside and then moved: add_key into the user keyring would replace, with all its keys, a
  // ring that another process made since the search.
  const KeySerial ring = add_key(kKeyringType, kUserImaName, nullptr, 0, KEY_SPEC_THREAD_KEYRING);
  if (ring < 0) return base::SystemError(errno, "cannot make the keyring _ima");
  long moved = keyctl_move(ring, KEY_SPEC_THREAD_KEYRING, KEY_SPEC_USER_KEYRING, KEYCTL_MOVE_EXCL);
  int error_number = errno;
  if (moved == 0) return absl::OkStatus();
  if (error_number == EOPNOTSUPP) {  // Linux before 5.3
    moved = keyctl_link(ring, KEY_SPEC_USER_KEYRING);
    error_number = errno;
  }
  (void)keyctl_unlink(ring, KEY_SPEC_THREAD_KEYRING);
  if (moved == 0 || error_number == EEXIST) return absl::OkStatus();
  return base::SystemError(error_number, "cannot put the keyring _ima into the user keyring");
}

absl::StatusOr<Keyring> OpenUserIma(MissingKeyring missing) {
  JET_RETURN_IF_ERROR(ReachUserKeyring());
  JET_ASSIGN_OR_RETURN(absl::optional<KeySerial> serial, FindUserIma());
  if (!serial.has_value() && missing == MissingKeyring::kCreate) {
    JET_RETURN_IF_ERROR(MakeUserIma());
    JET_ASSIGN_OR_RETURN(serial, FindUserIma());
  }
  if (!serial.has_value()) {
    return absl::NotFoundError("there is no keyring _ima in the user keyring of this process");
  }
  return Keyring(*serial, kUserImaName, /*trusted=*/false);
}

absl::StatusOr<Keyring> OpenUserKeyring() {
  JET_RETURN_IF_ERROR(ReachUserKeyring());
  JET_ASSIGN_OR_RETURN(const KeySerial serial, SpecialKeyring(KEY_SPEC_USER_KEYRING, "@u"));
  return Keyring(serial, "@u", /*trusted=*/false);
}

absl::StatusOr<Keyring> OpenSessionKeyring() {
  JET_ASSIGN_OR_RETURN(const KeySerial serial, SpecialKeyring(KEY_SPEC_SESSION_KEYRING, "@s"));
  return Keyring(serial, "@s", /*trusted=*/false);
}

absl::StatusOr<Keyring> OpenBySerial(KeySerial serial) {
  JET_ASSIGN_OR_RETURN(const KeyFacts facts, DescribeKey(serial));
  if (facts.type != kKeyringType) {
    return absl::InvalidArgumentError(absl::StrCat("not a keyring: ", KeyFactsText(serial, facts)));
  }
  return Keyring(serial, absl::StrCat(serial), IsKernelKeyring(facts, kTrustedImaName));
}

absl::StatusOr<bool> FolderExists(const std::string& path) {
  const absl::Status opened = base::OpenAt(AT_FDCWD, path, O_PATH | O_DIRECTORY).status();
  const int error_number = base::ErrnoOf(opened);
  if (error_number == ENOENT || error_number == ENOTDIR) return false;
  JET_RETURN_IF_ERROR(opened);
  return true;
}

ResolvedKeyring NoKeyring(std::string why, bool warn) {
  return ResolvedKeyring{absl::nullopt, std::move(why), warn};
}

ResolvedKeyring Resolved(Keyring keyring) {
  return ResolvedKeyring{std::move(keyring), std::string(), false};
}

absl::StatusOr<ResolvedKeyring> ResolveAuto(MissingKeyring missing,
                                            const std::string& securityfs_ima) {
  if (!base::HasCapSysAdmin() || !base::InInitialUserNamespace()) {
    return NoKeyring(
        "without CAP_SYS_ADMIN in the initial user namespace no keyring is used unless one is "
        "named (--keyring)",
        /*warn=*/false);
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<KeySerial> trusted, FindTrustedIma());
  if (trusted.has_value()) {
    return Resolved(Keyring(*trusted, kTrustedImaName, /*trusted=*/true));
  }
  JET_ASSIGN_OR_RETURN(const bool has_ima, FolderExists(securityfs_ima));
  if (!has_ima) {
    return NoKeyring(absl::StrCat("this kernel has no IMA: there is no ", securityfs_ima,
                                  " (or securityfs is not mounted) and no keyring .ima"),
                     /*warn=*/true);
  }
  JET_ASSIGN_OR_RETURN(Keyring keyring, OpenUserIma(missing));
  return Resolved(std::move(keyring));
}

absl::StatusOr<Keyring> OpenNamed(const KeyringSelector& selector, MissingKeyring missing) {
  switch (selector.choice) {
    case KeyringChoice::kTrustedIma:
      return OpenTrustedIma();
    case KeyringChoice::kUserIma:
      return OpenUserIma(missing);
    case KeyringChoice::kUser:
      return OpenUserKeyring();
    case KeyringChoice::kSession:
      return OpenSessionKeyring();
    case KeyringChoice::kSerial:
      return OpenBySerial(selector.serial);
    case KeyringChoice::kAuto:
    case KeyringChoice::kNone:
      break;
  }
  return absl::InternalError("the selector names no keyring");
}

}  // namespace

absl::StatusOr<KeyringSelector> ParseKeyringSelector(absl::string_view text) {
  for (const SelectorWord& known : kSelectorWords) {
    if (text == known.word) return KeyringSelector{known.choice, 0};
  }
  const absl::optional<KeySerial> serial = ParseSerial(text);
  if (serial.has_value()) return KeyringSelector{KeyringChoice::kSerial, *serial};
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown keyring '", text,
      "': it is one of auto, none, .ima, _ima, %:.ima, %:_ima, @u, @s or the number of a keyring"));
}

absl::Status ReachUserKeyring() {
  JET_ASSIGN_OR_RETURN(const KeySerial user, SpecialKeyring(KEY_SPEC_USER_KEYRING, "@u"));
  JET_ASSIGN_OR_RETURN(const KeyFacts facts, DescribeKey(user));
  // Searches what this process possesses, and, without callout text, starts no helper program.
  if (request_key(kKeyringType, facts.description.c_str(), nullptr, 0) == user) {
    return absl::OkStatus();
  }
  return JoinSessionOfUserKeyring();
}

absl::Status JoinSessionOfUserKeyring() {
  if (keyctl_join_session_keyring(nullptr) < 0) {
    return base::SystemError(errno, "cannot join a new session keyring");
  }
  if (keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) != 0) {
    return base::SystemError(errno, "cannot link the user keyring into a new session keyring");
  }
  return absl::OkStatus();
}

absl::StatusOr<ResolvedKeyring> ResolveKeyring(const KeyringSelector& selector,
                                               MissingKeyring missing,
                                               const std::string& securityfs_ima) {
  if (selector.choice == KeyringChoice::kAuto) return ResolveAuto(missing, securityfs_ima);
  if (selector.choice == KeyringChoice::kNone) {
    return NoKeyring("no keyring is wanted (--keyring none)", /*warn=*/false);
  }
  JET_ASSIGN_OR_RETURN(Keyring keyring, OpenNamed(selector, missing));
  return Resolved(std::move(keyring));
}

}  // namespace jet::ima
