#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "appraise/explanation_parts.h"
#include "appraise/signature_outcome.h"
#include "ima/key_facts.h"
#include "ima/key_id.h"
#include "ima/mirror.h"
#include "ima/signing_certificate.h"

namespace jet::appraise {
namespace {

std::string KeyIdOfSignature(const Appraisal& appraisal) {
  return appraisal.key_id.has_value() ? ima::KeyIdText(*appraisal.key_id) : "";
}

// Says that the ring cannot be seen, where that is so.
bool AddHiddenRing(const ExplanationInput& input, std::vector<Finding>& findings) {
  if (!IsRingHidden(input.kernel)) return false;
  findings.push_back({"ring-not-visible",
                      absl::StrCat("Whether the kernel's keyring has the key cannot be seen: ",
                                   input.kernel.ring.why, "."),
                      "Ask again as root."});
  return true;
}

void AddBlacklist(const ExplanationInput& input, std::vector<Finding>& findings) {
  if (!IsBlacklisted(input)) return;
  findings.push_back(
      {"key-blacklisted",
       absl::StrCat("The keyring ", ima::kImaBlacklist, " holds a key that goes by the key id ",
                    KeyIdOfSignature(input.appraisal), ": the kernel takes no signature by it."),
       "Sign with another key. No key leaves that keyring until the kernel "
       "restarts."});
}

void AddRing(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::NamedCertificate& key = *input.appraisal.key;
  const ima::KernelRing& ring = input.kernel.ring;
  if (input.kernel.state.ima.word == ima::Presence::kAbsent) return;
  if (AddHiddenRing(input, findings)) return;
  if (RingLacks(input.kernel, key.certificate)) {
    const std::string where = ring.sight == ima::RingSight::kAbsent
                                  ? absl::StrCat("There is no keyring ", ring.name)
                                  : absl::StrCat("The key is not in the keyring ", ring.name);
    const std::string wanted =
        ring.name == ima::kTrustedImaName
            ? " .ima takes only certificates that a key which the kernel trusts has signed."
            : "";
    findings.push_back(
        {"key-not-in-ring", absl::StrCat(where, ", so the kernel cannot find it."),
         absl::StrCat("'jet-ima load' puts the keystore's certificates into it.", wanted)});
    return;
  }
  if (RingKeysOfKeyId(input) > 1) {
    findings.push_back(
        {"ambiguous-key",
         absl::StrCat("The keyring ", ring.name, " has several keys that go by the key id ",
                      KeyIdOfSignature(input.appraisal),
                      ", and the kernel tries only the first that it finds."),
         "Take the others out of the keyring, or sign with a key whose subject key identifier ends "
         "otherwise."});
    return;
  }
  findings.push_back(
      {"key-in-ring", absl::StrCat("The key is in the keyring ", ring.name, "."), ""});
}

void AddDates(const ExplanationInput& input, std::vector<Finding>& findings) {
  const absl::Status dates = ima::CheckDates(input.appraisal.key->certificate, input.now);
  if (dates.ok()) return;
  findings.push_back({"certificate-not-current",
                      absl::StrCat("Of its signer ", dates.message(),
                                   "; the kernel does not look at the dates of certificates."),
                      "Renew the certificate and sign with it; --require-current makes this a "
                      "failure."});
}

void AddKnownSigner(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::NamedCertificate& key = *input.appraisal.key;
  const char* verb =
      input.appraisal.verdict == Verdict::kValid ? "It is signed" : "It names the key";
  findings.push_back(
      {"signer",
       absl::StrCat(verb, input.appraisal.verdict == Verdict::kValid ? " by the key '" : " '",
                    key.name, "' (key id ", KeyIdOfSignature(input.appraisal), ", certificate of '",
                    key.certificate.subject(), "')."),
       ""});
  AddRing(input, findings);
  AddDates(input, findings);
}

// The trusted certificate without a usable identifier whose key made this signature, as far as the
// key id tells: evmctl makes one of the public key then.
const ima::NamedCertificate* NamelessSigner(const ExplanationInput& input) {
  if (!input.appraisal.key_id.has_value()) return nullptr;
  for (const ima::NamedCertificate& candidate : input.trust.certificates()) {
    if (ima::KeyIdOf(candidate.certificate).ok()) continue;
    const absl::StatusOr<base::Bytes> identifier = candidate.certificate.PublicKeyIdentifier();
    if (!identifier.ok()) continue;
    const base::ByteSpan tail = base::Tail(*identifier, input.appraisal.key_id->size());
    if (tail == base::ByteSpan(*input.appraisal.key_id)) return &candidate;
  }
  return nullptr;
}

std::vector<std::string> NamelessCertificates(const TrustSet& trust) {
  std::vector<std::string> names;
  for (const ima::NamedCertificate& certificate : trust.certificates()) {
    if (!ima::KeyIdOf(certificate.certificate).ok()) {
      names.push_back(absl::StrCat("'", certificate.name, "'"));
    }
  }
  return names;
}

constexpr char kNamelessRemedy[] =
    "Have a certificate issued with a subject key identifier (openssl: subjectKeyIdentifier=hash; "
    "'jet-keystore generate' makes one), load it, and sign again.";

void AddUnknownSigner(const ExplanationInput& input, std::vector<Finding>& findings) {
  const std::string key_id = KeyIdOfSignature(input.appraisal);
  if (const ima::NamedCertificate* const signer = NamelessSigner(input)) {
    findings.push_back(
        {"certificate-without-ski",
         absl::StrCat("The key id ", key_id, " is made of the public key of '", signer->name,
                      "', whose certificate has no subject key identifier of 4 bytes or more: the "
                      "kernel does not find a key by that."),
         kNamelessRemedy});
    AddHiddenRing(input, findings);
    return;
  }
  const bool in_ring = RingKeysOfKeyId(input) > 0;
  findings.push_back(
      {"unknown-signer",
       absl::StrCat("The signature names the key id ", key_id,
                    ", and none of the trusted keys goes by it",
                    in_ring ? absl::StrCat("; but the keyring ", input.kernel.ring.name,
                                           " holds one that does, so this kernel may run it")
                            : "",
                    "."),
       "If you trust the signer, import its certificate ('jet-keystore import --key-name NAME "
       "--x509-cert FILE'); if not, distrust the file. A signature by the wrong key is replaced by "
       "signing again with --force."});
  AddHiddenRing(input, findings);
  const std::vector<std::string> nameless = NamelessCertificates(input.trust);
  if (nameless.empty()) return;
  findings.push_back(
      {"certificate-without-ski",
       absl::StrCat("No signature can name the key of ", absl::StrJoin(nameless, ", "),
                    ": its certificate has no subject key identifier of 4 bytes or "
                    "more."),
       kNamelessRemedy});
}

}  // namespace

void AddSigner(const ExplanationInput& input, std::vector<Finding>& findings) {
  const Appraisal& appraisal = input.appraisal;
  AddBlacklist(input, findings);
  if (appraisal.key != nullptr) {
    AddKnownSigner(input, findings);
    const pki::Certificate& certificate = appraisal.key->certificate;
    if (!certificate.subject_key_identifier().has_value()) {
      findings.push_back({"certificate-without-ski",
                          "Its certificate has no subject key identifier: the kernel finds the key "
                          "by the end of its issuer's name, which all certificates of that issuer "
                          "have.",
                          kNamelessRemedy});
    }
  } else if (appraisal.verdict == Verdict::kUnknownKey) {
    AddUnknownSigner(input, findings);
  } else if (appraisal.verdict == Verdict::kAmbiguousKey) {
    findings.push_back(
        {"ambiguous-key",
         absl::StrCat("Two trusted keys go by the key id ", KeyIdOfSignature(appraisal),
                      ", and the kernel tries only the first that it finds."),
         "Take one of the two out of the keystore and the keyring, or appraise with "
         "--key NAME."});
  }
}

}  // namespace jet::appraise
