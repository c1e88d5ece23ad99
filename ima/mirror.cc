#include "ima/mirror.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_id.h"

namespace jet::ima {
namespace {

bool IsMemberFor(const KeyringMember& member, const pki::Certificate& certificate) {
  // Without an identifier on either side nothing is known: two unknowns are not equal.
  return member.subject_key_identifier.has_value() &&
         certificate.subject_key_identifier().has_value() &&
         *member.subject_key_identifier == *certificate.subject_key_identifier();
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
    (HoldsKeyOf(members, named.certificate) ? plan.present : plan.missing).push_back(named);
  }
  for (const KeyringMember& member : members) {
    if (IsForeign(member, certificates)) plan.foreign.push_back(member);
  }
  return plan;
}

std::vector<MirrorResult> ApplyMirror(const std::vector<NamedCertificate>& certificates,
                                      const std::vector<KeyringMember>& members,
                                      const Keyring& keyring) {
  std::vector<MirrorResult> results;
  results.reserve(certificates.size());
  for (const NamedCertificate& named : certificates) {
    results.push_back(
        MirrorResult{named.name, MirrorCertificate(named.certificate, members, keyring)});
  }
  return results;
}

absl::StatusOr<KeySerial> MirrorCertificate(const pki::Certificate& certificate,
                                            const std::vector<KeyringMember>& members,
                                            const Keyring& keyring) {
  JET_RETURN_IF_ERROR(CheckNoTwinInRing(certificate, members));
  const absl::StatusOr<KeySerial> added = keyring.Add(certificate);
  const auto present = std::find_if(
      members.begin(), members.end(),
      [&certificate](const KeyringMember& member) { return IsMemberFor(member, certificate); });
  if (present == members.end()) return added;
  // A ring that was closed (keyctl restrict_keyring) after it was filled.
  if (base::ErrnoOf(added.status()) == EPERM) return present->serial;
  JET_RETURN_IF_ERROR(added.status());
  // Listed anew: the kernel has replaced the member with the same description itself, and to unlink
  // that one now would unlink its successor, as the kernel goes by the description, not the serial.
  JET_ASSIGN_OR_RETURN(const std::vector<KeyringMember> left, keyring.List());
  for (const KeyringMember& member : left) {
    if (member.serial == *added || !IsMemberFor(member, certificate)) continue;
    JET_RETURN_IF_ERROR(keyring.Unlink(member.serial));
  }
  return added;
}

bool HoldsKeyOf(const std::vector<KeyringMember>& members, const pki::Certificate& certificate) {
  return std::any_of(members.begin(), members.end(), [&certificate](const KeyringMember& member) {
    return IsMemberFor(member, certificate);
  });
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
