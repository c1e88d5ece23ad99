#include "cli/mirror_comparison.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"

namespace jet::cli {
namespace {

std::vector<ima::NamedCertificate> CertificatesOf(const keystore::KeyListing& listing) {
  std::vector<ima::NamedCertificate> certificates;
  for (const keystore::StoredKey& key : listing.keys) {
    certificates.push_back({key.name, key.certificate});
  }
  return certificates;
}

// The certificate of a damaged key is not known: the key in the ring could be its own.
absl::Status CheckNoneDamaged(const keystore::KeyListing& listing) {
  if (listing.damaged.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("key '", listing.damaged.front().name,
                   "' of the keystore is damaged, and which key of the ring is its own cannot be "
                   "told: delete or restore it first"));
}

bool WasMirrored(const keystore::MirrorHistory& history, const ima::KeyringMember& member) {
  return member.subject_key_identifier.has_value() &&
         history.CountWith(*member.subject_key_identifier) > 0;
}

}  // namespace

MirrorComparison CompareMirror(const keystore::Keystore& store, const keystore::KeyListing& listing,
                               const std::vector<ima::KeyringMember>& members) {
  ima::MirrorPlan plan = ima::PlanMirror(CertificatesOf(listing), members);
  MirrorComparison comparison;
  comparison.missing = std::move(plan.missing);
  comparison.present = std::move(plan.present);
  absl::StatusOr<keystore::MirrorHistory> history = store.Mirrored();
  comparison.history_status = history.ok() ? CheckNoneDamaged(listing) : history.status();
  if (history.ok()) comparison.history = *std::move(history);
  for (ima::KeyringMember& member : plan.foreign) {
    const bool stale = comparison.history_status.ok() && WasMirrored(comparison.history, member);
    (stale ? comparison.stale : comparison.foreign).push_back(std::move(member));
  }
  return comparison;
}

std::string IdentifierText(const ima::KeyringMember& member) {
  return member.subject_key_identifier.has_value() ? base::HexEncode(*member.subject_key_identifier)
                                                   : std::string();
}

std::string KeysText(size_t count) { return absl::StrCat(count, count == 1 ? " key" : " keys"); }

}  // namespace jet::cli
