#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/command.h"
#include "cli/keyring_option.h"
#include "cli/mirror_comparison.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/pin_keyring.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

struct LoadOptions {
  absl::optional<std::string> keyring;
  bool prune = false;
  bool pin = false;
  absl::optional<std::string> pin_folder;
};

struct LoadCounts {
  size_t added = 0;
  size_t present = 0;
  size_t foreign = 0;
  size_t stale = 0;
  size_t pruned = 0;
  size_t failed = 0;
};

// Mirrors a keystore into one keyring and reports what becomes of each key.
class Loader {
 public:
  Loader(Session& session, const ima::Keyring& keyring) : session_(session), keyring_(keyring) {}

  const LoadCounts& counts() const { return counts_; }
  // What the ring holds of the keystore now.
  const std::vector<pki::Certificate>& mirrored() const { return mirrored_; }

  absl::Status Load(const keystore::Keystore& store, const keystore::KeyListing& listing,
                    bool prune);

 private:
  void Prune(const MirrorComparison& comparison);
  void Unlink(const ima::KeyringMember& member, const keystore::MirrorHistory& history);
  void ReportStale(const MirrorComparison& comparison);
  void Mirror(const std::vector<ima::NamedCertificate>& certificates,
              const std::vector<ima::KeyringMember>& members, const char* word, size_t& count);
  void ReportKey(const ima::MirrorResult& result, const char* word);
  void ReportMember(const ima::KeyringMember& member, const char* word, Tone tone,
                    const absl::Status& error = absl::OkStatus());

  Session& session_;
  const ima::Keyring& keyring_;
  LoadCounts counts_;
  std::vector<pki::Certificate> mirrored_;
};

void Loader::ReportKey(const ima::MirrorResult& result, const char* word) {
  const absl::Status& error = result.added.status();
  Json object = {
      {"type", "key"}, {"name", result.name}, {"mirror", word}, {"keyring", keyring_.name()}};
  if (!error.ok()) {
    object["error"] = std::string(error.message());
    session_.output.Error(absl::StrCat("key '", result.name, "': ", error.message()));
  }
  session_.output.Object(object);
  session_.output.Result({result.name, word, absl::StrCat(" (", keyring_.name(), ")"),
                          error.ok() ? Tone::kGood : Tone::kBad});
}

void Loader::ReportMember(const ima::KeyringMember& member, const char* word, Tone tone,
                          const absl::Status& error) {
  Json object = {{"type", "key"},
                 {"name", nullptr},
                 {"mirror", word},
                 {"keyring", keyring_.name()},
                 {"serial", member.serial},
                 {"description", member.description},
                 {"ski", IdentifierText(member)}};
  if (!error.ok()) {
    object["error"] = std::string(error.message());
    session_.output.Error(absl::StrCat("key '", member.description, "': ", error.message()));
  }
  session_.output.Object(object);
  session_.output.Result(
      {member.description, word, absl::StrCat(" (", keyring_.name(), ")"), tone});
}

void Loader::Unlink(const ima::KeyringMember& member, const keystore::MirrorHistory& history) {
  const size_t mirrored = history.CountWith(*member.subject_key_identifier);
  if (mirrored > 1) {
    session_.output.Note(absl::StrCat(mirrored, " certificates with the identifier ",
                                      IdentifierText(member),
                                      " were mirrored; which of them the ring holds cannot be "
                                      "told, and none is in the keystore"));
  }
  const absl::Status unlinked = keyring_.Unlink(member.serial);
  ++(unlinked.ok() ? counts_.pruned : counts_.failed);
  ReportMember(member, unlinked.ok() ? "pruned" : "stale", unlinked.ok() ? Tone::kGood : Tone::kBad,
               unlinked);
}

void Loader::Prune(const MirrorComparison& comparison) {
  if (!comparison.history_status.ok()) {
    session_.output.Error(
        absl::StrCat("nothing was pruned: ", comparison.history_status.message()));
    ++counts_.failed;
  }
  for (const ima::KeyringMember& member : comparison.stale) Unlink(member, comparison.history);
  if (counts_.pruned > 0) {
    session_.output.Note(
        "files that the kernel has already appraised go on running until their inodes leave its "
        "cache (a reboot is the sure way)");
  }
}

void Loader::ReportStale(const MirrorComparison& comparison) {
  counts_.stale = comparison.stale.size();
  for (const ima::KeyringMember& member : comparison.stale) {
    ReportMember(member, "stale", Tone::kDoubtful);
  }
  if (!comparison.stale.empty()) {
    session_.output.Note("stale keys are no longer in the keystore: --prune takes them out");
  }
}

void Loader::Mirror(const std::vector<ima::NamedCertificate>& certificates,
                    const std::vector<ima::KeyringMember>& members, const char* word,
                    size_t& count) {
  const std::vector<ima::MirrorResult> results = ima::ApplyMirror(certificates, members, keyring_);
  for (size_t i = 0; i < results.size(); ++i) {
    const bool added = results[i].added.ok();
    ++(added ? count : counts_.failed);
    if (added) mirrored_.push_back(certificates[i].certificate);
    ReportKey(results[i], added ? word : "refused");
  }
}

absl::Status Loader::Load(const keystore::Keystore& store, const keystore::KeyListing& listing,
                          bool prune) {
  JET_ASSIGN_OR_RETURN(std::vector<ima::KeyringMember> members, keyring_.List());
  const MirrorComparison comparison = CompareMirror(store, listing, members);
  if (prune) {
    // First: a stale key could be the twin of one that is missing.
    Prune(comparison);
    JET_ASSIGN_OR_RETURN(members, keyring_.List());
  } else {
    ReportStale(comparison);
  }
  Mirror(comparison.present, members, "present", counts_.present);
  Mirror(comparison.missing, members, "added", counts_.added);
  counts_.foreign = comparison.foreign.size();
  for (const ima::KeyringMember& member : comparison.foreign) {
    ReportMember(member, "foreign", Tone::kPlain);
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session_.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
    ++counts_.failed;
  }
  return absl::OkStatus();
}

void PrintSummary(Session& session, const std::string& keyring, const LoadCounts& counts,
                  bool prune) {
  session.output.Object({{"type", "summary"},
                         {"keyring", keyring},
                         {"added", counts.added},
                         {"present", counts.present},
                         {"foreign", counts.foreign},
                         {"failed", counts.failed},
                         {"stale", counts.stale},
                         {"pruned", counts.pruned}});
  std::string line = absl::StrCat("added ", counts.added, ", present ", counts.present,
                                  ", foreign ", counts.foreign, ", failed ", counts.failed);
  if (counts.stale > 0) absl::StrAppend(&line, ", stale ", counts.stale);
  if (prune) absl::StrAppend(&line, ", pruned ", counts.pruned);
  session.output.Line(line);
}

// Pruning needs the store key, which vouches for the history, and pinning signs with a private key.
// Without it the rest is done all the same, and what was not is said where it is needed.
absl::StatusOr<keystore::Keystore> OpenForLoad(const Session& session, const LoadOptions& options) {
  if (options.prune || options.pin) {
    absl::StatusOr<keystore::Keystore> unlocked =
        OpenUnlockedKeystore(session, keystore::Access::kRead);
    if (unlocked.ok()) return unlocked;
  }
  return OpenKeystore(session, keystore::Access::kRead);
}

bool AllIn(const keystore::MirrorHistory& history,
           const std::vector<pki::Certificate>& certificates) {
  keystore::MirrorHistory longer = history;
  for (const pki::Certificate& certificate : certificates) {
    const absl::StatusOr<bool> added = longer.Add(certificate);
    if (!added.ok() || *added) return false;
  }
  return true;
}

// Writes down what was mirrored, for a later --prune. `store`, which holds the read lock, is
// closed. What cannot be written down is only never pruned: no reason for the command to fail.
void Remember(Session& session, keystore::Keystore store,
              const std::vector<pki::Certificate>& certificates, bool prune) {
  const absl::StatusOr<keystore::MirrorHistory> history = store.Mirrored();
  absl::Status status = history.status();
  if (history.ok() && AllIn(*history, certificates)) return;
  if (history.ok()) {
    { const keystore::Keystore closed = std::move(store); }
    absl::StatusOr<keystore::Keystore> writable = OpenKeystore(session, keystore::Access::kWrite);
    status = writable.ok() ? writable->RememberMirrored(certificates) : writable.status();
  }
  if (status.ok()) return;
  const std::string message =
      absl::StrCat("what was mirrored now is not written down, and no --prune will take it out: ",
                   status.message());
  // A read-only mount and a locked store key are how somebody wants it, and what mirrored a key
  // before has written it down already.
  const bool wanted = base::ErrnoOf(status) == EROFS || absl::IsFailedPrecondition(status);
  if (absl::IsDataLoss(status)) {
    session.output.Warning(message);
  } else if (prune || !wanted) {
    session.output.Note(message);
  }
}

absl::StatusOr<ExitStatus> PinIfWanted(Session& session, const LoadOptions& options,
                                       const ima::Keyring& keyring,
                                       const keystore::Keystore& store) {
  if (!options.pin) return ExitStatus::kGood;
  if (keyring.trusted()) {
    // Only _ima can be taken by another user.
    session.output.Note("the kernel's own .ima keyring needs no pinning");
    return ExitStatus::kGood;
  }
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  return PinKeyring(session, options.pin_folder, store, members);
}

absl::StatusOr<ExitStatus> RunLoad(Session& session, const LoadOptions& options) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenForLoad(session, options));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kCreate));
  if (!resolved.keyring.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("nothing was loaded: ", resolved.why_none));
  }
  const ima::Keyring& keyring = *resolved.keyring;
  Loader loader(session, keyring);
  JET_RETURN_IF_ERROR(loader.Load(store, listing, options.prune));
  const absl::StatusOr<ExitStatus> pinned = PinIfWanted(session, options, keyring, store);
  Remember(session, std::move(store), loader.mirrored(), options.prune);
  PrintSummary(session, keyring.name(), loader.counts(), options.prune);
  JET_RETURN_IF_ERROR(pinned.status());
  return loader.counts().failed == 0 ? *pinned : ExitStatus::kCouldNotDo;
}

}  // namespace

RunFunction DeclareImaLoad(OptionParser& parser) {
  auto options = std::make_shared<LoadOptions>();
  DeclareKeyring(parser, options->keyring);
  parser.Flag("--prune", options->prune,
              "Also take out the keys that this keystore once mirrored and no longer holds");
  parser.Flag("--pin", options->pin,
              "Then run a bundled signed program, so that the kernel keeps this keyring and no "
              "other user's can take its place");
  parser.Value("--pin-folder", options->pin_folder, "DIR",
               "Folder, on an appraised file system, to run it from (TMPDIR, /var/tmp)");
  return [options](Session& session) { return RunLoad(session, *options); };
}

}  // namespace jet::cli
