#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

struct DeleteOptions {
  std::string name;
  bool yes = false;
  absl::optional<std::string> keyring;
};

// Asks on the terminal; without one nothing is deleted unasked.
absl::Status Confirm(const DeleteOptions& options) {
  if (options.yes) return absl::OkStatus();
  const base::UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid()) {
    return UsageError(
        "deleting a key cannot be undone, and there is no terminal to ask on: --yes "
        "confirms it");
  }
  const std::string question =
      absl::StrCat("Delete key '", Escape(options.name),
                   "'? Its private key cannot be brought back. [yes,no] (no) ");
  JET_RETURN_IF_ERROR(base::WriteAll(terminal.get(), base::AsBytes(question), "/dev/tty"));
  std::array<char, 16> answer = {};
  const ssize_t count = read(terminal.get(), answer.data(), answer.size() - 1);
  if (count > 0 && absl::string_view(answer.data()) == "yes\n") return absl::OkStatus();
  return absl::CancelledError("nothing was deleted");
}

absl::Status UnlinkFrom(const ima::Keyring& keyring, const pki::Certificate& certificate) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  for (const ima::KeyringMember& member : members) {
    if (ima::HoldsKeyOf({member}, certificate)) {
      JET_RETURN_IF_ERROR(keyring.Unlink(member.serial));
    }
  }
  return absl::OkStatus();
}

// A key may be stored under two names; while one of them stays, the ring keeps its certificate.
absl::StatusOr<bool> StoredTwice(const keystore::Keystore& store, const keystore::StoredKey& key) {
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  for (const keystore::StoredKey& other : listing.keys) {
    if (other.name != key.name &&
        other.certificate.subject_key_identifier() == key.certificate.subject_key_identifier()) {
      return true;
    }
  }
  return false;
}

// Returns whether the key was taken out of the ring.
absl::StatusOr<bool> Unmirror(const keystore::Keystore& store, const keystore::StoredKey& key,
                              const absl::optional<ima::Keyring>& keyring) {
  if (!keyring.has_value()) return false;
  JET_ASSIGN_OR_RETURN(const bool stored_twice, StoredTwice(store, key));
  if (stored_twice) return false;
  JET_RETURN_IF_ERROR(UnlinkFrom(*keyring, key.certificate));
  return true;
}

// A name that is not there is said before the question is asked, and without holding the lock
// while somebody thinks about the answer.
absl::Status CheckKeyExists(const Session& session, const std::string& name) {
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       keystore::Keystore::Open(session.keystore, keystore::Access::kRead));
  const absl::Status found = store.Find(name).status();
  return absl::IsNotFound(found) ? found : absl::OkStatus();
}

// The ring to take the key out of; none when there is no ring that could hold it.
absl::StatusOr<absl::optional<ima::Keyring>> RingToClear(Session& session,
                                                         const DeleteOptions& options) {
  const absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, options.keyring, ima::MissingKeyring::kReport);
  if (absl::IsNotFound(resolved.status())) return absl::optional<ima::Keyring>();
  JET_RETURN_IF_ERROR(resolved.status());
  return resolved->keyring;
}

absl::StatusOr<ExitStatus> RunDelete(Session& session, const DeleteOptions& options) {
  const absl::Status name = keystore::CheckKeyName(options.name);
  if (!name.ok()) return UsageError(name.message());
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_RETURN_IF_ERROR(CheckKeyExists(session, options.name));
  JET_RETURN_IF_ERROR(Confirm(options));
  JET_ASSIGN_OR_RETURN(const absl::optional<ima::Keyring> keyring, RingToClear(session, options));
  JET_ASSIGN_OR_RETURN(keystore::Keystore store,
                       keystore::Keystore::Open(session.keystore, keystore::Access::kWrite));
  bool unlinked = false;
  bool readable = false;
  JET_RETURN_IF_ERROR(
      store.Remove(options.name, [&](const keystore::StoredKey& removed) -> absl::Status {
        readable = true;
        JET_ASSIGN_OR_RETURN(unlinked, Unmirror(store, removed, keyring));
        return absl::OkStatus();
      }));
  session.output.Object(
      {{"type", "key"}, {"name", options.name}, {"deleted", true}, {"unlinked", unlinked}});
  session.output.Line(absl::StrCat("key '", options.name, "' deleted"));
  if (!readable && keyring.has_value()) {
    return absl::DataLossError(
        absl::StrCat("the key was damaged: it is deleted, but which certificate of the keyring ",
                     keyring->name(), " was its own cannot be told (jet-ima keyring lists them)"));
  }
  if (unlinked) {
    session.output.Note(
        "files that the kernel has already appraised go on running until their "
        "inodes leave its cache (a reboot is the sure way)");
  }
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareKeystoreDelete(OptionParser& parser) {
  auto options = std::make_shared<DeleteOptions>();
  parser.Value("NAME", options->name, "", "Name of the key").Required();
  parser.Flag("--yes", options->yes, "Do not ask");
  DeclareKeyring(parser, options->keyring);
  return [options](Session& session) { return RunDelete(session, *options); };
}

}  // namespace jet::cli
