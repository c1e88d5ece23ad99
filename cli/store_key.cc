#include "cli/store_key.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "ima/mirror.h"

namespace jet::cli {
namespace {

// What became of the certificate in the kernel's keyring, as "mirror" in JSON says it.
struct Mirrored {
  const char* word = "none";  // "none", "added", "present" or "refused"
  std::string keyring;
  std::string message;    // for "refused" and "none"
  bool doubtful = false;  // "none", though nobody asked for that
};

absl::StatusOr<Mirrored> Mirror(const ima::Keyring& keyring, const keystore::StoredKey& key,
                                UntrustedByKernel untrusted) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  const bool present = ima::HoldsKeyOf(members, key.certificate);
  const absl::Status mirrored = ima::MirrorCertificate(key.certificate, members, keyring).status();
  if (mirrored.ok()) return Mirrored{present ? "present" : "added", keyring.name(), "", false};
  if (keyring.trusted() && base::ErrnoOf(mirrored) == ENOKEY &&
      untrusted == UntrustedByKernel::kIsNoted) {
    return Mirrored{"refused", keyring.name(), std::string(mirrored.message()), false};
  }
  if (absl::IsAlreadyExists(mirrored)) return mirrored;  // a twin is no better unmirrored
  return base::Annotate(mirrored, "not mirrored (--keyring none stores the key all the same)");
}

void Report(Session& session, const keystore::StoredKey& key, const Mirrored& mirrored) {
  const bool in_keyring =
      mirrored.word == std::string("added") || mirrored.word == std::string("present");
  Json object = KeyObject(key, in_keyring ? absl::optional<bool>(true) : absl::nullopt);
  object["mirror"] = mirrored.word;
  object["keyring"] = mirrored.keyring.empty() ? Json(nullptr) : Json(mirrored.keyring);
  session.output.Object(object);
  Fields fields = KeyFields(key);
  fields.emplace_back("Keyring", in_keyring
                                     ? absl::StrCat(mirrored.keyring, " (", mirrored.word, ")")
                                     : std::string("not mirrored"));
  session.output.Labelled(fields);
  if (mirrored.word == std::string("refused")) {
    session.output.Warning(
        absl::StrCat("this kernel does not trust the key, others may: ", mirrored.message));
  } else if (mirrored.word == std::string("none") && mirrored.doubtful) {
    session.output.Warning(absl::StrCat("not mirrored: ", mirrored.message));
  } else if (mirrored.word == std::string("none")) {
    session.output.Note(absl::StrCat("not mirrored: ", mirrored.message));
  }
}

}  // namespace

absl::StatusOr<ExitStatus> StoreKey(Session& session, const keystore::NewKey& key,
                                    const StoreKeyOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> warnings,
                       ima::CheckSigningCertificate(key.certificate, absl::Now(), options.expired));
  // The keyring is found before anything is stored: a wrong name must change nothing.
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kCreate));
  Mirrored mirrored;
  mirrored.message = resolved.why_none;
  mirrored.doubtful = resolved.warn;
  JET_ASSIGN_OR_RETURN(keystore::Keystore store,
                       keystore::Keystore::Open(session.keystore, keystore::Access::kCreate));
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey stored,
                       store.Add(key, [&](const keystore::StoredKey& committed) -> absl::Status {
                         if (!resolved.keyring.has_value()) return absl::OkStatus();
                         JET_ASSIGN_OR_RETURN(
                             mirrored, Mirror(*resolved.keyring, committed, options.untrusted));
                         return absl::OkStatus();
                       }));
  for (const std::string& warning : warnings) session.output.Warning(warning);
  Report(session, stored, mirrored);
  return ExitStatus::kGood;
}

}  // namespace jet::cli
