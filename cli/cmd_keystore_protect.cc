#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

// Opens the keystore to change how its store key lies on the disk.
absl::StatusOr<keystore::Keystore> OpenToChange(const Session& session) {
  return OpenUnlockedKeystore(session, keystore::Access::kWrite);
}

void Report(Session& session, const keystore::Keystore& store, bool is_protected) {
  session.output.Object({{"type", "summary"},
                         {"keystore", store.path()},
                         {"master_key_file", store.store_key_path()},
                         {"protected", is_protected}});
  session.output.Labelled({{"Keystore", store.path()},
                           {"Store Key", store.store_key_path()},
                           {"Protected", is_protected ? "by a passphrase" : "no"}});
}

absl::StatusOr<ExitStatus> RunProtect(Session& session, const PassphraseOptions& options) {
  // The right to change comes before the question for the new passphrase; the lock, after it.
  bool was_protected = false;
  {
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         OpenUnlockedKeystore(session, keystore::Access::kRead));
    JET_ASSIGN_OR_RETURN(was_protected, store.IsProtected());
  }
  JET_ASSIGN_OR_RETURN(
      const crypto::Secret passphrase,
      ReadNewPassphrase(options, absl::StrCat("the keystore '", session.keystore, "'")));
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenToChange(session));
  JET_RETURN_IF_ERROR(store.Protect(passphrase));
  Report(session, store, true);
  session.output.Note(absl::StrCat(
      "copies of the store key made before (backups, snapshots, freed blocks of the disk) still "
      "open ",
      was_protected ? "with the old passphrase" : "without a passphrase",
      "; jet-keystore rekey makes them useless for the keys as they are stored from then on"));
  return ExitStatus::kGood;
}

absl::StatusOr<ExitStatus> RunUnprotect(Session& session) {
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenToChange(session));
  JET_ASSIGN_OR_RETURN(const bool is_protected, store.IsProtected());
  if (is_protected) {
    JET_RETURN_IF_ERROR(store.Unprotect());
  } else {
    session.output.Note("no passphrase protects the store key; nothing was changed");
  }
  Report(session, store, false);
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareKeystoreProtect(OptionParser& parser) {
  auto options = std::make_shared<PassphraseOptions>();
  options->prefix = "--new-store-passphrase";
  options->noun = "new passphrase";
  DeclarePassphrase(parser, *options, "the new passphrase of the keystore");
  return [options](Session& session) { return RunProtect(session, *options); };
}

RunFunction DeclareKeystoreUnprotect(OptionParser& /*parser*/) { return RunUnprotect; }

}  // namespace jet::cli
