#include "ima/mirror.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "ima/key_id.h"

namespace jet::ima {
namespace {

bool IsMemberFor(const KeyringMember& member, const pki::Certificate& certificate) {
  // Without an identifier on either side nothing is known: two unknowns are not equal.
  return member.subject_key_identifier.has_value() &&
         certificate.subject_key_identifier().has_value() &&
         *member.subject_key_identifier == *certificate.subject_key_identifier();
}

bool IsInRing(const pki::Certificate& certificate, const std::vector<KeyringMember>& members) {
  return std::any_of(members.begin(), members.end(), [&certificate](const KeyringMember& member) {
    return IsMemberFor(member, certificate);
  });
}

bool IsForeign(const KeyringMember& member, const std::vector<NamedCertificate>& certificates) {
  return std::none_of(
      certificates.begin(), certificates.end(),
      [&member](const NamedCertificate& named) { return IsMemberFor(member, named.certificate); });
}

// True when a signature that names the key of `member` would also name that of `certificate`.
bool IsTwin(const KeyringMember& member, const pki::Certificate& certificate) {
  if (!member.subject_key_identifier.has_value() || IsMemberFor(member, certificate)) return false;
  KeyId key_id;
  const base::ByteSpan tail = base::Tail(*member.subject_key_identifier, key_id.size());
  if (tail.size() < key_id.size()) return false;  // the kernel never finds it
  std::copy(tail.begin(), tail.end(), key_id.begin());
  return Matches(certificate, key_id);
}

}  // namespace

MirrorPlan PlanMirror(const std::vector<NamedCertificate>& certificates,
                      const std::vector<KeyringMember>& members) {
  MirrorPlan plan;
  for (const NamedCertificate& named : certificates) {
    (IsInRing(named.certificate, members) ? plan.present : plan.missing).push_back(named);
  }
  for (const KeyringMember& member : members) {
    if (IsForeign(member, certificates)) plan.foreign.push_back(member);
  }
  return plan;
}

std::vector<MirrorResult> ApplyMirror(const MirrorPlan& plan, const Keyring& keyring) {
  std::vector<MirrorResult> results;
  for (const NamedCertificate& named : plan.missing) {
    results.push_back(MirrorResult{named.name, keyring.Add(named.certificate)});
  }
  return results;
}

absl::Status CheckNoTwinInRing(const pki::Certificate& certificate,
                               const std::vector<KeyringMember>& members) {
  for (const KeyringMember& member : members) {
    if (!IsTwin(member, certificate)) continue;
    const base::Bytes& identifier = *member.subject_key_identifier;
    return absl::AlreadyExistsError(absl::StrCat(
        "key ", member.serial, " of the keyring, '", member.description, "', has the same key id ",
        base::HexEncode(base::Tail(identifier, KeyId().size())),
        ": the kernel would try only one of the two, and refuse what the other signed"));
  }
  return absl::OkStatus();
}

}  // namespace jet::ima
