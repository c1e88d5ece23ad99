#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/command.h"
#include "cli/keyring_option.h"
#include "cli/load_policy.h"
#include "cli/mirror_loader.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/pin_keyring.h"
#include "cli/trust.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

constexpr char kNotLoaded[] = "the policy is not loaded";

struct LoadOptions {
  absl::optional<std::string> keyring;
  std::vector<std::string> certificates;
  bool prune = false;
  absl::optional<std::string> policy;
  bool pin = false;
  absl::optional<std::string> pin_folder;
  bool at_boot = false;
  bool strict = false;
};

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

// Only _ima can be taken by another user.
bool NeedsPin(Session& session, const LoadOptions& options, const ima::Keyring& keyring) {
  if (options.pin && keyring.trusted()) {
    session.output.Note("the kernel's own .ima keyring needs no pinning");
  }
  return options.pin && !keyring.trusted();
}

absl::StatusOr<ExitStatus> PinIfWanted(Session& session, const LoadOptions& options,
                                       const ima::Keyring& keyring,
                                       const keystore::Keystore& store) {
  if (!NeedsPin(session, options, keyring)) return ExitStatus::kGood;
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  return PinKeyring(session, PinFolder(options.pin_folder), store, members);
}

absl::StatusOr<ExitStatus> LoadAndPin(Session& session, const LoadOptions& options,
                                      const ima::Keyring& keyring,
                                      const keystore::Keystore& store) {
  bool loaded = false;
  const auto load = [&session, &options, &loaded] {
    const absl::Status status = LoadPolicy(session, *options.policy);
    loaded = status.ok();
    return status;
  };
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  absl::StatusOr<ExitStatus> pinned =
      PinKeyring(session, PinFolder(options.pin_folder), store, members, load);
  if (pinned.ok() || loaded) return pinned;
  return base::Annotate(pinned.status(), kNotLoaded);
}

// A trusted ring refuses what none of its keys vouches for: how a machine may well be.
size_t Tolerated(const LoadCounts& counts, const LoadOptions& options,
                 const ima::Keyring& keyring) {
  return options.at_boot && keyring.trusted() ? counts.not_vouched_for : 0;
}

// Without a key that is missing, what it signed would be refused, and that may be everything.
absl::Status CheckAllLoaded(const LoadCounts& counts, const LoadOptions& options,
                            const ima::Keyring& keyring) {
  if (counts.missing == Tolerated(counts, options, keyring)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(kNotLoaded,
                   ": not all keys of the keystore are in the keyring, and what those signed would "
                   "not run any more (see above)"));
}

// The policy and the pin, which proves something only under a policy that refuses.
absl::StatusOr<ExitStatus> GuardIfWanted(Session& session, const LoadOptions& options,
                                         const MirrorLoader& loader, const ima::Keyring& keyring,
                                         const keystore::Keystore& store) {
  if (!options.policy.has_value()) return PinIfWanted(session, options, keyring, store);
  const absl::StatusOr<PolicyPlan> plan = PlanPolicy(session, *options.policy, loader.mirrored());
  if (!plan.ok()) return base::Annotate(plan.status(), kNotLoaded);
  if (*plan == PolicyPlan::kSwitchedOff) return ExitStatus::kGood;
  JET_RETURN_IF_ERROR(CheckAllLoaded(loader.counts(), options, keyring));
  if (*plan == PolicyPlan::kEnforce && NeedsPin(session, options, keyring)) {
    return LoadAndPin(session, options, keyring, store);
  }
  const absl::Status loaded = LoadPolicy(session, *options.policy);
  if (!loaded.ok()) return base::Annotate(loaded, kNotLoaded);
  return *plan == PolicyPlan::kObserve && options.strict ? ExitStatus::kNo : ExitStatus::kGood;
}

// The keyring of the options; nullopt where there is none and a machine may well be like that.
absl::StatusOr<absl::optional<ima::Keyring>> KeyringToLoad(const Session& session,
                                                           const LoadOptions& options) {
  JET_ASSIGN_OR_RETURN(ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kCreate));
  if (resolved.keyring.has_value()) return std::move(resolved.keyring);
  const std::string message = absl::StrCat("nothing was loaded: ", resolved.why_none);
  if (!options.at_boot) return absl::FailedPreconditionError(message);
  session.output.Note(message);
  return absl::optional<ima::Keyring>();
}

// What the counts alone come to.
ExitStatus StatusOf(const LoadCounts& counts, const LoadOptions& options,
                    const ima::Keyring& keyring) {
  return counts.failed == Tolerated(counts, options, keyring) ? ExitStatus::kGood
                                                              : ExitStatus::kCouldNotDo;
}

absl::StatusOr<ExitStatus> LoadStore(Session& session, const LoadOptions& options,
                                     keystore::Keystore store) {
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  if (options.strict && listing.keys.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing was loaded: the keystore '", store.path(), "' has no certificate"));
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<ima::Keyring> keyring, KeyringToLoad(session, options));
  if (!keyring.has_value()) return ExitStatus::kGood;
  MirrorLoader loader(session, *keyring);
  JET_RETURN_IF_ERROR(loader.Load(store, listing, options.prune));
  const absl::StatusOr<ExitStatus> guarded =
      GuardIfWanted(session, options, loader, *keyring, store);
  Remember(session, std::move(store), loader.mirrored(), options.prune);
  PrintLoadSummary(session, keyring->name(), loader.counts(), options.prune);
  JET_RETURN_IF_ERROR(guarded.status());
  const ExitStatus loaded = StatusOf(loader.counts(), options, *keyring);
  return loaded == ExitStatus::kGood ? *guarded : loaded;
}

absl::StatusOr<ExitStatus> LoadFiles(Session& session, const LoadOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::NamedCertificate> certificates,
                       ReadCertificates(options.certificates));
  JET_ASSIGN_OR_RETURN(const absl::optional<ima::Keyring> keyring, KeyringToLoad(session, options));
  if (!keyring.has_value()) return ExitStatus::kGood;
  MirrorLoader loader(session, *keyring);
  JET_RETURN_IF_ERROR(loader.LoadFiles(certificates));
  PrintLoadSummary(session, keyring->name(), loader.counts(), /*prune=*/false);
  return StatusOf(loader.counts(), options, *keyring);
}

// A policy with keys in another ring than the kernel's would let nothing run.
absl::Status CheckRingOfPolicy(const Session& session, const LoadOptions& options) {
  const std::string ring =
      options.keyring.value_or(session.configuration.keyring.value_or(std::string("auto")));
  if (!options.policy.has_value() || ring == "auto") return absl::OkStatus();
  return UsageError(
      absl::StrCat("--policy wants the keys in the keyring that the kernel uses: --keyring auto, "
                   "not '",
                   ring, "'"));
}

// A machine may well have no keystore, but not without the one that its administrator named.
bool MayBeMissing(const Session& session, const LoadOptions& options) {
  return options.at_boot && !options.policy.has_value() &&
         session.configuration.keystore != session.keystore;
}

absl::StatusOr<ExitStatus> RunLoad(Session& session, const LoadOptions& options) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_RETURN_IF_ERROR(CheckRingOfPolicy(session, options));
  if (options.pin_folder.has_value() && !options.pin) {
    return UsageError("--pin-folder says where --pin runs its program");
  }
  if (!options.certificates.empty()) return LoadFiles(session, options);
  absl::StatusOr<keystore::Keystore> store = OpenForLoad(session, options);
  if (absl::IsNotFound(store.status()) && MayBeMissing(session, options)) {
    session.output.Note(absl::StrCat("nothing was loaded: ", store.status().message()));
    return ExitStatus::kGood;
  }
  JET_RETURN_IF_ERROR(store.status());
  return LoadStore(session, options, *std::move(store));
}

}  // namespace

RunFunction DeclareImaLoad(OptionParser& parser) {
  auto options = std::make_shared<LoadOptions>();
  DeclareKeyring(parser, options->keyring);
  const DeclaredOption files =
      parser.Value("--x509-cert", options->certificates, "FILE",
                   "Load this certificate, DER or PEM, or those in this folder, instead of the "
                   "keystore; may be repeated");
  parser
      .Flag("--prune", options->prune,
            "Also take out the keys that this keystore once mirrored and no longer holds")
      .Excludes(files);
  parser
      .Value("--policy", options->policy, "FILE",
             "Then give the kernel this IMA policy, unless its command line says jet.policy=off")
      .Excludes(files);
  parser
      .Flag("--pin", options->pin,
            "Then run a bundled signed program, so that the kernel keeps this keyring and no "
            "other user's can take its place")
      .Excludes(files);
  parser.Value("--pin-folder", options->pin_folder, "DIR",
               "Folder, on an appraised file system, to run it from (TMPDIR, /var/tmp)");
  const DeclaredOption at_boot = parser.Flag(
      "--at-boot", options->at_boot,
      "How a machine may well be is no failure: a kernel without IMA, no keystore unless the "
      "configuration names one, a key that a trusted keyring refuses");
  parser
      .Flag("--strict", options->strict,
            "A keystore without certificates, and a policy that the kernel does not enforce, "
            "are failures")
      .Excludes(at_boot);
  return [options](Session& session) { return RunLoad(session, *options); };
}

}  // namespace jet::cli
