#include "ima/key_id.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/hex.h"

namespace jet::ima {
namespace {

KeyId FromTail(base::ByteSpan bytes) {
  KeyId key_id;
  const base::ByteSpan tail = base::Tail(bytes, key_id.size());
  std::copy(tail.begin(), tail.end(), key_id.begin());
  return key_id;
}

// The ends of the two ids under which the kernel files the key; an id shorter than 4 bytes is never
// found and left out.
std::vector<KeyId> KeyIdsOf(const pki::Certificate& certificate) {
  std::vector<KeyId> key_ids;
  base::Bytes serial_and_issuer = certificate.serial_content();
  const base::Bytes& issuer = certificate.issuer_content();
  serial_and_issuer.insert(serial_and_issuer.end(), issuer.begin(), issuer.end());
  if (serial_and_issuer.size() >= KeyId().size()) key_ids.push_back(FromTail(serial_and_issuer));
  const auto& identifier = certificate.subject_key_identifier();
  if (identifier.has_value() && identifier->size() >= KeyId().size()) {
    key_ids.push_back(FromTail(*identifier));
  }
  return key_ids;
}

}  // namespace

std::string KeyIdText(const KeyId& key_id) { return base::HexEncode(key_id); }

absl::StatusOr<KeyId> KeyIdOf(const pki::Certificate& certificate) {
  const auto& identifier = certificate.subject_key_identifier();
  if (!identifier.has_value()) {
    return absl::FailedPreconditionError(
        "the certificate has no subject key identifier, so no signature can name its key");
  }
  if (identifier->size() < KeyId().size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate's subject key identifier has ", identifier->size(),
                     " bytes; the kernel finds a key only by 4 or more"));
  }
  return FromTail(*identifier);
}

bool Matches(const pki::Certificate& certificate, const KeyId& key_id) {
  const std::vector<KeyId> own = KeyIdsOf(certificate);
  return std::find(own.begin(), own.end(), key_id) != own.end();
}

bool ShareKeyId(const pki::Certificate& a, const pki::Certificate& b) {
  const absl::StatusOr<KeyId> of_a = KeyIdOf(a);
  const absl::StatusOr<KeyId> of_b = KeyIdOf(b);
  return (of_a.ok() && Matches(b, *of_a)) || (of_b.ok() && Matches(a, *of_b));
}

}  // namespace jet::ima
