#include "cli/mirror_loader.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::cli {

void MirrorLoader::ReportKey(const ima::MirrorResult& result, const char* word) {
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

void MirrorLoader::ReportMember(const ima::KeyringMember& member, const char* word, Tone tone,
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

void MirrorLoader::Unlink(const ima::KeyringMember& member,
                          const keystore::MirrorHistory& history) {
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

void MirrorLoader::Prune(const MirrorComparison& comparison) {
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

void MirrorLoader::ReportStale(const MirrorComparison& comparison) {
  counts_.stale = comparison.stale.size();
  for (const ima::KeyringMember& member : comparison.stale) {
    ReportMember(member, "stale", Tone::kDoubtful);
  }
  if (!comparison.stale.empty()) {
    session_.output.Note("stale keys are no longer in the keystore: --prune takes them out");
  }
}

void MirrorLoader::ReportForeign(const std::vector<ima::KeyringMember>& foreign) {
  counts_.foreign = foreign.size();
  for (const ima::KeyringMember& member : foreign) ReportMember(member, "foreign", Tone::kPlain);
}

void MirrorLoader::Mirror(const std::vector<ima::NamedCertificate>& certificates,
                          const std::vector<ima::KeyringMember>& members, const char* word,
                          size_t& count) {
  const std::vector<ima::MirrorResult> results = ima::ApplyMirror(certificates, members, keyring_);
  for (size_t i = 0; i < results.size(); ++i) {
    const bool added = results[i].added.ok();
    ++(added ? count : counts_.failed);
    if (added) {
      mirrored_.push_back(certificates[i].certificate);
    } else {
      ++counts_.missing;
      if (base::ErrnoOf(results[i].added.status()) == ENOKEY) ++counts_.not_vouched_for;
    }
    ReportKey(results[i], added ? word : "refused");
  }
}

absl::Status MirrorLoader::Load(const keystore::Keystore& store,
                                const keystore::KeyListing& listing, bool prune) {
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
  ReportForeign(comparison.foreign);
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session_.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
    ++counts_.failed;
    ++counts_.missing;
  }
  return absl::OkStatus();
}

absl::Status MirrorLoader::LoadFiles(const std::vector<ima::NamedCertificate>& certificates) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring_.List());
  const ima::MirrorPlan plan = ima::PlanMirror(certificates, members);
  Mirror(plan.present, members, "present", counts_.present);
  Mirror(plan.missing, members, "added", counts_.added);
  ReportForeign(plan.foreign);
  return absl::OkStatus();
}

void PrintLoadSummary(Session& session, const std::string& keyring, const LoadCounts& counts,
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

}  // namespace jet::cli
