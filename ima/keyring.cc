#include "ima/keyring.h"

#include <keyutils.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_facts.h"

namespace jet::ima {
namespace {

bool IsGone(int error_number) {
  return error_number == ENOKEY || error_number == EKEYREVOKED || error_number == EKEYEXPIRED;
}

// The kernel ends the descriptions that it makes in ": " and lower-case digits
// (x509_public_key.c, x509_key_preparse).
absl::optional<base::Bytes> IdentifierAtEnd(absl::string_view description) {
  const size_t colon = description.rfind(": ");
  if (colon == absl::string_view::npos) return absl::nullopt;
  const absl::string_view digits = description.substr(colon + 2);
  absl::StatusOr<base::Bytes> identifier = base::HexDecode(digits);
  if (!identifier.ok() || identifier->empty() || base::HexEncode(*identifier) != digits) {
    return absl::nullopt;
  }
  return *std::move(identifier);
}

// Returns nullopt for a key that is gone, revoked or expired.
absl::StatusOr<absl::optional<KeyringMember>> ReadMember(KeySerial serial) {
  KeyringMember member;
  member.serial = serial;
  absl::StatusOr<KeyFacts> facts = DescribeKey(serial);
  if (!facts.ok()) {
    const int error_number = base::ErrnoOf(facts.status());
    if (IsGone(error_number)) return absl::nullopt;
    // Another user's key that may not be viewed is in the ring all the same.
    if (error_number == EACCES) return member;
    return facts.status();
  }
  if (facts->type == kAsymmetricType) {
    member.subject_key_identifier = IdentifierAtEnd(facts->description);
  }
  member.type = std::move(facts->type);
  member.description = std::move(facts->description);
  return member;
}

absl::StatusOr<std::vector<KeySerial>> ReadSerials(KeySerial ring, const std::string& name) {
  void* content = nullptr;
  const int size = keyctl_read_alloc(ring, &content);
  if (size < 0) return base::SystemError(errno, absl::StrCat("cannot list the keyring ", name));
  const std::unique_ptr<void, FreeMemory> owned(content);
  const auto* const first = static_cast<const KeySerial*>(content);
  return std::vector<KeySerial>(first, first + static_cast<size_t>(size) / sizeof(KeySerial));
}

std::string ExplainUnknownSigner(const pki::Certificate& certificate,
                                 const std::string& keyring_name) {
  if (keyring_name != kTrustedImaName) {
    return "the keyring is gone, or it is restricted to certificates that a key of another keyring "
           "signed";
  }
  return absl::StrCat(
      "no key that this kernel trusts signed this certificate: the key of its issuer '",
      certificate.issuer(),
      "' has to be on .builtin_trusted_keys, .secondary_trusted_keys or .machine; have that issuer "
      "enrolled, have the certificate issued by one that is, or do without the kernel's keyring "
      "(--keyring none)");
}

std::string ExplainUnknownAlgorithm(const pki::Certificate& certificate) {
  return absl::StrCat("this kernel does not know the type of the key (",
                      certificate.public_key().type().name,
                      ") or the hash with which the certificate is signed; RSA with SHA-256 works "
                      "on every kernel with IMA");
}

}  // namespace

absl::StatusOr<std::vector<KeyringMember>> Keyring::List() const {
  JET_ASSIGN_OR_RETURN(const std::vector<KeySerial> serials, ReadSerials(serial_, name_));
  std::vector<KeyringMember> members;
  for (const KeySerial serial : serials) {
    JET_ASSIGN_OR_RETURN(absl::optional<KeyringMember> member, ReadMember(serial));
    if (member.has_value()) members.push_back(*std::move(member));
  }
  return members;
}

absl::StatusOr<KeySerial> Keyring::Add(const pki::Certificate& certificate) const {
  const base::Bytes& der = certificate.der();
  const KeySerial added = add_key(kAsymmetricType, "", der.data(), der.size(), serial_);
  if (added > 0) return added;
  const int error_number = errno;
  return base::SystemError(
      error_number,
      absl::StrCat("cannot add the certificate '", certificate.subject(), "' to the keyring ",
                   name_, ": ", ExplainAddKeyError(error_number, certificate, name_)));
}

absl::Status Keyring::Unlink(KeySerial serial) const {
  if (keyctl_unlink(serial, serial_) == 0) return absl::OkStatus();
  const int error_number = errno;
  if (error_number == ENOENT) return absl::OkStatus();
  // ENOKEY says that either of the two is gone: a key that is gone is in no ring.
  if (error_number == ENOKEY && DescribeKey(serial_).ok()) return absl::OkStatus();
  return base::SystemError(error_number,
                           absl::StrCat("cannot remove key ", serial, " from the keyring ", name_));
}

std::string ExplainAddKeyError(int error_number, const pki::Certificate& certificate,
                               const std::string& keyring_name) {
  switch (error_number) {
    case ENOKEY:
      return ExplainUnknownSigner(certificate, keyring_name);
    case ENOPKG:
    case ENOENT:  // Linux 6.18 without CONFIG_CRYPTO_ECDSA
      return ExplainUnknownAlgorithm(certificate);
    case EKEYREJECTED:
      return "the certificate or its key is on the kernel's blacklist, or its signature is wrong";
    case EKEYREVOKED:
      return "the keyring, or the key that signed this certificate, is revoked";
    case EKEYEXPIRED:
      return "the keyring, or the key that signed this certificate, is expired";
    case EACCES:
      return "this process does not possess the keyring (its session keyring does not lead there), "
             "may not write to it, or a security module forbids it";
    case EPERM:
      return "the keyring takes no more keys: it is restricted (keyctl restrict_keyring), or "
             "changing it needs a privilege that this process has not";
    case EINVAL:
      return "the kernel finds the certificate's signature, key size or parameters wrong; an "
             "issuer "
             "of the right name but with another key gives this, and so do RSA keys of other sizes "
             "than 512, 1024, 1536, 2048, 3072 and 4096 bits";
    case EBADMSG:
      return "the kernel's parser does not take this certificate";
    case EDQUOT:
      return "the quota of keys for this user is used up (/proc/sys/kernel/keys)";
    case EOPNOTSUPP:
    case ENODEV:
      return "this kernel has no asymmetric keys (CONFIG_ASYMMETRIC_KEY_TYPE) or the keyring does "
             "not take them";
    default:
      return "the kernel gave no reason that is known here";
  }
}

}  // namespace jet::ima
