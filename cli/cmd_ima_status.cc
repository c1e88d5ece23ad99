#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/kernel_report.h"
#include "cli/keyring_option.h"
#include "cli/mirror_comparison.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "ima/acceptance.h"
#include "ima/key_facts.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

// The keys of the keystore, and what the ring's `members` make of them. There may be no keystore.
struct StoreSide {
  keystore::KeyListing listing;
  MirrorComparison comparison;
};

absl::StatusOr<keystore::KeyListing> ListKeys(const absl::StatusOr<keystore::Keystore>& store) {
  if (absl::IsNotFound(store.status())) return keystore::KeyListing();
  JET_RETURN_IF_ERROR(store.status());
  return store->List();
}

StoreSide Compare(const absl::StatusOr<keystore::Keystore>& store, keystore::KeyListing listing,
                  const std::vector<ima::KeyringMember>& members) {
  StoreSide side;
  if (store.ok()) {
    side.comparison = CompareMirror(*store, listing, members);
  } else {
    side.comparison.foreign = members;
  }
  side.listing = std::move(listing);
  return side;
}

void PrintPresent(Session& session, const ima::NamedCertificate& key,
                  const ima::KernelState& kernel) {
  const ima::Told<ima::Acceptance> usable = ima::CanVerifyWith(key.certificate, kernel);
  session.output.Object({{"type", "check"},
                         {"key", key.name},
                         {"result", "in-keyring"},
                         {"acceptance", ima::AcceptanceName(usable.word)},
                         {"detail", usable.why}});
  const bool good = usable.word == ima::Acceptance::kAccepted;
  session.output.Result({key.name, "in-keyring", good ? "" : absl::StrCat(", but ", usable.why),
                         good ? Tone::kGood : Tone::kDoubtful});
}

std::string AcceptanceText(const ima::Told<ima::Acceptance>& foretold) {
  const std::string why = foretold.why.empty() ? "" : absl::StrCat(": ", foretold.why);
  switch (foretold.word) {
    case ima::Acceptance::kAccepted:
      return absl::StrCat(", would be accepted", why);
    case ima::Acceptance::kRefused:
      return absl::StrCat(", would be refused or of no use", why);
    case ima::Acceptance::kUnknown:
      break;
  }
  return absl::StrCat(", may be accepted", why);
}

void PrintMissing(Session& session, const ima::NamedCertificate& key,
                  const ima::RingCircumstances& circumstances) {
  const ima::Told<ima::Acceptance> foretold = ima::WouldAccept(key.certificate, circumstances);
  session.output.Object({{"type", "check"},
                         {"key", key.name},
                         {"result", "not-in-keyring"},
                         {"acceptance", ima::AcceptanceName(foretold.word)},
                         {"detail", foretold.why}});
  session.output.Result({key.name, "not-in-keyring", AcceptanceText(foretold), Tone::kBad});
}

void PrintMember(Session& session, const ima::KeyringMember& member, const char* word,
                 const char* rest, Tone tone) {
  session.output.Object({{"type", "check"},
                         {"key", member.description},
                         {"result", word},
                         {"ski", IdentifierText(member)}});
  session.output.Result({member.description, word, rest, tone});
}

void PrintKeys(Session& session, const StoreSide& side,
               const ima::RingCircumstances& circumstances) {
  const MirrorComparison& comparison = side.comparison;
  for (const auto& key : comparison.present) PrintPresent(session, key, circumstances.kernel);
  for (const auto& key : comparison.missing) PrintMissing(session, key, circumstances);
  for (const ima::KeyringMember& member : comparison.stale) {
    PrintMember(session, member, "stale", ", mirrored once and no longer in the keystore",
                Tone::kBad);
  }
  for (const ima::KeyringMember& member : comparison.foreign) {
    PrintMember(session, member, "foreign", "", Tone::kPlain);
  }
  for (const keystore::DamagedKey& damaged : side.listing.damaged) {
    session.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
  }
}

void PrintNotes(Session& session, const MirrorComparison& comparison) {
  if (!comparison.missing.empty()) session.output.Note("jet-ima load mirrors what is missing");
  if (!comparison.stale.empty())
    session.output.Note("jet-ima load --prune takes out what is stale");
  if (!comparison.history_status.ok() && !comparison.foreign.empty()) {
    session.output.Note(
        absl::StrCat("whether a foreign key was once in this keystore is not known: ",
                     comparison.history_status.message()));
  }
}

void PrintSummary(Session& session, const absl::optional<std::string>& keyring,
                  const StoreSide& side) {
  const MirrorComparison& comparison = side.comparison;
  session.output.Object({{"type", "summary"},
                         {"keyring", keyring.has_value() ? Json(*keyring) : Json(nullptr)},
                         {"in_keyring", comparison.present.size()},
                         {"not_in_keyring", comparison.missing.size()},
                         {"foreign", comparison.foreign.size()},
                         {"damaged", side.listing.damaged.size()},
                         {"stale", comparison.stale.size()}});
  std::string counts = absl::StrCat(
      comparison.present.size(), " in the keyring, ", comparison.missing.size(), " not in it, ",
      comparison.stale.size(), " stale, ", comparison.foreign.size(), " foreign");
  const bool in_step = comparison.missing.empty() && comparison.stale.empty();
  session.output.Line(absl::StrCat(in_step ? "in step: " : "they differ: ", counts));
}

// Reports the kernel's own keyrings and returns those whose keys vouch. A kernel without IMA has no
// use for them.
std::vector<ima::KernelRing> SurveyRings(Session& session,
                                         const ima::RingCircumstances& circumstances) {
  if (circumstances.kernel.ima.word != ima::Presence::kPresent && !circumstances.trusted) return {};
  std::vector<ima::KernelRing> vouching = ima::ReadVouchingRings();
  std::vector<ima::KernelRing> all = {ima::ReadKernelRing(ima::kTrustedImaName)};
  all.insert(all.end(), vouching.begin(), vouching.end());
  ReportKernelRings(session, all);
  return vouching;
}

ExitStatus StatusOf(const StoreSide& side) {
  if (!side.listing.damaged.empty()) return ExitStatus::kCouldNotDo;
  const bool in_step = side.comparison.missing.empty() && side.comparison.stale.empty();
  return in_step ? ExitStatus::kGood : ExitStatus::kNo;
}

absl::StatusOr<ExitStatus> RunStatus(Session& session, const absl::optional<std::string>& keyring) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, keyring));
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  JET_ASSIGN_OR_RETURN(keystore::KeyListing listing, ListKeys(store));
  ima::RingCircumstances circumstances;
  circumstances.kernel = ima::ReadKernelState();
  ReportKernel(session, circumstances.kernel);
  const absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, keyring, ima::MissingKeyring::kReport);
  const bool absent = absl::IsNotFound(resolved.status());
  if (!resolved.ok() && !absent) return resolved.status();
  if (!absent && !resolved->keyring.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no keyring to compare the keystore with: ", resolved->why_none));
  }
  if (!absent) {
    circumstances.trusted = resolved->keyring->trusted();
    JET_ASSIGN_OR_RETURN(circumstances.members, resolved->keyring->List());
  }
  circumstances.vouching = SurveyRings(session, circumstances);
  const absl::optional<std::string> name =
      absent ? absl::nullopt : absl::make_optional(resolved->keyring->name());
  session.output.Labelled(
      {{"Keyring", name.value_or(absl::StrCat("none yet (", resolved.status().message(), ")"))}});
  const StoreSide side = Compare(store, std::move(listing), circumstances.members);
  PrintKeys(session, side, circumstances);
  PrintNotes(session, side.comparison);
  PrintSummary(session, name, side);
  return StatusOf(side);
}

}  // namespace

RunFunction DeclareImaStatus(OptionParser& parser) {
  auto keyring = std::make_shared<absl::optional<std::string>>();
  DeclareKeyring(parser, *keyring);
  return [keyring](Session& session) { return RunStatus(session, *keyring); };
}

}  // namespace jet::cli
