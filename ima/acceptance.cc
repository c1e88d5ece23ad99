#include "ima/acceptance.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/hex.h"
#include "ima/key_id.h"
#include "ima/mirror.h"

namespace jet::ima {
namespace {

using Answer = Told<Acceptance>;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

Answer CanVerifyWithEc(const std::string& type, const KernelState& kernel) {
  absl::string_view curve = type;
  (void)absl::ConsumePrefix(&curve, "ec:");
  const absl::optional<bool> supported = SupportsEcdsa(kernel, std::string(curve));
  if (!supported.has_value()) {
    return {Acceptance::kUnknown,
            absl::StrCat("whether this kernel verifies with ", type,
                         " keys is not known: /proc/crypto does not list ecdsa-nist-", curve)};
  }
  if (*supported) return {Acceptance::kAccepted, ""};
  return {Acceptance::kRefused,
          absl::StrCat("this kernel cannot verify with ", type,
                       " keys: CONFIG_CRYPTO_ECDSA is not ", "set in ", kernel.config->path())};
}

// How a message names the issuer that is wanted.
std::string IssuerText(const pki::Certificate& certificate, const pki::IssuerReference& issuer) {
  std::string text = absl::StrCat("its issuer '", certificate.issuer(), "'");
  if (issuer.key_identifier.has_value()) {
    absl::StrAppend(&text, " (key ", base::HexEncode(*issuer.key_identifier), ")");
  }
  return text;
}

// Whether keys on other rings than .builtin_trusted_keys count (ima/Kconfig,
// IMA_KEYRINGS_PERMIT_SIGNED_BY_BUILTIN_OR_SECONDARY). nullopt: it cannot be told.
absl::optional<bool> OthersVouch(const KernelState& kernel) {
  if (!kernel.config.has_value()) return absl::nullopt;
  return kernel.config->Of("IMA_KEYRINGS_PERMIT_SIGNED_BY_BUILTIN_OR_SECONDARY") ==
         KernelConfig::Value::kYes;
}

Answer FoundOn(const std::string& ring, const KernelState& kernel) {
  const std::string found = absl::StrCat("its issuer is on ", ring);
  if (ring == kBuiltinTrustedKeys || OthersVouch(kernel) == true) {
    return {Acceptance::kAccepted, found};
  }
  if (OthersVouch(kernel) == false) {
    return {Acceptance::kRefused, absl::StrCat(found, ", but this kernel's .ima takes only what ",
                                               kBuiltinTrustedKeys, " vouches for")};
  }
  return {Acceptance::kUnknown,
          absl::StrCat(found, "; whether that counts depends on how this kernel was built")};
}

Answer FindVoucher(const pki::Certificate& certificate, const RingCircumstances& circumstances) {
  const pki::IssuerReference issuer = pki::IssuerReferenceOf(certificate);
  std::vector<std::string> hidden;
  for (const KernelRing& ring : circumstances.vouching) {
    if (FindIssuer(issuer, ring.members) != nullptr) {
      return FoundOn(ring.name, circumstances.kernel);
    }
    if (ring.sight == RingSight::kHidden) hidden.push_back(ring.name);
  }
  const std::string wanted = IssuerText(certificate, issuer);
  if (hidden.empty()) {
    return {Acceptance::kRefused,
            absl::StrCat("no key that this kernel trusts signed it: wanted is ", wanted)};
  }
  return {Acceptance::kUnknown, absl::StrCat("wanted is ", wanted, ", and ",
                                             absl::StrJoin(hidden, ", "), " cannot be seen")};
}

}  // namespace

Told<Acceptance> CanVerifyWith(const pki::Certificate& certificate, const KernelState& kernel) {
  const crypto::KeyType& type = certificate.public_key().type();
  if (crypto::UseOf(type) == crypto::KeyUse::kNone) {
    return {Acceptance::kRefused, absl::StrCat("the kernel has no use for ", type.name, " keys")};
  }
  const absl::Status key_id = KeyIdOf(certificate).status();
  if (!key_id.ok()) return {Acceptance::kRefused, Text(key_id)};
  if (type.algorithm != crypto::KeyAlgorithm::kEc) return {Acceptance::kAccepted, ""};
  return CanVerifyWithEc(type.name, kernel);
}

Told<Acceptance> WouldAccept(const pki::Certificate& certificate,
                             const RingCircumstances& circumstances) {
  const Answer usable = CanVerifyWith(certificate, circumstances.kernel);
  if (usable.word == Acceptance::kRefused) return usable;
  const absl::Status twin = CheckNoTwinInRing(certificate, circumstances.members);
  if (!twin.ok()) return {Acceptance::kRefused, Text(twin)};
  if (!circumstances.trusted) return usable;
  const Answer vouched = FindVoucher(certificate, circumstances);
  return vouched.word == Acceptance::kAccepted && usable.word != Acceptance::kAccepted ? usable
                                                                                       : vouched;
}

const char* AcceptanceName(Acceptance acceptance) {
  switch (acceptance) {
    case Acceptance::kAccepted:
      return "accepted";
    case Acceptance::kRefused:
      return "refused";
    case Acceptance::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace jet::ima
